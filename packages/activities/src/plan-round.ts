import { stepRandom } from '@evenkeel/algorithms';
import { hashOf } from '@evenkeel/core';
import type { PuzzleDraw, RunConfig } from '@evenkeel/protocol';
import { type AlgorithmState, loadAlgorithmState, loadRun, taskOf } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import type { ControlActivities, RoundPlan } from './types.ts';
import { runWorkerJob } from './worker-job.ts';

/** Cuts `total` prompts into rollout jobs of at most `size`. */
export function shardsOf(total: number, size: number): { from: number; to: number }[] {
  const shards = [];
  for (let from = 0; from < total; from += size) shards.push({ from, to: Math.min(total, from + size) });
  return shards;
}

/** Draws a round's puzzles on the verifier host, in the order of the tasks, and cuts them into shards. */
export async function drawRound(
  context: ActivityContext,
  config: RunConfig,
  input: { readonly round: number; readonly draws: readonly PuzzleDraw[] },
): Promise<RoundPlan> {
  const job = { kind: 'puzzles' as const, draws: [...input.draws] };
  const { prompts, count } = await runWorkerJob(context, { role: 'verifier', key: `puzzles/${hashOf(job)}`, job });
  return {
    round: input.round,
    prompts,
    counts: Object.fromEntries(input.draws.map((draw) => [draw.task, draw.count])),
    shards: shardsOf(count, config.shardPrompts),
  };
}

/** What every draw of a task has: where its puzzles come from, pinned to the code that the run began with. */
export function drawOf(
  config: RunConfig,
  name: string,
): Pick<PuzzleDraw, 'task' | 'verifier' | 'level' | 'style' | 'script'> {
  const { verifier, level, style } = taskOf(config, name);
  const script = config.inputs.verifiers[verifier];
  return { task: name, verifier, level, style, ...(script === undefined ? {} : { script }) };
}

/** The puzzles of a training round: each task's sequence goes on where its cursor stands. */
export function trainingDraws(
  config: RunConfig,
  state: AlgorithmState,
  counts: Readonly<Record<string, number>>,
  earlier: readonly Pick<RoundPlan, 'counts' | 'replaces'>[],
): PuzzleDraw[] {
  const planned = earlier.filter(({ replaces }) => replaces === undefined);
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => {
      const drawn = planned.reduce((sum, round) => sum + (round.counts[name] ?? 0), 0);
      const from = (state.cursors[name] ?? 0) + drawn;
      return { ...drawOf(config, name), split: 'train' as const, seed: config.seed, from, count };
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
