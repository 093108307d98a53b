import type { FinishedRound, RoundOutcome, RoundPlan, RunRef, RunState, StepTable } from '@evenkeel/activities';
import { setHandler, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { doubtsOf } from './doubts.ts';
import { type StepPhase, searchAttributes, stepStatusQuery } from './messages.ts';
import { decision, rollout, training, verification } from './proxies.ts';
import { countsText, tableText } from './summaries.ts';

export interface TrainingStepInput extends RunRef {
  readonly state: RunState;
}

export interface TrainingStepResult {
  readonly state: RunState;
  readonly table: StepTable;
}

/**
 * One step of a run: rounds of rolling out and verifying until the batch is full or the rounds are used up, then one update and
 * the reweighing. It decides; whatever is computed, is computed by activities, whose results are committed once.
 */
export async function trainingStep(input: TrainingStepInput): Promise<TrainingStepResult> {
  const { run, config, state } = input;
  const step = state.step + 1;
  let phase: StepPhase = 'plan';
  let plan: RoundPlan | undefined;
  setHandler(stepStatusQuery, () => ({
    step,
    phase,
    round: plan?.round ?? 0,
    prompts: plan?.shards.at(-1)?.to ?? 0,
  }));

  plan = await decision('plan round 0').planRound({ run, config, state });
  const rounds: FinishedRound[] = [];
  let completionTokens = 0;
  let sequences = 0;
  let outcome: RoundOutcome;
  do {
    const current: RoundPlan = plan;
    const { replaces } = current;
    const again = replaces === undefined ? {} : { replaces };
    const name = replaces === undefined ? `round ${current.round}` : `round ${current.round}, replacement ${replaces}`;
    const label = `${name}: ${countsText(current.counts)}`;
    phase = 'roll out';
    const shards = await Promise.all(
      current.shards.map(({ from, to }, shard) =>
        rollout(`${label} · prompts ${from}–${to - 1}`).rollOut({
          ...{ run, config, step: state.step, round: current.round, ...again, shard },
          ...{ policy: state.policy, prompts: current.prompts, from, to, purpose: 'train' as const },
        }),
      ),
    );
    completionTokens += shards.reduce((sum, shard) => sum + shard.completionTokens, 0);
    sequences += shards.reduce((sum, shard) => sum + shard.sequences, 0);
    const rollouts = shards.map((shard) => shard.rollouts);
    phase = 'verify';
    const verified = await verification(label).verify({
      ...{ run, config, step: state.step, round: current.round, ...again, purpose: 'train' as const },
      ...{ prompts: current.prompts, rollouts },
    });
    rounds.push({ plan: current, rollouts, verdicts: verified.verdicts, ...doubtsOf(verified) });
    phase = 'select';
    outcome = await decision(`filter ${name}, select`).closeRound({ run, config, state, rounds });
    if (outcome.kind === 'again') plan = outcome.plan;
  } while (outcome.kind === 'again');

  phase = 'update';
  const update =
    outcome.batch === null
      ? null
      : await training(`update on ${outcome.groups} groups`).update({ run, config, state, batch: outcome.batch });
  phase = 'reweigh';
  const finished = await decision('reweigh the tasks').finishStep({
    ...{ run, config, state, outcome, update, completionTokens, sequences },
    rounds: rounds.map((round) => round.plan),
  });
  phase = 'done';
  upsertMemo({ table: tableText(finished.table) });
  upsertSearchAttributes([
    { key: searchAttributes.worstTask, value: finished.table.worst.task },
    { key: searchAttributes.worstAccuracy, value: finished.table.worst.accuracy },
    { key: searchAttributes.phase, value: phase },
  ]);
  return finished;
}
