/**
 * Multi-Task GRPO, Algorithm 1 and 2, line by line: for each line that can go wrong, a test through the method as a run uses it.
 * Parts by themselves have theirs beside them.
 */
import { describe, expect, test } from 'vitest';
import { groupOf, statsOf } from './fixtures.ts';
import { buildMethod, initMethod, type MethodOverrides, observeStep, resolveMethod } from './method.ts';
import type { PlannerState } from './planner/filter-rates.ts';
import { stepRandom } from './step-random.ts';
import { mergeTallies, tallyAdvantages, tallyGroups, tallyObjectives } from './task-stats.ts';
import type { Counts, Group, PartState } from './types.ts';
import type { IwuState } from './weighter/iwu.ts';

const TASKS = ['countdown', 'zebra', 'arc'];
const build = (overrides: MethodOverrides = {}) => buildMethod(resolveMethod('mt-grpo', overrides));
const sum = (counts: Counts) => Object.values(counts).reduce((a, b) => a + b, 0);
const mixed = (id: string, task: string) => groupOf(id, task, [1, 0, 0.1, 0]);
const lost = (id: string, task: string) => groupOf(id, task, [0.1, 0, 0, 0]);
const solved = (id: string, task: string) => groupOf(id, task, [1, 1, 1, 1]);

/** The statistics of rounds, as a run has them. */
function tallied(method: ReturnType<typeof build>, rounds: readonly (readonly Group[])[]) {
  return rounds
    .map((groups) =>
      tallyGroups(
        groups,
        groups.map((group) => method.filter.verdict(group)),
      ),
    )
    .reduce((a, b) => mergeTallies(a, b), {});
}

describe('Algorithm 1, the outer loop', () => {
  test('z_t = softmax(ξ_t) is what the step draws by: its own improvement comes in at the next', () => {
    const method = build();
    const state = initMethod(method, TASKS);
    const stats = (after: number) =>
      statsOf({
        groups: 4,
        kept: 4,
        rollouts: 16,
        rewardSum: 8,
        advantages: 16,
        objectiveBefore: 0,
        objectiveAfter: after,
      });
    const tasks = { countdown: stats(0.05), zebra: stats(0), arc: stats(-0.05) };
    expect(method.weighter.weights(state.weighter)).toEqual({ countdown: 1 / 3, zebra: 1 / 3, arc: 1 / 3 });
    const next = method.weighter.weights(observeStep(method, state, { step: 0, tasks }).weighter);
    expect(next.arc).toBeGreaterThan(next.zebra!);
    expect(next.zebra).toBeGreaterThan(next.countdown!);
  });

  test('J_k is the mean reward of all rollouts before the filter, over all rounds, chosen for the batch or not', () => {
    const method = build();
    // 2.2 + 0.1 + 4 over 16 rollouts; of the kept groups alone it would be 1.1 over 4.
    const rounds = [
      [mixed('a', 'arc'), lost('b', 'arc')],
      [solved('c', 'arc'), mixed('d', 'arc')],
    ];
    const tallies = tallied(method, rounds);
    const state = observeStep(method, initMethod(method, TASKS), { step: 0, tasks: tallies });
    expect((state.weighter as IwuState).performance[2]).toBeCloseTo((1.1 + 0.1 + 4 + 1.1) / 16, 8);
  });

  test('I_k = J_GRPO,k(θ_{t+1}) − J_GRPO,k(θ_t), the later less the earlier, within ± its clip', () => {
    const method = build({ lambda: 0, weighter: { optimizer: 'sgd', learningRate: 1, weightDecay: 0 } });
    const xiAfter = (improvements: readonly number[]) => {
      const before = { countdown: 0.3, zebra: -0.2, arc: 0 };
      const after = Object.fromEntries(
        Object.entries(before).map(([task, value], k) => [task, value + improvements[k]!]),
      );
      const batch = TASKS.map((task) => mixed(task, task));
      const drawn = tallied(method, [batch]);
      const tallies = tallyObjectives(tallyAdvantages(drawn, batch, method.advantage.estimate(batch)), {
        before,
        after,
      });
      const state = observeStep(method, initMethod(method, TASKS), { step: 0, tasks: tallies });
      return (state.weighter as IwuState).xi;
    };
    // g_k = (I_k − mean I) / 3 at equal weights, ξ = −g.
    const [countdown, zebra, arc] = xiAfter([0.06, 0, -0.03]);
    expect([countdown, zebra, arc].map((xi) => xi!.toFixed(6))).toEqual(['-0.016667', '0.003333', '0.013333']);
    expect(xiAfter([9, 0, -9])).toEqual(xiAfter([0.1, 0, -0.1]));
    expect(xiAfter([0.1, 0, -0.1])).not.toEqual(xiAfter([0.09, 0, -0.09]));
  });

  test('the state of ξ’s optimizer is in the checkpoint: without its moments the next step is another', () => {
    const method = build();
    const stats = (reward: number, after: number) =>
      statsOf({
        groups: 4,
        kept: 2,
        rollouts: 16,
        rewardSum: reward,
        advantages: 8,
        objectiveBefore: 0,
        objectiveAfter: after,
      });
    const step = (number: number) => ({
      step: number,
      tasks: { countdown: stats(9, 0.05), zebra: stats(5 + number, 0.01), arc: stats(1, -0.02) },
    });
    let state = initMethod(method, TASKS);
    for (const number of [0, 1]) state = observeStep(method, state, step(number));
    const { m, v, updates } = state.weighter as IwuState;
    expect(updates).toBe(2);
    for (const moment of [...m, ...v]) expect(moment).not.toBe(0);
    const wanted = observeStep(method, state, step(2));
    expect(observeStep(method, JSON.parse(JSON.stringify(state)), step(2))).toEqual(wanted);
    const forgetful = { ...state.weighter, m: [0, 0, 0], v: [0, 0, 0], updates: 0 } as PartState;
    expect(observeStep(method, { ...state, weighter: forgetful }, step(2)).weighter).not.toEqual(wanted.weighter);
  });
});

describe('Algorithm 2, the sampler', () => {
  const method = build();
  const fresh = initMethod(method, TASKS);
  const ask = (step: number, weights = { countdown: 0.2, zebra: 0.3, arc: 0.5 }, seed = 5) => ({
    weights,
    prompts: 32,
    random: stepRandom(seed, step),
  });

  test('n ~ Multinomial(B, z): the mean is B z, and the spread that of draws, not of rounding', () => {
    const steps = 800;
    const counts = Array.from(
      { length: steps },
      (_, step) => method.planner.select(fresh.planner, { ...ask(step), groups: [] }).target,
    );
    for (const target of counts) expect(sum(target)).toBe(32);
    const of = (task: string) => counts.map((target) => target[task]!);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    for (const [task, z] of Object.entries(ask(0).weights)) {
      const values = of(task);
      expect(Math.abs(mean(values) - 32 * z)).toBeLessThan(0.4);
      const variance = mean(values.map((value) => (value - mean(values)) ** 2));
      expect(variance / (32 * z * (1 - z))).toBeGreaterThan(0.8);
      expect(variance / (32 * z * (1 - z))).toBeLessThan(1.25);
    }
  });

  test('ρ_k is of all groups generated, before the filter and whatever was chosen; a task that was not drawn keeps its own', () => {
    const rounds = [
      [mixed('a', 'arc'), lost('b', 'arc'), mixed('c', 'zebra')],
      [solved('d', 'arc'), lost('e', 'arc')],
    ];
    const before = { ...fresh, planner: { ...fresh.planner, rho: [0.5, 0.5, 0.5] } as PartState };
    const after = observeStep(method, before, { step: 0, tasks: tallied(method, rounds) });
    const [countdown, zebra, arc] = (after.planner as PlannerState).rho;
    expect(countdown).toBe(0.5);
    expect(zebra).toBeCloseTo(0.45, 8);
    expect(arc).toBeCloseTo(0.9 * 0.5 + 0.1 * (3 / 4), 8);
  });

  test('the first round has M_os · B prompts, and so has every other; there are N_rs of those, not one more', () => {
    for (const resamplingRounds of [0, 2]) {
      const { planner } = build({ planner: { resamplingRounds } });
      const state = planner.init(TASKS);
      for (let round = 0; round <= resamplingRounds; round++) {
        expect(planner.plan(state, { ...ask(1), round, kept: {} })).toMatchObject({ kind: 'draw', total: 96 });
      }
      const last = planner.plan(state, { ...ask(1), round: resamplingRounds + 1, kept: {} });
      expect(last).toEqual({ kind: 'done', reason: 'rounds-exhausted' });
    }
  });

  test('def_k = max(n_k − c_k, 0): what one task has too much of does not pay for another', () => {
    const { target } = method.planner.select(fresh.planner, { ...ask(3), groups: [] });
    const kept = { countdown: 500, zebra: target.zebra!, arc: target.arc! - 1 };
    const plan = method.planner.plan(fresh.planner, { ...ask(3), round: 1, kept });
    expect(plan).toEqual({ kind: 'draw', counts: { arc: 96 }, total: 96 });
    const met = method.planner.plan(fresh.planner, { ...ask(3), round: 1, kept: { ...kept, arc: target.arc! } });
    expect(met).toEqual({ kind: 'done', reason: 'enough' });
  });

  const many = (counts: Counts) =>
    Object.entries(counts).flatMap(([task, count]) =>
      Array.from({ length: count }, (_, i) => ({ id: `${task}/${i}`, task })),
    );

  test('targets are met where there are groups enough, and each task has its first ones', () => {
    const { target, realised, chosen, shortfall } = method.planner.select(fresh.planner, {
      ...ask(4),
      groups: many({ countdown: 60, zebra: 60, arc: 60 }),
    });
    expect(realised).toEqual(target);
    expect(shortfall).toBe(0);
    for (const task of TASKS) {
      const places = chosen.filter((id) => id.startsWith(task));
      expect(places).toEqual(Array.from({ length: target[task]! }, (_, i) => `${task}/${i}`));
    }
  });

  test('what a task lacks is reported: the batch is filled from the surplus, and is short where there is none', () => {
    const filled = method.planner.select(fresh.planner, { ...ask(5), groups: many({ countdown: 60, arc: 1 }) });
    expect(filled.target.arc).toBeGreaterThan(1);
    expect(filled.realised).toEqual({ countdown: 31, zebra: 0, arc: 1 });
    expect(filled.shortfall).toBe(0);
    const short = method.planner.select(fresh.planner, { ...ask(5), groups: many({ countdown: 9, arc: 1 }) });
    expect(short.realised).toEqual({ countdown: 9, zebra: 0, arc: 1 });
    expect(short.shortfall).toBe(22);
  });

  test('the surplus is drawn by the keyed generator: the same for a step and a seed, another for another, fair over many', () => {
    const groups = many({ countdown: 40, zebra: 40 });
    const weights = { countdown: 0.1, zebra: 0.1, arc: 0.8 };
    const chosen = (step: number, seed = 5) =>
      method.planner.select(fresh.planner, { ...ask(step, weights, seed), groups }).chosen;
    expect(chosen(6)).toEqual(chosen(6));
    expect(chosen(6)).not.toEqual(chosen(7));
    expect(chosen(6)).not.toEqual(chosen(6, 8));
    const times = new Map<string, number>();
    for (let step = 0; step < 400; step++) {
      for (const id of chosen(step)) times.set(id, (times.get(id) ?? 0) + 1);
    }
    // About 26 of 32 come from the surplus of 80 less what the targets took: places beyond any target all have a like chance.
    const late = Array.from({ length: 20 }, (_, i) => [`countdown/${20 + i}`, `zebra/${20 + i}`]).flat();
    const shares = late.map((id) => (times.get(id) ?? 0) / 400);
    expect(Math.min(...shares)).toBeGreaterThan(0.22);
    expect(Math.max(...shares)).toBeLessThan(0.48);
  });
});
