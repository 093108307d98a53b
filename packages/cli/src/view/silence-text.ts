import type { TaskRow } from '@evenkeel/activities';

/** Counts of what got no verdict, of one task. */
export type Silence = Pick<TaskRow, 'failed' | 'replaced' | 'abstained' | 'failures' | 'retried'>;

/**
 * What got no verdict, or not at once, in words; null where everything got one. What failed and was not replaced is left out of its
 * group.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const counts = { failed: 5, failures: { crash: 4, timeout: 1 }, replaced: 3, abstained: 2 };
 * equal(silenceText(counts), '5 failed (crash 4, timeout 1; 3 replaced), 2 abstained');
 * ```
 */
export function silenceText({
  failed = 0,
  replaced = 0,
  abstained = 0,
  failures = {},
  retried = 0,
}: Silence): string | null {
  const reasons = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
  const details = [
    ...(reasons.length === 0 ? [] : [reasons.join(', ')]),
    ...(replaced === 0 ? [] : [`${replaced} replaced`]),
  ];
  const parts = [
    ...(failed === 0 ? [] : [`${failed} failed${details.length === 0 ? '' : ` (${details.join('; ')})`}`]),
    ...(abstained === 0 ? [] : [`${abstained} abstained`]),
    ...(retried === 0 ? [] : [`${retried} scored only when asked again`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

/** The counts of several steps as one. */
export function addSilence(steps: readonly Silence[]): Silence {
  const total = (name: Exclude<keyof Silence, 'failures'>) => steps.reduce((sum, step) => sum + (step[name] ?? 0), 0);
  const failures: Record<string, number> = {};
  for (const [code, count] of steps.flatMap((step) => Object.entries(step.failures ?? {}))) {
    failures[code] = (failures[code] ?? 0) + count;
  }
  const totals = { failed: total('failed'), replaced: total('replaced'), abstained: total('abstained') };
  return { ...totals, failures, retried: total('retried') };
}

/** What is said of a step in which a task got no verdict at all. */
export function silentTaskText(step: number, { task, ...row }: Pick<TaskRow, 'task'> & Silence): string {
  return `Step ${step}: the verifier of "${task}" gave no verdict on any rollout (${silenceText(row) ?? 'none has a reward'}); the task took no part in the step`;
}
