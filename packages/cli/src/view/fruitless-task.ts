import type { StepTable } from '@evenkeel/activities';

/** Steps without a single group to learn from, after which a task is told of. */
const PATIENCE = 5;
/** Share of the drawn prompts from which on a task costs the others something. */
const BURDEN = 0.4;

/** A task that is drawn and drawn, and has nothing to be learned from. */
export interface FruitlessTask {
  readonly task: string;
  readonly steps: number;
  /** Of the prompts drawn in these steps. */
  readonly share: number;
}

/**
 * Tasks of which, in each of the last five steps, groups were drawn and none had a gradient, while they took a large part of all prompts.
 * A method that keeps to its target draws them for ever: its weight for them rises, and their part of the batch is never filled.
 *
 * @param tables the run's last steps, oldest first
 */
export function fruitlessTasks(tables: readonly StepTable[]): FruitlessTask[] {
  const last = tables.slice(-PATIENCE);
  if (last.length < PATIENCE) return [];
  const rows = last.flatMap(({ tasks }) => tasks);
  const all = rows.reduce((sum, { drawn }) => sum + drawn, 0);
  return last[0]!.tasks.flatMap(({ task }) => {
    const own = rows.filter((row) => row.task === task);
    const isFruitless = own.length === PATIENCE && own.every(({ drawn, kept }) => drawn > 0 && kept === 0);
    const share = own.reduce((sum, { drawn }) => sum + drawn, 0) / Math.max(1, all);
    return isFruitless && share >= BURDEN ? [{ task, steps: PATIENCE, share }] : [];
  });
}

/** What is said of it, with the ways out. */
export function fruitlessTaskText(run: string, { task, steps, share }: FruitlessTask): string {
  const percent = (100 * share).toFixed(0);
  return `Task "${task}" has had nothing to learn from in ${steps} steps, and takes ${percent} % of the prompts: retire it (evenkeel task retire ${run} ${task}), give it an easier level, or let planner.resamplingRounds bound what it takes`;
}
