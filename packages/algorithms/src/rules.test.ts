import { describe, expect, test } from 'vitest';
import { fitMethod } from './fit-method.ts';
import { type MethodOverrides, methods, resolveMethod } from './method.ts';
import { rules } from './rules.ts';

/** For each rule a combination that breaks it, what it says, and one beside it that does not. */
const rows: Record<string, [name: string, broken: MethodOverrides, says: string, kept: MethodOverrides]> = {
  'a planner that refills needs a filter that drops': [
    'dapo',
    { filter: 'none' },
    'drops nothing',
    { filter: 'strict' },
  ],
  'NGRPO needs the groups that are all wrong': [
    'ngrpo',
    { filter: 'strict' },
    'filter strict drops',
    { filter: 'none' },
  ],
  'negative samples alone need the groups that are all wrong': [
    'nsr',
    { filter: 'lenient' },
    'which are most of what negative samples teach; choose filter not-all-correct or none',
    { filter: 'not-all-correct' },
  ],
  'positive samples alone need the groups that are all right': [
    'psr',
    { filter: 'not-all-correct' },
    'drops the groups in which all are right',
    { filter: 'strict' },
  ],
  'a discriminative loss needs mixed groups': [
    'disco',
    { filter: 'lenient' },
    'filter lenient keeps groups that have not both; choose filter strict',
    { planner: 'rp-sampler' },
  ],
  'a discriminative loss needs its advantages': [
    'disco',
    { advantage: 'grpo' },
    'advantage grpo gives other numbers; choose advantage disco or drpo',
    { advantage: 'drpo' },
  ],
  'shares of right and wrong answers need a discriminative loss': [
    'mt-grpo',
    { advantage: 'disco' },
    'which only a discriminative loss knows',
    { advantage: 'rloo' },
  ],
  'a discriminative loss has its own scale and constraint': [
    'drpo',
    { objective: { kl: { kind: 'k3', beta: 0.1 } } },
    'is bound to the policy that sampled, and kl.kind is k3; choose none',
    { objective: { clipHigh: 0.3 } },
  ],
  'only a clipped ratio has one per completion': [
    'cispo',
    { objective: { ratio: 'sequence' } },
    'the loss form cispo works token by token',
    { objective: { aggregation: 'sequence-mean' } },
  ],
  'advantages by component read no combined reward': [
    'gdpo',
    { reward: 'weighted' },
    'reward weighted would make one number of them that nothing reads',
    { advantage: { weights: { verdict: 1 } } },
  ],
  'a constraint counts once': [
    'fgrpo',
    { reward: { kind: 'weighted', weights: { verdict: 1, formatted: 0.1 } } },
    'component "formatted" is a constraint of advantage fgrpo and in the sum of reward weighted as well',
    { reward: { kind: 'weighted', weights: { verdict: 1 } } },
  ],
  'right answers alone need no reward beside': [
    'nsr',
    { reward: 'unlikely' },
    'looks at right and wrong alone, and reward unlikely would not be read',
    { weighter: 'iwu' },
  ],
  'without ground truth nothing may ask for it': [
    'surrogate',
    { filter: 'strict' },
    'filter strict asks which answers are right; choose filter lenient or none',
    { filter: 'lenient' },
  ],
  'SEC needs advantages whose size means something': [
    'sec-dapo',
    { advantage: 'reinforce' },
    'those of reinforce have the same size whatever there is to learn',
    { advantage: 'dr-grpo' },
  ],
  'SEC needs advantages that are alike from step to step': [
    'sec-grpo',
    { advantage: 'gdpo' },
    'gdpo scales each batch anew',
    { advantage: 'rloo' },
  ],
  'SEC needs advantages that its temperature was made for': [
    'sec-grpo',
    { advantage: 'mc-grpo' },
    'mc-grpo divides by its eps alone wherever a group has a clear majority',
    { advantage: { kind: 'mc-grpo', meanWhereZero: true } },
  ],
};

describe('what cannot work together', () => {
  test('SEC and any advantage whose scale follows its batch', () => {
    for (const name of ['sec-grpo', 'sec-dapo']) {
      for (const advantage of ['gdpo', 'bnpo']) {
        const says = `weighter sec compares the size of advantages from step to step, and ${advantage} scales each batch anew`;
        expect(() => resolveMethod(name, { advantage })).toThrow(says);
        expect(() => resolveMethod(advantage, { weighter: 'sec' })).toThrow(says);
      }
    }
  });

  test('every rule has a combination that breaks it', () => {
    expect(Object.keys(rows)).toEqual(Object.keys(rules));
  });

  test.each(Object.entries(rows))(
    '%s: refused with the reason, and what fits is not',
    (rule, [name, broken, says, kept]) => {
      expect(() => resolveMethod(name, broken)).toThrow(says);
      expect(() => resolveMethod(name, broken)).toThrow(
        `Cannot configure ${name}: ${rules[rule]!({ ...unchecked(name, broken) })}`,
      );
      expect(() => resolveMethod(name, kept)).not.toThrow();
    },
  );
});

/** The combination itself, which no resolved method can be. */
function unchecked(name: string, { filter, advantage, reward, objective }: MethodOverrides) {
  const part = (override: unknown, preset: object) =>
    typeof override === 'string' ? { kind: override } : { ...preset, ...(override as object | undefined) };
  const preset = methods[name]!;
  return {
    ...preset,
    filter: part(filter, preset.filter) as never,
    advantage: part(advantage, preset.advantage) as never,
    reward: part(reward, preset.reward) as never,
    objective: { ...preset.objective, ...objective },
  };
}

describe('fitMethod()', () => {
  const run = { groupSize: 8, maxNewTokens: 24, components: { arc: [], words: ['rubric'] } };

  test('puts in what depends on the run, and is the same when done again', () => {
    const drGrpo = fitMethod(resolveMethod('dr-grpo'), run);
    expect(drGrpo.objective).toMatchObject({ aggregation: 'fixed-length', fixedLength: 24 });
    const drpo = fitMethod(resolveMethod('drpo'), run);
    expect(drpo.advantage).toMatchObject({ kind: 'drpo', maxTokens: 24 });
    for (const spec of [drGrpo, drpo]) expect(fitMethod(spec, { ...run, maxNewTokens: 99 })).toEqual(spec);
    for (const name of ['grpo', 'dapo', 'mt-grpo']) {
      expect(fitMethod(resolveMethod(name), run)).toEqual(resolveMethod(name));
    }
  });

  const refused: [name: string, overrides: MethodOverrides, fields: Partial<typeof run>, says: string][] = [
    [
      'c-grpo',
      {},
      { components: { arc: [], words: [] } as never },
      'no task\'s verifier declares the component "rubric", expected one of verdict, correct, formatted',
    ],
    [
      'grpo-care',
      {},
      {},
      'the reward care: no task\'s verifier declares the component "likelihood", expected one of verdict, correct, formatted, rubric (words: rubric)',
    ],
    ['p-grpo', {}, {}, 'no task\'s verifier declares the component "thinking"'],
    [
      'gdpo',
      { advantage: { weights: { speed: 1 } } },
      {},
      'the advantage gdpo: no task\'s verifier declares the component "speed"',
    ],
    [
      'grpo',
      { reward: { kind: 'weighted', weights: { verdict: 1, lenght: 0.2 } } },
      {},
      'the reward weighted: no task\'s verifier declares the component "lenght"',
    ],
    [
      'mc-grpo',
      {},
      { groupSize: 2 },
      'groupSize is 2, expected 3 or more, for advantage mc-grpo leaves one rollout of each group out',
    ],
    [
      'omni-think',
      { objective: { kl: { kind: 'k3', beta: { ark: 0.1 } } } },
      {},
      'the objective (kl.beta): it names "ark", which is no task of the run, expected one of arc, words',
    ],
    [
      'curriculum',
      { weighter: { transfer: { code: 1 } } },
      {},
      'the weighter staged: it names "code", which is no task of the run',
    ],
  ];
  test.each(refused)('%s with %j in a run with %j is refused with the reason', (name, overrides, fields, says) => {
    expect(() => fitMethod(resolveMethod(name, overrides), { ...run, ...fields })).toThrow(says);
  });

  test('a component that one task has is enough', () => {
    expect(() => fitMethod(resolveMethod('c-grpo'), run)).not.toThrow();
    expect(() =>
      fitMethod(resolveMethod('gdpo', { advantage: { weights: { correct: 1, rubric: 0.5 } } }), run),
    ).not.toThrow();
  });
});

test('a method that no run can do is refused with the reason, by its name', () => {
  expect(() => resolveMethod('expo')).toThrow(
    /^Cannot choose a method: ExPO learns from explanations .* hold the answer back; expected one of grpo, dapo, /,
  );
});

describe('options and losses that have no meaning', () => {
  const refused: [name: string, overrides: MethodOverrides, says: string][] = [
    ['ngrpo', { advantage: { eps: 0 } }, 'option "eps" must be above 0'],
    ['mc-grpo', { advantage: { eps: -1 } }, 'option "eps" must be above 0'],
    ['nsr', { advantage: { negative: 0 } }, 'are both 0, expected one above'],
    ['nsr', { advantage: { negative: -1 } }, 'must be 0 or more'],
    ['bnpo', { advantage: { components: [] } }, 'option "components" is [], expected a list of at least one name'],
    ['gdpo', { advantage: { weights: {} } }, 'expected at least one component with its weight'],
    ['gdpo', { advantage: { weights: { correct: '1' } } }, 'the weight of "correct" is "1", expected a finite number'],
    ['stratified', { advantage: { blend: 1.5 } }, 'option "blend" is 1.5, expected between 0 and 1'],
    ['fgrpo', { advantage: { thresholds: [] } }, 'expected at least one component with its threshold'],
    ['fgrpo', { advantage: { maxPrice: 0 } }, 'option "maxPrice" is 0, expected above 0'],
    ['drpo', { advantage: { brevity: 0 } }, 'option "brevity" is 0, expected above 0'],
    ['unlikely', { reward: { demotion: 2 } }, 'option "demotion" is 2, expected between 0 and 1'],
    ['think-short', { reward: { decay: 0 } }, 'option "decay" is 0, expected above 0 and at most 1'],
    ['think-short', { reward: { every: 0.5 } }, 'option "every" is 0.5, expected a whole number of 1 or more'],
    ['surrogate', { reward: { turn: 1 } }, 'option "turn" is 1, expected between 0 and 1'],
    ['grpo-lambda', { reward: { share: -1 } }, 'option "share" is -1, expected between 0 and 1'],
    ['grpo-care', { reward: { bonus: -1 } }, 'must be 0 or more'],
    ['c-grpo', { reward: { share: 7 } }, 'option "share" is 7, expected between 0 and 1'],
    [
      'curriculum',
      { weighter: { stepsPerStage: 0 } },
      'option "stepsPerStage" is 0, expected a whole number of 1 or more',
    ],
    ['curriculum', { weighter: { transfer: { arc: 'x' } } }, 'the transfer of "arc" is "x", expected a finite number'],
    [
      'cispo',
      { objective: { form: { kind: 'ppo' } as never } },
      'form.kind is "ppo", expected one of cispo, reinforce, discriminative',
    ],
    [
      'cispo',
      { objective: { form: { kind: 'cispo', tau: 1 } as never } },
      'form.tau is unknown, expected nothing beside kind cispo',
    ],
    ['cispo', { objective: { clipLow: 1.5 } }, 'clipLow is 1.5, expected between 0 and 1'],
    ['disco', { objective: { form: { ...form(), temperature: 0 } } }, 'form.temperature is 0, expected above 0'],
    [
      'disco',
      { objective: { form: { ...form(), score: 'x' as never } } },
      'form.score is "x", expected one of log-likelihood, ratio',
    ],
    ['disco', { objective: { form: { ...form(), klBound: -1 } } }, 'form.klBound is -1, expected 0 or more'],
    ['dr-grpo', { objective: { fixedLength: 1.5 } }, 'fixedLength is 1.5, expected a whole number'],
    ['grpo', { objective: { fixedLength: 3 } }, 'fixedLength is 3, but aggregation is sequence-mean'],
    [
      'grpo',
      { objective: { explanations: 0.04 } },
      'ExPO learns from explanations that the policy gives of an answer it was told',
    ],
  ];
  test.each(refused)('%s with %j is refused with the reason', (name, overrides, says) => {
    expect(() => resolveMethod(name, overrides)).toThrow(says);
  });
});

function form() {
  const { objective } = methods.disco!;
  return objective.form as Extract<NonNullable<typeof objective.form>, { kind: 'discriminative' }>;
}
