/**
 * What many tasks cost a step of MT-GRPO: planning its draws, and weighing the tasks anew. The engine's work depends on the prompts of a
 * step, not on how many tasks they are from.
 */
import {
  buildMethod,
  initMethod,
  observeStep,
  resolveMethod,
  type StepStats,
  stepRandom,
  type TaskStats,
} from '@evenkeel/algorithms';
import { canonicalJson } from '@evenkeel/core';
import { median } from './median.ts';

export interface TaskCost {
  readonly tasks: number;
  readonly planMs: number;
  readonly observeMs: number;
  /** As JSON, as it stands in the run's state. */
  readonly stateBytes: number;
}

const STEPS = 8;
const PROMPTS = 64;
const GROUP = 8;

/** What a step saw of a task: so many groups, an answer or two of each right, a small gain. */
function seen(groups: number, gain: number): TaskStats {
  const rollouts = groups * GROUP;
  return {
    ...{
      groups,
      kept: groups,
      rollouts,
      correct: groups,
      formatted: rollouts,
      rewardSum: groups,
      tokens: 8 * rollouts,
    },
    ...{ dropped: {}, absAdvantageSum: rollouts, advantages: rollouts, objectiveBefore: 0, objectiveAfter: gain },
  };
}

/** Medians over some steps, each of which sees every task at least once: the most that there can be to weigh. */
export function taskCost(count: number): TaskCost {
  const method = buildMethod(resolveMethod('mt-grpo'));
  const tasks = Array.from({ length: count }, (_, index) => `task-${String(index).padStart(5, '0')}`);
  let state = initMethod(method, tasks);
  const [planMs, observeMs]: [number[], number[]] = [[], []];
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    const weights = method.weighter.weights(state.weighter);
    const ask = { weights, prompts: Math.max(PROMPTS, count), random: stepRandom(1, step), round: 0, kept: {} };
    const plan = method.planner.plan(state.planner, ask);
    planMs.push(performance.now() - start);
    const counts: Readonly<Record<string, number>> = plan.kind === 'draw' ? plan.counts : {};
    const stats: StepStats['tasks'] = Object.fromEntries(
      tasks.map((task, index) => [task, seen(counts[task] ?? 1, ((index % 7) - 3) / 100)]),
    );
    const drawn = performance.now();
    state = observeStep(method, state, { step, tasks: stats });
    observeMs.push(performance.now() - drawn);
  }
  const stateBytes = canonicalJson(state as never).length;
  return { tasks: count, planMs: median(planMs), observeMs: median(observeMs), stateBytes };
}
