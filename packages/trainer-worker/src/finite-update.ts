/**
 * What an update must be to be kept: of numbers, and leading to a policy that gives probabilities. Whatever is not is refused before it is
 * published, so that the policy, the checkpoint and the redo log stay those of the last good step. `step` is the number of steps done
 * before, as in a job; people count the step under way.
 */
import { PolicyError } from '@evenkeel/policy';
import type { BatchRow } from '@evenkeel/store';
import type { OptimizerMemory } from './optimizer-memory.ts';

const MEND = 'lower the learning rate, or go back to a step before it grew';

/** @throws {PolicyError} `sequence-invalid` for a row that has nothing to learn from */
export function expectCompletions(step: number, rows: readonly BatchRow[]): void {
  const empty = rows.findIndex(({ tokens }) => tokens.length === 0);
  if (empty < 0) return;
  throw new PolicyError(
    `Cannot apply the update of step ${step + 1}: the completion of row ${empty} of the batch is empty, expected at least one token`,
    { code: 'sequence-invalid' },
  );
}

/** @throws {PolicyError} `loss-not-finite`; nothing of the minibatch was applied then */
export function expectFiniteLoss(step: number, minibatch: number, loss: number): void {
  if (Number.isFinite(loss)) return;
  throw new PolicyError(
    `Cannot apply the update of step ${step + 1}: the loss of minibatch ${minibatch} is ${loss}, expected a finite number; ${MEND}`,
    { code: 'loss-not-finite' },
  );
}

/** @throws {PolicyError} `policy-not-finite`: a weight, or a moment of the optimizer, has left the numbers */
export function expectFiniteMemory(
  step: number,
  { parameters, adam }: Pick<OptimizerMemory, 'parameters' | 'adam'>,
): void {
  const parts = { weight: parameters.flat, 'first moment': adam.m, 'second moment': adam.v };
  for (const [name, values] of Object.entries(parts)) {
    const bad = firstNotFinite(values);
    if (bad < 0) continue;
    throw new PolicyError(
      `Cannot keep the update of step ${step + 1}: ${name} ${bad} is ${values[bad]}, expected finite numbers; ${MEND}`,
      { code: 'policy-not-finite' },
    );
  }
}

/**
 * @param logprobs of completions under the policy that the update led to
 * @throws {PolicyError} `policy-diverged`: its weights are numbers, but what is computed from them is not
 */
export function expectProbabilities(step: number, logprobs: readonly Float32Array[]): void {
  for (const row of logprobs) {
    const bad = firstNotFinite(row);
    if (bad < 0) continue;
    throw new PolicyError(
      `Cannot keep the update of step ${step + 1}: the policy that it leads to gives a token the log-probability ${row[bad]}, expected a finite number; ${MEND}`,
      { code: 'policy-diverged' },
    );
  }
}

/** @throws {PolicyError} `policy-diverged` where the policy has moved so far that a ratio of probabilities is no number */
export function expectFiniteObjectives(step: number, objectives: Readonly<Record<string, number>>): void {
  for (const [task, value] of Object.entries(objectives)) {
    if (Number.isFinite(value)) continue;
    throw new PolicyError(
      `Cannot keep the update of step ${step + 1}: the objective of task "${task}" is ${value} after it, expected a finite number; ${MEND}`,
      { code: 'policy-diverged' },
    );
  }
}

/** A plain loop: a callback per element takes seconds of half a billion weights. */
function firstNotFinite(values: Float32Array): number {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return index;
  return -1;
}
