import { canonicalJson } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { groupOf, statsOf } from './fixtures.ts';
import {
  buildMethod,
  checkRunShape,
  initMethod,
  type MethodOverrides,
  type MethodSpec,
  methods,
  observeStep,
  resolveMethod,
} from './method.ts';
import type { PlannerState } from './planner/filter-rates.ts';
import { stepRandom } from './step-random.ts';
import { mergeTallies, type Tallies, tallyAdvantages, tallyGroups, tallyObjectives } from './task-stats.ts';
import type { Group, TaskStats } from './types.ts';

/** The ablations of Multi-Task GRPO: configurations of `mt-grpo`, as `docs/papers.md` lists them. */
const ablations: [name: string, overrides: MethodOverrides, changed: Partial<MethodSpec>][] = [
  ['without IWU', { weighter: 'uniform' }, { weighter: { kind: 'uniform' } }],
  ['without the RP sampler', { planner: 'refill' }, { planner: { kind: 'refill', oversample: 3, maxRounds: 10 } }],
  [
    'without acceptance-aware sampling',
    { planner: { acceptanceAware: false } },
    { planner: { ...resolveMethod('mt-grpo').planner, acceptanceAware: false } },
  ],
  ['with the lenient filter', { filter: 'lenient' }, { filter: { kind: 'lenient' } }],
];

/** Multi-Task GRPO's comparison. The wider family: family.test.ts. */
const NAMES = ['grpo', 'dapo', 'sec-grpo', 'sec-dapo', 'mt-grpo', 'worst-task', 'regularised'];

describe('resolveMethod()', () => {
  test('knows the methods of the paper with its values', () => {
    expect(Object.keys(methods).slice(0, NAMES.length)).toEqual(NAMES);
    expect(resolveMethod('mt-grpo')).toEqual({
      name: 'mt-grpo',
      weighter: {
        kind: 'iwu',
        lambda: 0.2,
        improvementClip: 0.1,
        performance: 'reward',
        unseen: 'hold',
        optimizer: 'adamw',
        learningRate: 0.025,
        weightDecay: 1e-5,
      },
      planner: {
        kind: 'rp-sampler',
        oversample: 3,
        maxInflation: 5,
        resamplingRounds: 10,
        acceptanceAware: true,
        target: 'multinomial',
        resample: 'full',
      },
      filter: { kind: 'strict' },
      advantage: { kind: 'grpo', eps: 1e-6 },
      objective: { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'none' } },
      reward: { kind: 'verdict' },
    });
    expect(resolveMethod('grpo')).toMatchObject({
      weighter: { kind: 'uniform' },
      planner: { kind: 'plain' },
      filter: { kind: 'none' },
      objective: { clipHigh: 0.2, aggregation: 'sequence-mean' },
    });
    expect(resolveMethod('dapo')).toMatchObject({
      weighter: { kind: 'uniform' },
      planner: { kind: 'refill', oversample: 3, maxRounds: 10 },
      filter: { kind: 'lenient' },
      objective: { clipHigh: 0.28, aggregation: 'token-mean' },
    });
  });

  test('SEC is GRPO or DAPO with another weighter, and nothing else', () => {
    const weighter = { kind: 'sec', learningRate: 0.5, temperature: 0.2, unseen: 'decay' };
    expect(resolveMethod('sec-grpo')).toEqual({ ...resolveMethod('grpo'), name: 'sec-grpo', weighter });
    expect(resolveMethod('sec-dapo')).toEqual({ ...resolveMethod('dapo'), name: 'sec-dapo', weighter });
  });

  test('worst-task and regularised are MT-GRPO with another weighter, and nothing else', () => {
    const shared = { performance: 'reward', unseen: 'hold', optimizer: 'adamw', learningRate: 0.025 };
    const mtGrpo = resolveMethod('mt-grpo');
    const worstTask = { kind: 'worst-task', ...shared };
    expect(resolveMethod('worst-task')).toEqual({ ...mtGrpo, name: 'worst-task', weighter: worstTask });
    const regularised = { kind: 'regularised', eta: 5e-4, ...shared };
    expect(resolveMethod('regularised')).toEqual({ ...mtGrpo, name: 'regularised', weighter: regularised });
  });

  test.each(ablations)('the ablation %s changes what it says, and nothing else', (_name, overrides, changed) => {
    expect(resolveMethod('mt-grpo', overrides)).toEqual({ ...resolveMethod('mt-grpo'), ...changed });
  });

  test('a specification is canonical JSON, and the same for the same words', () => {
    const words = { lambda: 0.4, planner: { oversample: 2 }, objective: { clipHigh: 0.3 } };
    expect(canonicalJson(resolveMethod('mt-grpo', words))).toBe(canonicalJson(resolveMethod('mt-grpo', { ...words })));
  });

  test('options join the part of the method; another part starts from its own defaults', () => {
    expect(resolveMethod('mt-grpo', { lambda: 0.9, weighter: { optimizer: 'adam-l2' } }).weighter).toMatchObject({
      kind: 'iwu',
      lambda: 0.9,
      optimizer: 'adam-l2',
      learningRate: 0.025,
    });
    expect(resolveMethod('mt-grpo', { planner: 'refill' }).planner).toEqual({
      kind: 'refill',
      oversample: 3,
      maxRounds: 10,
    });
    expect(resolveMethod('dapo', { weighter: 'iwu', lambda: 1 }).weighter).toMatchObject({ kind: 'iwu', lambda: 1 });
    const kl = { kind: 'k3', beta: { arc: 0.01, zebra: 0 } } as const;
    expect(resolveMethod('grpo', { objective: { kl } }).objective.kl).toEqual(kl);
    const reward = { kind: 'weighted', weights: { verdict: 1, tags: 0.1 } };
    expect(resolveMethod('grpo', { reward }).reward).toEqual(reward);
  });

  const refused: [name: string, overrides: MethodOverrides, message: string][] = [
    ['mt-gpro', {}, 'Cannot choose a method: "mt-gpro" is unknown, expected one of grpo, dapo, sec-grpo, sec-dapo'],
    ['toString', {}, '"toString" is unknown'],
    ['mt-grpo', { lambda: -0.1 }, 'Cannot configure the weighter iwu: λ is -0.1, expected 0 or more'],
    ['mt-grpo', { lambda: Number.NaN }, 'option "lambda" is NaN, expected a finite number'],
    ['mt-grpo', { lambda: '0.2' as never }, 'option "lambda" is "0.2", expected a number'],
    ['grpo', { lambda: 0.2 }, 'Cannot configure grpo: λ is 0.2, but the weighter uniform has none'],
    ['mt-grpo', { filter: 'none' }, 'planner rp-sampler refills what the filter drops, but filter none drops nothing'],
    ['dapo', { filter: 'none' }, 'planner refill refills what the filter drops'],
    [
      'grpo',
      { filter: 'srict' },
      'Cannot configure the filter: "srict" is unknown, expected one of none, lenient, strict',
    ],
    [
      'mt-grpo',
      { planner: { oversampel: 3 } },
      'option "oversampel" is unknown, expected one of oversample, maxInflation',
    ],
    ['mt-grpo', { filter: { kind: 'strict', level: 1 } }, 'option "level" is unknown, expected no options'],
    ['mt-grpo', { planner: { oversample: 0 } }, 'option "oversample" is 0, expected above 0'],
    ['mt-grpo', { planner: { maxInflation: 0.5 } }, 'option "maxInflation" is 0.5, expected 1 or more'],
    ['mt-grpo', { planner: { resamplingRounds: 1.5 } }, 'option "resamplingRounds" is 1.5, expected a whole number'],
    ['dapo', { planner: { maxRounds: 0 } }, 'option "maxRounds" is 0, expected a whole number of 1 or more'],
    ['mt-grpo', { weighter: { performance: 'acc' } }, 'is "acc", expected one of reward, accuracy, accuracy-ema'],
    ['mt-grpo', { weighter: { learningRate: 0 } }, 'option "learningRate" is 0, expected above 0'],
    ['mt-grpo', { weighter: { weightDecay: -1 } }, 'option "weightDecay" is -1, expected 0 or more'],
    ['mt-grpo', { weighter: { improvementClip: 0 } }, 'option "improvementClip" is 0, expected above 0'],
    ['sec-grpo', { lambda: 0.2 }, 'Cannot configure sec-grpo: λ is 0.2, but the weighter sec has none'],
    ['worst-task', { lambda: 1 }, 'Cannot configure worst-task: λ is 1, but the weighter worst-task has none'],
    ['regularised', { lambda: 1 }, 'Cannot configure regularised: λ is 1, but the weighter regularised has none'],
    ['sec-dapo', { filter: 'none' }, 'planner refill refills what the filter drops, but filter none drops nothing'],
    ['worst-task', { filter: 'none' }, 'planner rp-sampler refills what the filter drops'],
    ['sec-grpo', { weighter: { temperature: 0 } }, 'the weighter sec: option "temperature" is 0, expected above 0'],
    ['sec-grpo', { weighter: { learningRate: 1.5 } }, 'option "learningRate" is 1.5, expected above 0 and at most 1'],
    ['sec-grpo', { weighter: { unseen: 'neutral' } }, 'option "unseen" is "neutral", expected one of decay, hold'],
    ['worst-task', { weighter: { optimizer: 'adam-l2' } }, 'is "adam-l2", expected one of adamw, sgd'],
    ['worst-task', { weighter: { weightDecay: 1e-5 } }, 'option "weightDecay" is unknown, expected one of performance'],
    ['worst-task', { weighter: { learningRate: -1 } }, 'option "learningRate" is -1, expected above 0'],
    ['regularised', { weighter: { eta: -1 } }, 'the weighter regularised: η is -1, expected 0 or more'],
    ['regularised', { weighter: { eta: 40 } }, 'η is 40 and the learning rate 0.025, expected a product below 1'],
    ['regularised', { weighter: { learningRate: 0 } }, 'option "learningRate" is 0, expected above 0'],
    ['regularised', { weighter: { improvementClip: 0.1 } }, 'option "improvementClip" is unknown, expected one of eta'],
    ['grpo', { advantage: { eps: 0 } }, 'Cannot configure the advantage grpo: option "eps" must be above 0'],
    ['grpo', { objective: { clipLow: 1 } }, 'Cannot configure the objective: clipLow is 1, expected between 0 and 1'],
    ['grpo', { objective: { clipHigh: Number.POSITIVE_INFINITY } }, 'clipHigh is Infinity, expected above 0'],
    ['grpo', { objective: { ratio: 'word' as never } }, 'ratio is "word", expected one of token, sequence'],
    ['grpo', { objective: { klip: 1 } as never }, 'field "klip" is unknown, expected one of ratio, clipLow'],
    ['grpo', { objective: { kl: { kind: 'k3', beta: -1 } } }, 'kl.beta is -1, expected a number of 0 or more'],
    [
      'grpo',
      { objective: { kl: { kind: 'k4' as never, beta: 1 } } },
      'kl.kind is "k4", expected one of none, k1, k2, k3',
    ],
    [
      'grpo',
      { reward: { kind: 'weighted', weights: {} } },
      'option "weights" is empty, expected at least one component',
    ],
    ['grpo', { lamda: 1 } as never, 'Cannot configure grpo: "lamda" is unknown, expected one of lambda, weighter'],
  ];
  test.each(refused)('%s with %j is refused with the reason', (name, overrides, message) => {
    expect(() => resolveMethod(name, overrides)).toThrow(message);
  });
});

test('checkRunShape() refuses runs that no method can do', () => {
  const shape = { tasks: ['arc'], promptsPerStep: 8, groupSize: 4 };
  expect(() => checkRunShape(shape)).not.toThrow();
  expect(() => checkRunShape({ ...shape, tasks: [] })).toThrow('no tasks are given, expected at least one');
  expect(() => checkRunShape({ ...shape, tasks: ['arc', 'arc'] })).toThrow('task "arc" is given twice');
  expect(() => checkRunShape({ ...shape, promptsPerStep: 0 })).toThrow(
    'promptsPerStep is 0, expected a whole number of 1',
  );
  expect(() => checkRunShape({ ...shape, groupSize: 1 })).toThrow(
    'groupSize is 1, expected a whole number of 2 or more, for an advantage compares the rollouts of a prompt',
  );
});

/** Twelve steps of a made-up policy: the chance of a right answer grows with a task's share of the batches. */
function train(name: string, killAt: number, overrides: MethodOverrides = {}) {
  const method = buildMethod(resolveMethod(name, overrides));
  const tasks = ['countdown', 'zebra', 'arc'];
  const skill: Record<string, number> = { countdown: 0.6, zebra: 0.4, arc: 0.05 };
  let state = initMethod(method, tasks);
  for (let step = 0; step < 12; step++) {
    const random = stepRandom(11, step);
    const shared = { weights: method.weighter.weights(state.weighter), prompts: 16, random };
    const keptGroups: Group[] = [];
    let tallies: Tallies = {};
    for (let round = 0; ; round++) {
      const kept = Object.fromEntries(Object.entries(tallies).map(([task, stats]) => [task, stats.kept]));
      const plan = method.planner.plan(state.planner, { ...shared, round, kept });
      if (plan.kind === 'done') break;
      const groups = Object.entries(plan.counts).flatMap(([task, count]) =>
        Array.from({ length: count }, (_, i) => {
          const draw = random(`test/${task}/${i}`, round);
          const rewards = Array.from({ length: 8 }, () => (draw.uniform() < skill[task]! ? 1 : 0.1));
          return groupOf(`${step}/${round}/${task}/${i}`, task, rewards);
        }),
      );
      const verdicts = groups.map((group) => method.filter.verdict(group));
      keptGroups.push(...groups.filter((_, place) => verdicts[place] === 'keep'));
      tallies = mergeTallies(tallies, tallyGroups(groups, verdicts));
    }
    const { chosen, realised } = method.planner.select(state.planner, { ...shared, groups: keptGroups });
    const batch = keptGroups.filter(({ id }) => chosen.includes(id));
    tallies = tallyAdvantages(tallies, batch, method.advantage.estimate(batch));
    const after: Record<string, number> = {};
    for (const task of tasks) {
      after[task] = realised[task]! / 500;
      skill[task] = Math.min(0.95, skill[task]! + after[task]!);
    }
    tallies = tallyObjectives(tallies, { before: { countdown: 0, zebra: 0, arc: 0 }, after });
    const next = observeStep(method, state, { step, tasks: tallies });
    // A worker that dies after its reply: the same step is reported once more, to a state that came back from a file.
    state = step === killAt ? observeStep(method, JSON.parse(canonicalJson(next)), { step, tasks: tallies }) : next;
  }
  return { state, weights: method.weighter.weights(state.weighter) };
}

describe('a whole run', () => {
  test.each(NAMES)('%s: a kill in the middle changes nothing', (name) => {
    expect(canonicalJson(train(name, 5))).toBe(canonicalJson(train(name, -1)));
  });

  test.each(ablations)('mt-grpo %s: a kill in the middle changes nothing', (_name, overrides) => {
    expect(canonicalJson(train('mt-grpo', 5, overrides))).toBe(canonicalJson(train('mt-grpo', -1, overrides)));
  });

  test('MT-GRPO ends with the most weight on the task that is behind, GRPO with equal weights', () => {
    const { weights, state } = train('mt-grpo', -1);
    expect(weights.arc).toBeGreaterThan(weights.zebra!);
    expect(weights.zebra).toBeGreaterThan(weights.countdown!);
    expect((state.planner as PlannerState).rho[2]).toBeGreaterThan(0.2);
    expect(train('grpo', -1).weights).toEqual({ countdown: 1 / 3, zebra: 1 / 3, arc: 1 / 3 });
  });

  test('ε = 0 and its regularised form put the most weight on the task that is behind, SEC the least', () => {
    for (const name of ['worst-task', 'regularised']) {
      const { weights } = train(name, -1);
      expect(weights.arc).toBeGreaterThan(Math.max(weights.zebra!, weights.countdown!));
    }
    for (const name of ['sec-grpo', 'sec-dapo']) {
      const { weights } = train(name, -1);
      expect(weights.arc).toBeLessThan(Math.min(weights.zebra!, weights.countdown!));
    }
  });

  test.each(NAMES)('a state of another version is refused by %s', (name) => {
    const method = buildMethod(resolveMethod(name));
    const state = { ...initMethod(method, ['arc']), version: 0 };
    expect(() => observeStep(method, state, { step: 0, tasks: {} })).toThrow(
      'Cannot go on from state: it is method version 0, expected method version 1',
    );
  });
});

test.each([...NAMES, 'curriculum'])('%s: the state of 10,000 tasks that are all busy is below 1 MB', (name) => {
  const method = buildMethod(resolveMethod(name));
  const tasks = Array.from({ length: 10_000 }, (_, i) => `task-${String(i).padStart(5, '0')}`);
  let state = initMethod(method, tasks);
  for (let step = 0; step < 3; step++) {
    const random = stepRandom(1, step)('test/stats', 0);
    const stats: Record<string, TaskStats> = {};
    for (const task of tasks) {
      const correct = random.integer(25);
      const fields = {
        groups: 3,
        kept: random.integer(4),
        rollouts: 24,
        correct,
        rewardSum: correct + random.uniform(),
      };
      const objectives = { objectiveBefore: 0, objectiveAfter: random.uniform() / 20 };
      stats[task] = statsOf({ ...fields, ...objectives, advantages: 8, absAdvantageSum: 8 * random.uniform() });
    }
    state = observeStep(method, state, { step, tasks: stats });
  }
  expect(canonicalJson(state).length).toBeLessThan(1_000_000);
  const total = Object.values(method.weighter.weights(state.weighter)).reduce((a, b) => a + b, 0);
  expect(total).toBeCloseTo(1, 9);
});
