import {
  type AdvantageEstimator,
  type Counts,
  mergeTallies,
  stepRandom,
  type Tallies,
  tallyAdvantages,
  tallyGroups,
} from '@evenkeel/algorithms';
import { loadArchitecture, type Tokenizer } from '@evenkeel/policy';
import { type BatchRow, encodeBatch } from '@evenkeel/store';
import { loadAlgorithmState, loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { dealMinibatches, type Minibatches } from './deal-minibatches.ts';
import { groupsOf, type RolledGroup } from './groups.ts';
import { drawRound, trainingDraws } from './plan-round.ts';
import type { ControlActivities } from './types.ts';

function batchRows(
  groups: readonly RolledGroup[],
  advantages: ReturnType<AdvantageEstimator['estimate']>,
  minibatches: Minibatches,
  tokenizer: Tokenizer,
): BatchRow[] {
  return groups.flatMap(({ group, prompt, rollouts }, place) => {
    const promptTokens = tokenizer.encode(prompt.prompt);
    return rollouts.flatMap((rollout, index) => {
      const advantage = advantages[place]![index];
      const reward = group.rollouts[index]!.reward;
      if (advantage === null || advantage === undefined || reward === null) return [];
      return {
        task: group.task,
        group: group.id,
        promptTokens,
        tokens: rollout.tokens,
        logprobs: rollout.logprobs,
        advantage,
        reward,
        minibatch: minibatches.get(group.id)!,
      };
    });
  });
}

/** After a round: filters its groups, and either plans the next round from what is missing or builds the step's batch. */
export function closeRound(context: ActivityContext): ControlActivities['closeRound'] {
  return async ({ config: configRef, state, rounds }) => {
    const { config, method } = await loadRun(context, configRef);
    const algorithm = await loadAlgorithmState(context, state.algorithm);
    const keptGroups: RolledGroup[] = [];
    const kept: Record<string, number> = {};
    let tally: Tallies = {};
    for (const round of rounds) {
      const groups = await groupsOf(context, round, method.reward);
      const verdicts = groups.map(({ group }) => method.filter.verdict(group));
      tally = mergeTallies(
        tally,
        tallyGroups(
          groups.map(({ group }) => group),
          verdicts,
        ),
      );
      groups.forEach((rolled, index) => {
        if (verdicts[index] !== 'keep') return;
        keptGroups.push(rolled);
        kept[rolled.group.task] = (kept[rolled.group.task] ?? 0) + 1;
      });
    }
    const random = stepRandom(config.seed, state.step);
    const weights = method.weighter.weights(algorithm.method.weighter);
    const ask = { weights, prompts: config.promptsPerStep, random };
    const plan = method.planner.plan(algorithm.method.planner, { ...ask, round: rounds.length, kept });
    if (plan.kind === 'draw') {
      const earlier = rounds.map((round) => round.plan);
      const draws = trainingDraws(config, algorithm, plan.counts, earlier);
      const next = await drawRound(context, config, { round: rounds.length, draws });
      return { kind: 'again', plan: next, reason: missing(kept, weights) };
    }

    const groups = keptGroups.map(({ group }) => ({ id: group.id, task: group.task }));
    const selection = method.planner.select(algorithm.method.planner, { ...ask, groups });
    const chosenIds = new Set(selection.chosen);
    const chosen = keptGroups.filter(({ group }) => chosenIds.has(group.id));
    const chosenGroups = chosen.map(({ group }) => group);
    const advantages = method.advantage.estimate(chosenGroups);
    const { tokenizer } = await loadArchitecture(context.store, state.policy);
    const rows = batchRows(
      chosen,
      advantages,
      dealMinibatches(
        config,
        state.step,
        chosenGroups.map(({ id }) => id),
      ),
      tokenizer,
    );
    return {
      kind: 'batch',
      batch: rows.length === 0 ? null : await context.store.put('batch', encodeBatch(rows)),
      tally: await context.store.putJson('tally', {
        tasks: tallyAdvantages(tally, chosenGroups, advantages),
        target: selection.target,
        realised: selection.realised,
      }),
      groups: chosen.length,
      shortfall: selection.shortfall,
    };
  };
}

function missing(kept: Counts, weights: Readonly<Record<string, number>>): string {
  return Object.keys(weights)
    .map((task) => `${task} ${kept[task] ?? 0}`)
    .join(', ');
}
