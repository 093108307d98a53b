import type { TaskRow } from '@evenkeel/activities';

/** Counts of what got no verdict, of one task. */
export type Silence = Pick<TaskRow, 'failed' | 'replaced' | 'abstained'>;

/**
 * What got no verdict, in words; null where everything got one. What failed and was not replaced is left out of its group.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(silenceText({ failed: 5, replaced: 3, abstained: 2 }), '5 failed (3 replaced), 2 abstained');
 * ```
 */
export function silenceText({ failed = 0, replaced = 0, abstained = 0 }: Silence): string | null {
  const parts = [
    ...(failed === 0 ? [] : [`${failed} failed${replaced === 0 ? '' : ` (${replaced} replaced)`}`]),
    ...(abstained === 0 ? [] : [`${abstained} abstained`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

/** The counts of several steps as one. */
export function addSilence(steps: readonly Silence[]): Silence {
  const total = (name: keyof Silence) => steps.reduce((sum, step) => sum + (step[name] ?? 0), 0);
  return { failed: total('failed'), replaced: total('replaced'), abstained: total('abstained') };
}

/** What is said of a step in which a task got no verdict at all. */
export function silentTaskText(step: number, { task, ...row }: Pick<TaskRow, 'task'> & Silence): string {
  return `Step ${step}: the verifier of "${task}" gave no verdict on any rollout (${silenceText(row) ?? 'none has a reward'}); the task took no part in the step`;
}
