/** What every method must hold, whatever it is made of. */
import { canonicalJson } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { fitMethod } from './fit-method.ts';
import { groupOf } from './fixtures.ts';
import {
  buildMethod,
  estimateAdvantages,
  initMethod,
  type Method,
  type MethodState,
  methodSources,
  methods,
  observeStep,
  resolveMethod,
  withTasks,
} from './method.ts';
import { stepRandom } from './step-random.ts';
import { mergeTallies, type Tallies, tallyAdvantages, tallyGroups, tallyObjectives } from './task-stats.ts';
import type { Advantages, Group, PartState } from './types.ts';

const NAMES = Object.keys(methods);
const TASKS = ['countdown', 'zebra', 'arc'];
const opinions = ['likelihood', 'rubric', 'thinking'];
const run = { groupSize: 8, maxNewTokens: 16, components: Object.fromEntries(TASKS.map((task) => [task, opinions])) };
const methodOf = (name: string) => buildMethod(fitMethod(resolveMethod(name), run));

interface Policy {
  readonly skill: Record<string, number>;
}

/** The groups of a round: made up, but with all that a part may read. */
function rolledOut(
  method: Method,
  policy: Policy,
  step: number,
  round: number,
  counts: Readonly<Record<string, number>>,
) {
  const random = stepRandom(11, step);
  const groups = Object.entries(counts).flatMap(([task, count]) =>
    Array.from({ length: count }, (_, i): Group => {
      const draw = random(`test/${task}/${i}`, round);
      const rewards = Array.from({ length: 8 }, () => {
        const luck = draw.uniform();
        return luck < policy.skill[task]! ? 1 : luck < 0.95 ? 0.1 : luck < 0.98 ? 0 : null;
      });
      const group = groupOf(`${step}/${round}/${task}/${i}`, task, rewards);
      const rollouts = group.rollouts.map((rollout) => {
        const { reward, correct, formatted } = rollout;
        const components = {
          ...{ verdict: reward, correct: correct ? 1 : 0, formatted: formatted ? 1 : 0 },
          ...{ likelihood: draw.uniform(), rubric: draw.uniform(), thinking: draw.uniform() },
        };
        return { ...rollout, tokens: 1 + draw.integer(16), meanLogprob: -draw.uniform(), components };
      });
      return { ...group, rollouts };
    }),
  );
  return method.reward.shape?.(groups, { step, maxTokens: 16 }) ?? groups;
}

/** One step as a run does it. `kept` restores a state from what it was written as. */
function stepOf(method: Method, state: MethodState, policy: Policy, step: number) {
  const shared = { weights: method.weighter.weights(state.weighter), prompts: 12, random: stepRandom(11, step) };
  const kept: Group[] = [];
  let tallies: Tallies = {};
  for (let round = 0; ; round++) {
    const counts = Object.fromEntries(Object.entries(tallies).map(([task, stats]) => [task, stats.kept]));
    const plan = method.planner.plan(state.planner, { ...shared, round, kept: counts });
    if (plan.kind === 'done') break;
    const groups = rolledOut(method, policy, step, round, plan.counts);
    const verdicts = groups.map((group) => method.filter.verdict(group));
    kept.push(...groups.filter((_, place) => verdicts[place] === 'keep'));
    tallies = mergeTallies(tallies, tallyGroups(groups, verdicts, method.advantage.components));
  }
  const { chosen, realised } = method.planner.select(state.planner, { ...shared, groups: kept });
  const ids = new Set(chosen);
  const batch = kept.filter(({ id }) => ids.has(id));
  const advantages = estimateAdvantages(method, state, batch);
  tallies = tallyAdvantages(tallies, batch, advantages);
  const zeros = Object.fromEntries(TASKS.map((task) => [task, 0]));
  const after = Object.fromEntries(TASKS.map((task) => [task, (realised[task] ?? 0) / 400]));
  for (const task of TASKS) policy.skill[task] = Math.min(0.9, policy.skill[task]! + after[task]!);
  tallies = tallyObjectives(tallies, { before: zeros, after });
  return { advantages, tallies, next: observeStep(method, state, { step, tasks: tallies }) };
}

const start = (): Policy => ({ skill: { countdown: 0.6, zebra: 0.4, arc: 0.1 } });

/** Six steps; `restore` stands for a kill after each. */
function train(method: Method, restore: (state: MethodState) => MethodState) {
  const policy = start();
  let state = initMethod(method, TASKS);
  const seen: Advantages[] = [];
  for (let step = 0; step < 6; step++) {
    const { next, advantages, tallies } = stepOf(method, state, policy, step);
    seen.push(advantages);
    state = restore(next);
    // A worker that died after its reply: the same step is told once more.
    state = observeStep(method, state, { step, tasks: tallies });
  }
  return { state, seen };
}

describe.each(NAMES)('%s', (name) => {
  const method = methodOf(name);

  test('says what it is about and where it comes from', () => {
    const { about, source } = methodSources[name]!;
    expect(about.length).toBeGreaterThan(10);
    expect(about.length).toBeLessThan(90);
    expect(source.paper).not.toBe('');
    expect(source.from).not.toBe('');
  });

  test('is canonical JSON, and what it is resolved to resolves to itself', () => {
    const { name: _name, ...parts } = method.spec;
    expect(canonicalJson(resolveMethod(name, parts))).toBe(canonicalJson(method.spec));
  });

  test('goes on from what its state was written as, step by step, as if nothing had been', () => {
    const undisturbed = train(method, (state) => state);
    const killed = train(method, (state) => JSON.parse(canonicalJson(state)) as MethodState);
    expect(canonicalJson(killed.state)).toBe(canonicalJson(undisturbed.state));
    expect(killed.seen).toEqual(undisturbed.seen);
  });

  test('gives finite advantages for every rollout that it trains on, and trains on some', () => {
    const all = train(method, (state) => state).seen.flat(2);
    expect(all.filter((advantage) => advantage !== null && advantage !== 0).length).toBeGreaterThan(50);
    for (const advantage of all) if (advantage !== null) expect(Number.isFinite(advantage)).toBe(true);
  });

  test('refuses a state of another version, of the method and of each part that has one', () => {
    const { state } = train(method, (same) => same);
    const refused = (changed: MethodState, text: string) => {
      expect(() => {
        observeStep(method, changed, { step: 9, tasks: {} });
        estimateAdvantages(method, changed, []);
      }).toThrow(expect.objectContaining({ code: 'state-version', message: expect.stringContaining(text) }));
    };
    refused({ ...state, version: 2 }, 'it is method version 2, expected method version 1');
    for (const part of ['weighter', 'planner', 'advantage'] as const) {
      const own = state[part];
      if (own === undefined) continue;
      const other: PartState = { ...own, version: own.version + 1 };
      refused({ ...state, [part]: other }, `it is ${own.kind} version 2, expected ${own.kind} version 1`);
    }
  });

  test('goes on with other tasks', () => {
    const { state } = train(method, (same) => same);
    const next = withTasks(method, state, ['zebra', 'new']);
    expect(next.advantage).toEqual(state.advantage);
    const weights = method.weighter.weights(next.weighter);
    expect(Object.keys(weights)).toEqual(['zebra', 'new']);
    expect(weights.zebra! + weights.new!).toBeCloseTo(1, 12);
  });
});

describe('a state of before an advantage remembered anything', () => {
  test('goes on with what it has at the start', () => {
    const method = methodOf('fgrpo');
    const { advantage: _none, ...old } = initMethod(method, TASKS);
    const { next } = stepOf(method, old, start(), 0);
    expect(next).toEqual(stepOf(method, initMethod(method, TASKS), start(), 0).next);
  });
});

describe('bad input', () => {
  const ask = (weights: Record<string, number>, prompts = 8) => ({
    weights,
    prompts,
    round: 0,
    kept: {},
    random: stepRandom(1, 0),
  });

  test.each(['plain', 'refill', 'rp-sampler'])(
    'a weight that is no number draws nothing with %s, and says so',
    (planner) => {
      const part = buildMethod(resolveMethod('mt-grpo', { planner })).planner;
      const state = part.init(TASKS);
      for (const bad of [Number.NaN, -0.1, Number.POSITIVE_INFINITY]) {
        expect(() => part.plan(state, ask({ countdown: 0.5, zebra: bad, arc: 0.5 }))).toThrow(
          `Cannot draw tasks: a share is ${bad}, expected a finite number >= 0`,
        );
      }
      expect(() => part.plan(state, ask({ countdown: 0, zebra: 0, arc: 0 }))).toThrow('all shares are 0');
    },
  );

  test.each(NAMES)('a reward that is no number reaches no weight of %s', (name) => {
    const method = methodOf(name);
    const state = initMethod(method, TASKS);
    const groups = rolledOut(method, start(), 0, 0, { arc: 1 }).map((group) => ({
      ...group,
      rollouts: group.rollouts.map((rollout, i) => ({ ...rollout, reward: i === 0 ? Number.NaN : rollout.reward })),
    }));
    expect(() => estimateAdvantages(method, state, groups)).toThrow('has a reward that is not finite');
    const tallies = tallyGroups(groups, ['keep'], method.advantage.components);
    if (!['uniform', 'staged', 'sec'].includes(method.weighter.kind)) {
      expect(() => observeStep(method, state, { step: 0, tasks: tallies })).toThrow('task "arc" is NaN');
    }
  });

  test.each(NAMES)(
    'with %s, a task whose verifier always abstains is no zero: the others go on, and the weights stay numbers',
    (name) => {
      const method = methodOf(name);
      let state = initMethod(method, TASKS);
      for (let step = 0; step < 5; step++) {
        const groups = rolledOut(method, start(), step, 0, { countdown: 4, zebra: 4, arc: 4 }).map((group) =>
          group.task === 'arc'
            ? { ...group, rollouts: group.rollouts.map((rollout) => ({ ...rollout, reward: null, correct: false })) }
            : group,
        );
        const verdicts = groups.map((group) => method.filter.verdict(group));
        for (const [i, group] of groups.entries())
          if (group.task === 'arc') expect(verdicts[i]).toBe('too-few-rewards');
        const batch = groups.filter((_, i) => verdicts[i] === 'keep');
        const advantages = estimateAdvantages(method, state, batch);
        let tallies = tallyAdvantages(tallyGroups(groups, verdicts, method.advantage.components), batch, advantages);
        const measured = { countdown: 0.01, zebra: 0 };
        tallies = tallyObjectives(tallies, { before: { countdown: 0, zebra: 0 }, after: measured });
        state = observeStep(method, state, { step, tasks: tallies });
        const weights = Object.values(method.weighter.weights(state.weighter));
        expect(weights.every(Number.isFinite)).toBe(true);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      }
      expect(method.planner.filterRates(state.planner).arc).toBeCloseTo(1 - 0.9 ** 5, 6);
    },
  );

  test.each(NAMES)(
    'with %s, groups that all are filtered in all rounds end the step with an empty batch, and the next begins',
    (name) => {
      const method = methodOf(name);
      let state = initMethod(method, TASKS);
      for (let step = 0; step < 3; step++) {
        const shared = { weights: method.weighter.weights(state.weighter), prompts: 8, random: stepRandom(1, step) };
        let tallies: Tallies = {};
        let round = 0;
        for (; ; round++) {
          const plan = method.planner.plan(state.planner, { ...shared, round, kept: {} });
          if (plan.kind === 'done') break;
          const groups = Object.entries(plan.counts).flatMap(([task, count]) =>
            Array.from({ length: count }, (_, i) => groupOf(`${task}/${i}`, task, [1, 1, 1])),
          );
          tallies = mergeTallies(
            tallies,
            tallyGroups(
              groups,
              groups.map(() => 'all-correct' as const),
            ),
          );
        }
        expect(round).toBe(method.planner.maxRounds);
        const { chosen, shortfall } = method.planner.select(state.planner, { ...shared, groups: [] });
        expect({ chosen, shortfall }).toEqual({ chosen: [], shortfall: 8 });
        expect(estimateAdvantages(method, state, [])).toEqual([]);
        state = observeStep(method, state, { step, tasks: tallies });
      }
      const weights = Object.values(method.weighter.weights(state.weighter));
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    },
  );

  test.each(NAMES)(
    'with %s, a batch smaller than the number of tasks draws as many groups as it has places',
    (name) => {
      const method = methodOf(name);
      const tasks = Array.from({ length: 40 }, (_, k) => `task-${k}`);
      const state = initMethod(method, tasks);
      const shared = { weights: method.weighter.weights(state.weighter), prompts: 3, random: stepRandom(1, 0) };
      const plan = method.planner.plan(state.planner, { ...shared, round: 0, kept: {} });
      if (plan.kind !== 'draw') throw new Error('nothing is drawn');
      const groups = Object.entries(plan.counts).flatMap(([task, count]) =>
        Array.from({ length: count }, (_, i) => ({ id: `${task}/${i}`, task })),
      );
      const { chosen, target, shortfall } = method.planner.select(state.planner, { ...shared, groups });
      expect(chosen).toHaveLength(3);
      expect(shortfall).toBe(0);
      expect(Object.values(target).reduce((a, b) => a + b, 0)).toBe(3);
    },
  );
});
