import { stepRandom } from '@evenkeel/algorithms';
import { type ArtefactRef, ConfigError, hashOf } from '@evenkeel/core';
import type { PuzzleDraw, RunConfig } from '@evenkeel/protocol';
import { decodePrompts, encodePrompts, type PromptRow } from '@evenkeel/store';
import { type AlgorithmState, loadAlgorithmState, loadRun, taskOf } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { drawFromSet, type SetDraw } from './prompt-set.ts';
import type { ControlActivities, RoundPlan } from './types.ts';
import { runWorkerJob } from './worker-job.ts';

/** Cuts `total` prompts into rollout jobs of at most `size`. */
export function shardsOf(total: number, size: number): { from: number; to: number }[] {
  const shards = [];
  for (let from = 0; from < total; from += size) shards.push({ from, to: Math.min(total, from + size) });
  return shards;
}

/** Puzzles that a verifier generates, or rows of a prompt set. */
export type RoundDraw = PuzzleDraw | SetDraw;

/** Draws a round's puzzles in the order of the tasks, and cuts them into shards: the verifier host generates what no set has. */
export async function drawRound(
  context: ActivityContext,
  config: RunConfig,
  input: { readonly round: number; readonly draws: readonly RoundDraw[] },
): Promise<RoundPlan> {
  const { prompts, counts } = await promptsOf(context, input.draws);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    round: input.round,
    prompts,
    counts: Object.fromEntries(input.draws.map((draw, place) => [draw.task, counts[place]!])),
    shards: shardsOf(total, config.shardPrompts),
  };
}

/** The draws' prompts table, and how many rows of it each draw has. */
async function promptsOf(
  context: ActivityContext,
  draws: readonly RoundDraw[],
): Promise<{ readonly prompts: ArtefactRef; readonly counts: readonly number[] }> {
  const generated = draws.filter((draw): draw is PuzzleDraw => !('set' in draw));
  if (generated.length === draws.length) {
    return { prompts: await generate(context, generated), counts: generated.map(({ count }) => count) };
  }
  const { store } = context;
  const puzzles = generated.length === 0 ? [] : decodePrompts(await store.get(await generate(context, generated)));
  let used = 0;
  const tables: PromptRow[][] = [];
  for (const draw of draws) {
    if ('set' in draw) tables.push(await drawFromSet(store, draw));
    else {
      tables.push(puzzles.slice(used, used + draw.count));
      used += draw.count;
    }
  }
  const prompts = await store.put('prompts', encodePrompts(tables.flat()));
  return { prompts, counts: tables.map(({ length }) => length) };
}

async function generate(context: ActivityContext, draws: readonly PuzzleDraw[]): Promise<ArtefactRef> {
  const job = { kind: 'puzzles' as const, draws: [...draws] };
  return (await runWorkerJob(context, { role: 'verifier', key: `puzzles/${hashOf(job)}`, job })).prompts;
}

/**
 * A draw of a task: where its puzzles come from, pinned to the code or the prompt set that the run began with.
 *
 * @throws {ConfigError} where the run has no such task, or does not say what its prompt set holds
 */
export function drawOf(
  config: RunConfig,
  name: string,
  { epochs, ...which }: Pick<SetDraw, 'split' | 'seed' | 'from' | 'count' | 'epochs'>,
): RoundDraw {
  const { verifier, level, style, prompts } = taskOf(config, name);
  if (prompts !== undefined) {
    const set = config.inputs.prompts?.[prompts];
    if (set !== undefined) return { task: name, verifier, level, set, epochs, ...which };
    throw new ConfigError(`Cannot draw prompts of task "${name}": the run's inputs lack prompt set "${prompts}"`);
  }
  const script = config.inputs.verifiers[verifier]?.sha256;
  return { task: name, verifier, level, style, ...which, ...(script === undefined ? {} : { script }) };
}

/** The puzzles of a training round: each task's sequence goes on where its cursor stands. */
export function trainingDraws(
  config: RunConfig,
  state: AlgorithmState,
  counts: Readonly<Record<string, number>>,
  earlier: readonly Pick<RoundPlan, 'counts' | 'replaces'>[],
): RoundDraw[] {
  const planned = earlier.filter(({ replaces }) => replaces === undefined);
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => {
      const drawn = planned.reduce((sum, round) => sum + (round.counts[name] ?? 0), 0);
      const from = (state.cursors[name] ?? 0) + drawn;
      return drawOf(config, name, { split: 'train', seed: config.seed, from, count, epochs: 'many' });
    });
}

/** The first round of a step: z and ρ decide how many prompts of which task. */
export function planRound(context: ActivityContext): ControlActivities['planRound'] {
  return async ({ config: configRef, state }) => {
    const { config, method } = await loadRun(context, configRef);
    const algorithm = await loadAlgorithmState(context, state.algorithm);
    const plan = method.planner.plan(algorithm.method.planner, {
      weights: method.weighter.weights(algorithm.method.weighter),
      prompts: config.promptsPerStep,
      round: 0,
      kept: {},
      random: stepRandom(config.seed, state.step),
    });
    const counts = plan.kind === 'draw' ? plan.counts : {};
    return await drawRound(context, config, { round: 0, draws: trainingDraws(config, algorithm, counts, []) });
  };
}
