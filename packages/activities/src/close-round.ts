import {
  type AdvantageEstimator,
  type Counts,
  estimateAdvantages,
  mergeTallies,
  stepRandom,
  type Tallies,
  tallyAdvantages,
  tallyGroups,
} from '@evenkeel/algorithms';
import { type Architecture, loadArchitecture, userTurn } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import { type BatchRow, encodeBatch, encodePrompts } from '@evenkeel/store';
import { loadAlgorithmState, loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { dealMinibatches, type Minibatches } from './deal-minibatches.ts';
import { addDoubts } from './doubts.ts';
import { failedPlaces, groupsOf, type ReadRound, type RolledGroup, readRound } from './groups.ts';
import { drawRound, shardsOf, trainingDraws } from './plan-round.ts';
import { tasksInTurns } from './tasks-in-turns.ts';
import type { ControlActivities, FinishedRound, RoundPlan } from './types.ts';

function batchRows(
  groups: readonly RolledGroup[],
  advantages: ReturnType<AdvantageEstimator['estimate']>,
  minibatches: Minibatches,
  turns: ReadonlySet<string>,
  { tokenizer, chatTemplate }: Pick<Architecture, 'tokenizer' | 'chatTemplate'>,
): BatchRow[] {
  return groups.flatMap(({ group, prompt, rollouts }, place) => {
    const text = turns.has(group.task) ? userTurn(chatTemplate, prompt.prompt) : prompt.prompt;
    const promptTokens = tokenizer.encodePrompt(text);
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

/** The planner's rounds, each with the rounds that replaced in it. */
async function readRounds(context: ActivityContext, rounds: readonly FinishedRound[]): Promise<ReadRound[]> {
  const planned = rounds.filter(({ plan }) => plan.replaces === undefined);
  return await Promise.all(
    planned.map((round) => {
      const own = rounds.filter(({ plan }) => plan.replaces !== undefined && plan.round === round.plan.round);
      return readRound(context, round, own);
    }),
  );
}

/** New completions of the same prompts in the place of those whose verdict failed; null where there are none to be replaced. */
async function planReplacement(
  context: ActivityContext,
  config: RunConfig,
  last: ReadRound,
): Promise<RoundPlan | null> {
  const places = failedPlaces(last);
  if (places.length === 0) return null;
  const rows = places.map(({ prompt }) => last.prompts[prompt]!);
  const counts: Record<string, number> = {};
  for (const { task } of rows) counts[task] = (counts[task] ?? 0) + 1;
  return {
    round: last.round,
    replaces: last.replacements + 1,
    prompts: await context.store.put('prompts', encodePrompts(rows)),
    counts,
    shards: shardsOf(rows.length, config.shardPrompts),
  };
}

/** Tasks of which a round brought not a single verdict: in this step, nothing more is drawn of them. */
function silentTasks(rounds: readonly ReadRound[]): ReadonlySet<string> {
  const silent = rounds.flatMap(({ prompts, places }) => {
    const taskOf = ({ prompt }: { readonly prompt: number }) => prompts[prompt]!.task;
    const scored = new Set(places.filter(({ verdict }) => verdict.kind === 'scored').map(taskOf));
    return places.map(taskOf).filter((task) => !scored.has(task));
  });
  return new Set(silent);
}

/**
 * After a round: replaces what failed to be verified, filters the groups, and either plans the next round from what is missing or
 * builds the step's batch.
 */
export function closeRound(context: ActivityContext): ControlActivities['closeRound'] {
  return async ({ config: configRef, state, rounds }) => {
    const { config, method } = await loadRun(context, configRef);
    const algorithm = await loadAlgorithmState(context, state.algorithm);
    const read = await readRounds(context, rounds);
    const replacement = await planReplacement(context, config, read.at(-1)!);
    if (replacement !== null) {
      return { kind: 'again', plan: replacement, reason: `verdicts failed: ${countsLine(replacement.counts)}` };
    }

    const keptGroups: RolledGroup[] = [];
    const kept: Record<string, number> = {};
    let tally: Tallies = {};
    for (const round of read) {
      const groups = groupsOf(round, method.reward, {
        step: state.step,
        maxTokens: config.sampling.maxNewTokens,
      });
      const verdicts = groups.map(({ group }) => method.filter.verdict(group));
      tally = mergeTallies(
        tally,
        tallyGroups(
          groups.map(({ group }) => group),
          verdicts,
          method.advantage.components,
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
    const plan = method.planner.plan(algorithm.method.planner, { ...ask, round: read.length, kept });
    if (plan.kind === 'draw') {
      const silent = silentTasks(read);
      const counts = Object.fromEntries(Object.entries(plan.counts).filter(([task]) => !silent.has(task)));
      const earlier = rounds.map((round) => round.plan);
      const draws = trainingDraws(config, algorithm, counts, earlier);
      if (draws.length > 0) {
        const next = await drawRound(context, config, { round: read.length, draws });
        return { kind: 'again', plan: next, reason: missing(kept, weights) };
      }
    }

    const groups = keptGroups.map(({ group }) => ({ id: group.id, task: group.task }));
    const selection = method.planner.select(algorithm.method.planner, { ...ask, groups });
    const chosenIds = new Set(selection.chosen);
    const chosen = keptGroups.filter(({ group }) => chosenIds.has(group.id));
    const chosenGroups = chosen.map(({ group }) => group);
    const advantages = estimateAdvantages(method, algorithm.method, chosenGroups);
    const architecture = await loadArchitecture(context.store, state.policy);
    const rows = batchRows(
      chosen,
      advantages,
      dealMinibatches(
        config,
        state.step,
        chosenGroups.map(({ id }) => id),
      ),
      new Set(tasksInTurns(config)),
      architecture,
    );
    const doubts = addDoubts(rounds.map((round) => round.doubts));
    return {
      kind: 'batch',
      batch: rows.length === 0 ? null : await context.store.put('batch', encodeBatch(rows)),
      tally: await context.store.putJson('tally', {
        tasks: tallyAdvantages(tally, chosenGroups, advantages),
        target: selection.target,
        realised: selection.realised,
        ...(Object.keys(doubts).length === 0 ? {} : { doubts }),
      }),
      groups: chosen.length,
      shortfall: selection.shortfall,
    };
  };
}

function countsLine(counts: Counts): string {
  return Object.entries(counts)
    .map(([task, count]) => `${task} ${count}`)
    .join(', ');
}

function missing(kept: Counts, weights: Readonly<Record<string, number>>): string {
  return countsLine(Object.fromEntries(Object.keys(weights).map((task) => [task, kept[task] ?? 0])));
}
