/** Numbers as CSV; a comparison's: one row a task and evaluation, and one a task and step. */
import type { RunMeasures } from './run-measures.ts';

export function csv(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null) => {
    const text = value === null ? '' : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[head, ...rows].map((row) => row.map(cell).join(',')).join('\n')}\n`;
}

/** Accuracies on what no run trains on. */
export function evaluationsCsv(measures: readonly RunMeasures[]): string {
  return csv(
    ['arm', 'seed', 'step', 'rollouts', 'task', 'accuracy'],
    measures.flatMap(({ arm, seed, curve }) =>
      curve.flatMap(({ step, rollouts, accuracies }) =>
        Object.entries(accuracies).map(([task, accuracy]) => [arm, seed, step, rollouts, task, accuracy]),
      ),
    ),
  );
}

/** Every step's table. */
export function stepsCsv(measures: readonly RunMeasures[]): string {
  return csv(
    [
      'arm',
      'seed',
      'step',
      'task',
      'weight',
      'filter_rate',
      'accuracy',
      'reward',
      'drawn',
      'kept',
      'trained',
      'improvement',
      'step_rounds',
      'step_completions',
    ],
    measures.flatMap(({ arm, seed, steps }) =>
      steps.flatMap(({ step, tasks, rounds, sequences }) =>
        tasks.map(({ task, weight, filterRate, accuracy, reward, drawn, kept, trained, improvement }) => [
          ...[arm, seed, step, task, weight, filterRate, accuracy, reward, drawn, kept, trained, improvement],
          ...[rounds, sequences],
        ]),
      ),
    ),
  );
}
