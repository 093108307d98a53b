/**
 * A round as groups, with what failed to be verified replaced by what was sampled in its place. It decides nothing: which rollouts a
 * replacement is for follows from the round's own verdicts, so that a plan need not carry a list of them.
 */
import type { Components, Group, RewardCombiner, RewardContext, Rollout } from '@evenkeel/algorithms';
import { EvenkeelError } from '@evenkeel/core';
import {
  decodePrompts,
  decodeRollouts,
  decodeVerdicts,
  type PromptRow,
  type RolloutRow,
  type VerdictRow,
} from '@evenkeel/store';
import type { ActivityContext } from './context.ts';
import type { FinishedRound } from './types.ts';

/** How often a rollout whose verdict failed is sampled anew before it is dropped. */
const MOST_REPLACEMENTS = 2;

/** A group with what the trainer needs of it. */
export interface RolledGroup {
  readonly group: Group;
  readonly prompt: PromptRow;
  readonly rollouts: readonly RolloutRow[];
}

/** One rollout's place in a round, with what stands there now. */
interface Place {
  /** Row of the round's prompts table. */
  readonly prompt: number;
  readonly sample: number;
  readonly rollout: RolloutRow;
  readonly verdict: VerdictRow;
  /** Completions that stood here before. */
  readonly replaced: number;
}

/** A planner's round with its replacements, as read from the store. */
export interface ReadRound {
  readonly round: number;
  readonly prompts: readonly PromptRow[];
  /** In the order of the plan, never of completion. */
  readonly places: readonly Place[];
  /** Replacements that are in it. */
  readonly replacements: number;
}

/**
 * Reads a planner's round, and puts each replacement into the places that it was planned for.
 *
 * @param replacements of this round, in their order
 * @throws {EvenkeelError} `round-invalid` where rollouts and verdicts do not belong together
 */
export async function readRound(
  context: ActivityContext,
  round: FinishedRound,
  replacements: readonly FinishedRound[] = [],
): Promise<ReadRound> {
  const { prompts, pairs } = await readTables(context, round);
  const places = pairs.map(
    ({ rollout, verdict }): Place => ({
      ...{ prompt: rollout.prompt, sample: rollout.sample, replaced: 0 },
      ...{ rollout, verdict },
    }),
  );
  let read: ReadRound = { round: round.plan.round, prompts, places, replacements: 0 };
  for (const replacement of replacements) read = replaced(read, await readTables(context, replacement));
  return read;
}

/**
 * The places of a round that are to be sampled anew: those whose verdict failed. It is tried twice, the second time only for tasks
 * of which the first brought a verdict: a verifier that always fails costs one attempt. A row with a bad ground truth fails whatever
 * is sampled, and is left.
 */
export function failedPlaces({ prompts, places, replacements }: ReadRound): readonly Place[] {
  if (replacements >= MOST_REPLACEMENTS) return [];
  const taskOf = (place: Place) => prompts[place.prompt]!.task;
  const under = places.filter((place) => place.replaced === replacements);
  const answered = new Set(under.filter(({ verdict }) => verdict.kind !== 'failed').map(taskOf));
  return under.filter(
    (place) =>
      place.verdict.kind === 'failed' &&
      place.verdict.reason !== 'ground-truth' &&
      (replacements === 0 || answered.has(taskOf(place))),
  );
}

function replaced(read: ReadRound, { prompts, pairs }: Tables): ReadRound {
  const failed = failedPlaces(read);
  if (failed.length !== prompts.length || pairs.length !== prompts.length) {
    throw new EvenkeelError(
      `Cannot replace in round ${read.round}: ${failed.length} rollouts failed, and ${pairs.length} of ${prompts.length} were sampled in their places, expected one for each`,
      { code: 'round-invalid' },
    );
  }
  const fresh = new Map(pairs.map((pair) => [failed[pair.rollout.prompt]!, pair]));
  const places = read.places.map((place) => {
    const pair = fresh.get(place);
    return pair === undefined ? place : { ...place, ...pair, replaced: place.replaced + 1 };
  });
  return { ...read, places, replacements: read.replacements + 1 };
}

/** A round's groups. A rollout without a verdict (abstained, failed) has no reward: it counts nowhere. */
export function groupsOf(
  { round, prompts, places }: ReadRound,
  reward: RewardCombiner,
  context: RewardContext,
): RolledGroup[] {
  const byPrompt = prompts.map((): Place[] => []);
  for (const place of places) byPrompt[place.prompt]!.push(place);
  const groups: readonly Group[] = prompts.map((prompt, index) => ({
    id: `r${round}p${index}`,
    task: prompt.task,
    promptId: prompt.puzzle,
    rollouts: byPrompt[index]!.map((place) => rolloutOf(round, place, reward)),
  }));
  const shaped = reward.shape?.(groups, context) ?? groups;
  return prompts.map((prompt, index) => ({
    group: shaped[index]!,
    prompt,
    rollouts: byPrompt[index]!.map(({ rollout }) => rollout),
  }));
}

function rolloutOf(round: number, place: Place, reward: RewardCombiner): Rollout {
  const { verdict } = place;
  const components = componentsOf(verdict);
  return {
    id: `r${round}p${place.prompt}s${place.sample}`,
    reward: reward.combine(components),
    correct: verdict.kind === 'scored' && verdict.correct,
    formatted: verdict.kind === 'scored' && verdict.formatted,
    tokens: place.rollout.tokens.length,
    ...(verdict.kind === 'scored' ? {} : { unscored: verdict.kind }),
    ...(place.replaced === 0 ? {} : { replaced: place.replaced }),
    components,
    meanLogprob: meanOf(place.rollout.logprobs),
  };
}

function meanOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / Math.max(1, values.length);
}

/**
 * The parts of one rollout's reward: what every verdict has (`verdictComponents` of algorithms), and the verifier's own by name, which
 * may put another `correct` or `formatted` in its place; none of them where nothing was scored.
 */
function componentsOf({ kind, reward, correct, formatted, components }: VerdictRow): Components {
  if (kind !== 'scored') return { verdict: null };
  const own = components === null ? {} : (JSON.parse(components) as Components);
  return { correct: correct ? 1 : 0, formatted: formatted ? 1 : 0, ...own, verdict: reward };
}

interface Tables {
  readonly prompts: readonly PromptRow[];
  readonly pairs: readonly { readonly rollout: RolloutRow; readonly verdict: VerdictRow }[];
}

async function readTables({ store }: ActivityContext, round: FinishedRound): Promise<Tables> {
  const prompts = decodePrompts(await store.get(round.plan.prompts));
  const shards = await Promise.all(round.rollouts.map((ref) => store.get(ref)));
  const rollouts = shards.flatMap((bytes) => decodeRollouts(bytes));
  const verdicts = decodeVerdicts(await store.get(round.verdicts));
  if (verdicts.length !== rollouts.length) {
    throw new EvenkeelError(
      `Cannot score round ${round.plan.round}: it has ${rollouts.length} rollouts and ${verdicts.length} verdicts, expected one for each`,
      { code: 'round-invalid' },
    );
  }
  return { prompts, pairs: rollouts.map((rollout, index) => ({ rollout, verdict: verdicts[index]! })) };
}
