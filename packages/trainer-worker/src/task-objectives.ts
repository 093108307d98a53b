import type { UpdateJob } from '@evenkeel/protocol';
import type { BatchRow } from '@evenkeel/store';
import { type DiscriminativeForm, discriminate, scoreOf } from './discriminative.ts';

/**
 * J_GRPO by task: Σ over the task's tokens of min(r·A, clip(r)·A), as a mean over its tokens or its rollouts, as the objective
 * aggregates. Before the update r is 1 everywhere, because the batch was sampled from that policy. The KL term is left out.
 * Source: Multi-Task GRPO, the improvement signal I_k = J_k(θ_{t+1}) − J_k(θ_t). It is J_GRPO for the losses `cispo` and `reinforce` too:
 * their own value falls where a rising weight meets a negative log-probability. A discriminative loss has its own J, by group.
 *
 * @param logprobs per row, log π of its completion tokens under the policy that is judged; null for the one that sampled them
 */
export function taskObjectives(
  rows: readonly BatchRow[],
  logprobs: readonly Float32Array[] | null,
  objective: UpdateJob['objective'],
): Record<string, number> {
  if (objective.form?.kind === 'discriminative') return discriminativeObjectives(rows, logprobs, objective.form);
  const sums = new Map<string, { gain: number; weight: number }>();
  for (const [index, row] of rows.entries()) {
    const sum = sums.get(row.task) ?? { gain: 0, weight: 0 };
    const gain = rowGain(row, logprobs?.[index] ?? row.logprobs, objective);
    const bySequence = objective.aggregation === 'sequence-mean';
    sum.gain += bySequence ? gain / row.tokens.length : gain;
    sum.weight += bySequence ? 1 : row.tokens.length;
    sums.set(row.task, sum);
  }
  return Object.fromEntries([...sums].map(([task, { gain, weight }]) => [task, gain / weight + 0]));
}

/** Σ_t min(r_t·A, clip(r_t)·A) of one rollout; a ratio per sequence is the same at each of its tokens. */
function rowGain(row: BatchRow, logprobs: Float32Array, { ratio, clipLow, clipHigh }: UpdateJob['objective']): number {
  const changes = Array.from(logprobs, (logprob, token) => logprob - row.logprobs[token]!);
  const mean = changes.reduce((total, change) => total + change, 0) / changes.length;
  let gain = 0;
  for (const change of changes) {
    const r = Math.exp(ratio === 'sequence' ? mean : change);
    const clipped = Math.min(Math.max(r, 1 - clipLow), 1 + clipHigh);
    gain += Math.min(r * row.advantage, clipped * row.advantage);
  }
  return gain;
}

/** By task: the mean over its groups of the discriminative objective, without its constraint. */
function discriminativeObjectives(
  rows: readonly BatchRow[],
  logprobs: readonly Float32Array[] | null,
  form: DiscriminativeForm,
): Record<string, number> {
  const sums = new Map<string, { gain: number; groups: number }>();
  for (const members of Map.groupBy(rows.keys(), (index) => rows[index]!.group).values()) {
    const { task } = rows[members[0]!]!;
    const scored = members.map((index) => {
      const { advantage, logprobs: old } = rows[index]!;
      return { share: advantage, score: scoreOf(logprobs?.[index] ?? old, old, form) };
    });
    const sum = sums.get(task) ?? { gain: 0, groups: 0 };
    sum.gain += discriminate(scored, form).value;
    sum.groups += 1;
    sums.set(task, sum);
  }
  return Object.fromEntries([...sums].map(([task, { gain, groups }]) => [task, gain / groups + 0]));
}
