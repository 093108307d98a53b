/** What `evaluate` says of its counts: for people and as JSON. */
import { worstTask } from '@evenkeel/algorithms';
import { meanEstimate, taskEstimate } from '../view/estimate.ts';
import { shares } from '../view/result-table.ts';
import { percent } from '../view/terminal-text.ts';
import { textTable } from '../view/text-table.ts';
import type { TaskCount } from './evaluate-policy.ts';

/** The settings that a reader needs to compare figures. */
export interface ReportedSettings {
  readonly split: string;
  readonly promptsPerTask: number;
  readonly samplesPerPrompt: number;
  readonly temperature: number;
  readonly maxNewTokens: number;
  readonly seed: number;
}

function accuracyOf({ correct, total }: TaskCount): number | null {
  return total === 0 ? null : correct / total;
}

function worstOf(tasks: readonly TaskCount[]) {
  const known = tasks.filter(({ total }) => total > 0);
  return worstTask(Object.fromEntries(known.map((row) => [row.task, accuracyOf(row)!])));
}

/** An evaluation as JSON lines: one per task, and one of all. */
export function evaluationLines(
  tasks: readonly TaskCount[],
  settings: ReportedSettings,
  policy: { model: string; sha256: string },
): unknown[] {
  const { samplesPerPrompt, split, promptsPerTask, temperature, maxNewTokens, seed } = settings;
  const rows = tasks.map((row) => {
    const estimate = taskEstimate(row, samplesPerPrompt);
    return {
      kind: 'task',
      ...row,
      accuracy: accuracyOf(row),
      low: estimate?.low ?? null,
      high: estimate?.high ?? null,
    };
  });
  return [
    ...rows,
    {
      kind: 'evaluation',
      ...policy,
      accuracy: Object.fromEntries(tasks.map((row) => [row.task, accuracyOf(row)])),
      worst: worstOf(tasks),
      mean: meanEstimate(tasks, samplesPerPrompt),
      settings: { split, promptsPerTask, samplesPerPrompt, temperature, maxNewTokens, seed },
    },
  ];
}

/** Accuracy per task with its 95 % interval, worst and average. */
export function evaluationTable(tasks: readonly TaskCount[], samplesPerPrompt: number): string[] {
  const worst = worstOf(tasks);
  const mean = meanEstimate(tasks, samplesPerPrompt);
  const silent = tasks.reduce((sum, { failed, abstained }) => sum + failed + abstained, 0);
  return [
    ...textTable(
      [
        { heading: 'task' },
        { heading: 'accuracy', right: true },
        { heading: '95 %', right: true },
        { heading: 'correct', right: true },
        { heading: 'formatted', right: true },
        { heading: 'of', right: true },
      ],
      [
        ...tasks.map((row) => [
          row.task,
          percent(accuracyOf(row)),
          shares(taskEstimate(row, samplesPerPrompt)),
          String(row.correct),
          String(row.formatted),
          String(row.total),
        ]),
        [`worst: ${worst?.task ?? '–'}`, percent(worst?.accuracy ?? null)],
        ['average', percent(mean?.value ?? null), shares(mean)],
      ],
    ),
    ...(silent === 0
      ? []
      : ['', `${silent} completions got no verdict (the verifier failed or abstained) and do not count.`]),
  ];
}
