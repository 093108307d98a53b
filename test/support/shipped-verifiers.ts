/** The shipped tasks in process, as their packages export them: no sandbox. */
import type { TaskVerifier } from '@evenkeel/verifier';
import arc from '@evenkeel/verifier-arc';
import countdown from '@evenkeel/verifier-countdown';
import zebra from '@evenkeel/verifier-zebra';

export const shippedVerifiers: ReadonlyMap<string, TaskVerifier> = new Map<string, TaskVerifier>([
  ['countdown', countdown as unknown as TaskVerifier],
  ['zebra', zebra as unknown as TaskVerifier],
  ['arc', arc as unknown as TaskVerifier],
]);
