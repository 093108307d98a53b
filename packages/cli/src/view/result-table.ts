/** The end of a run as lines of text: base against trained, where things lie, and what to type next. Pure. */
import { worstTask } from '@evenkeel/algorithms';
import type { Count, Estimate } from './estimate.ts';
import { differenceEstimate, meanEstimate, taskEstimate } from './estimate.ts';
import { type Paint, paintWith, percent, points } from './terminal-text.ts';
import { textTable } from './text-table.ts';

/** An evaluation's counts, as `Evaluation` of `@evenkeel/activities` has them. */
export interface EvaluationCounts {
  readonly step: number;
  readonly tasks: readonly ({ readonly task: string } & Count)[];
}

export interface ResultTableInput {
  readonly base: EvaluationCounts;
  readonly trained: EvaluationCounts;
  readonly samplesPerPrompt?: number;
  /** Which puzzles they are; default `heldout`. */
  readonly split?: 'heldout' | 'tune' | 'train';
}

const SPLITS = {
  heldout: 'held-out puzzles per task: never trained on',
  tune: 'puzzles per task of the tuning split: never trained on, but settings may be chosen by them',
  train: 'puzzles per task of the training split',
} as const;

/**
 * Base against trained, task by task, then the worst task and the average, each with its 95 % interval. Tasks may have come or gone on
 * the way: they have a line, but worst and average are of those that are in both, for nothing else could be compared.
 */
export function resultTable(
  { base, trained, samplesPerPrompt = 1, split = 'heldout' }: ResultTableInput,
  color: boolean,
): string[] {
  const paint = paintWith(color);
  const estimates = (counts: EvaluationCounts) =>
    new Map(counts.tasks.map((row) => [row.task, taskEstimate(row, samplesPerPrompt)]));
  const [before, after] = [estimates(base), estimates(trained)];
  const rows = [...new Set([...after.keys(), ...before.keys()])].map((task) =>
    row(task, before.get(task) ?? null, after.get(task) ?? null, paint),
  );
  const inBoth = <T extends { readonly task: string }>(tasks: readonly T[]) =>
    tasks.filter(({ task }) => before.has(task) && after.has(task));
  const common = inBoth(trained.tasks);
  const of = common.length === 0 || common.length === rows.length ? '' : ` of the ${common.length} in both`;
  const [worstBefore, worstAfter] = [worstOf(before, common), worstOf(after, common)];
  const worstName =
    worstBefore?.task === worstAfter?.task
      ? `worst${of}: ${worstAfter?.task ?? '–'}`
      : `worst${of}: ${worstBefore?.task ?? '–'}, ${worstAfter?.task ?? '–'}`;
  const puzzles = trained.tasks.map(({ total }) => Math.round(total / samplesPerPrompt));
  return [
    ...textTable(
      [
        { heading: 'task' },
        { heading: 'base', right: true },
        { heading: '95 %', right: true },
        { heading: 'trained', right: true },
        { heading: '95 %', right: true },
        { heading: 'points', right: true },
        { heading: '95 %', right: true },
      ],
      [
        ...rows,
        row(worstName, worstBefore?.estimate ?? null, worstAfter?.estimate ?? null, paint),
        row(
          `average${of}`,
          meanEstimate(inBoth(base.tasks), samplesPerPrompt),
          meanEstimate(common, samplesPerPrompt),
          paint,
        ),
      ],
    ),
    '',
    ...[
      `${rangeText(puzzles)} ${SPLITS[split]}, the same for every run.`,
      `base: step ${base.step}; trained: step ${trained.step}. Intervals: Wilson's; of a change Newcombe's, base and trained taken as independent.`,
    ].map((line) => paint('dim', line)),
  ];
}

function row(name: string, base: Estimate | null, trained: Estimate | null, paint: Paint): string[] {
  const change = base === null || trained === null ? null : differenceEstimate(base, trained);
  return [
    name,
    percent(base?.value ?? null),
    shares(base),
    percent(trained?.value ?? null),
    shares(trained),
    change === null ? '–' : paint(change.low > 0 ? 'green' : change.high < 0 ? 'red' : 'bold', points(change.value)),
    change === null ? '' : `${points(change.low)} to ${points(change.high)}`,
  ];
}

/** `35.2–48.9` in per cent. */
export function shares(estimate: Estimate | null): string {
  return estimate === null ? '' : `${(100 * estimate.low).toFixed(1)}–${(100 * estimate.high).toFixed(1)}`;
}

function worstOf(
  estimates: ReadonlyMap<string, Estimate | null>,
  among: readonly { readonly task: string }[],
): { task: string; estimate: Estimate } | null {
  const known = among.flatMap(({ task }) => {
    const estimate = estimates.get(task) ?? null;
    return estimate === null ? [] : [[task, estimate] as const];
  });
  const worst = worstTask(Object.fromEntries(known.map(([task, { value }]) => [task, value])));
  return worst === null ? null : { task: worst.task, estimate: Object.fromEntries(known)[worst.task]! };
}

function rangeText(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? String(least) : `${least} to ${most}`;
}

export interface ResultPlaces {
  readonly run: string;
  readonly seed: number;
  /** The run's folder. */
  readonly folder: string;
  readonly policy: { readonly path: string; readonly sha256: string };
  /** Address of the run in the Temporal UI while the home runs; null otherwise. */
  readonly temporalUi: string | null;
}

/** Where things lie, and what to type next. */
export function resultPlaces({ run, seed, folder, policy, temporalUi }: ResultPlaces): string[] {
  return [
    ...textTable(
      [{ heading: 'Where it lies' }, { heading: '' }],
      [
        ['  policy', `${policy.path} (opens in transformers)`],
        ['  weights', `sha256 ${policy.sha256}`],
        ['  metrics', `${folder}/metrics.arrow, and as JSON in steps/ and evaluations/`],
        ['  history', temporalUi ?? 'in the Temporal UI, whenever this home runs (npm start shows its address)'],
      ],
    ),
    '',
    ...textTable(
      [{ heading: 'What to type next' }, { heading: '' }],
      [
        [`  ./evenkeel show ${run}`, 'each step: accuracy, weight and filter rate per task'],
        [`  ./evenkeel evaluate ${run} --prompts-per-task 1000`, 'the trained policy on more puzzles'],
        [`  npm start -- --run ${nextName(run)} --seed ${seed + 1}`, 'the same with another seed'],
        [`  npm start -- --run ${run}-grpo --method grpo`, 'the baseline beside it'],
      ],
    ),
  ];
}

/** `first-run` → `first-run-2` → `first-run-3`. */
function nextName(run: string): string {
  const numbered = /^(.*)-(\d+)$/.exec(run);
  return numbered === null ? `${run}-2` : `${numbered[1]}-${Number(numbered[2]) + 1}`;
}
