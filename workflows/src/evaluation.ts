import type { Evaluation, RunRef, RunState } from '@evenkeel/activities';
import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from './messages.ts';
import { control, rollout, verification } from './proxies.ts';
import { evaluationText } from './summaries.ts';

export interface EvaluationInput extends RunRef {
  readonly state: RunState;
}

/** One evaluation of the run's policy on the puzzles that no run trains on. */
export async function evaluation({ run, config, state }: EvaluationInput): Promise<Evaluation> {
  const { step, policy } = state;
  const plan = await control('plan the evaluation').planEvaluation({ run, config });
  const shards = await Promise.all(
    plan.shards.map(({ from, to }, shard) =>
      rollout(`prompts ${from}–${to - 1}`).rollOut({
        ...{ run, config, step, round: 0, shard, policy, prompts: plan.prompts, from, to },
        purpose: 'evaluate',
      }),
    ),
  );
  const rollouts = shards.map((shard) => shard.rollouts);
  const { verdicts } = await verification('verify the evaluation').verify({
    ...{ run, config, step, round: 0, prompts: plan.prompts, rollouts },
    purpose: 'evaluate',
  });
  const result = await control('count').recordEvaluation({
    ...{ run, config, step, policy },
    round: { plan, rollouts, verdicts },
  });
  upsertMemo({ evaluation: evaluationText(result) });
  upsertSearchAttributes([
    { key: searchAttributes.worstTask, value: result.worst.task },
    { key: searchAttributes.worstAccuracy, value: result.worst.accuracy },
  ]);
  return result;
}
