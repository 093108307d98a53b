/** Rewards that look at several rollouts: golden values of the catalogue where it has some, else worked out by hand. */
import { describe, expect, test } from 'vitest';
import { groupOf } from '../fixtures.ts';
import { buildMethod, resolveMethod } from '../method.ts';
import type { Group, RewardContext, Rollout } from '../types.ts';
import { budgetAt, triangular } from './budget.ts';
import { lengthCurve } from './surrogate.ts';

const context: RewardContext = { step: 0, maxTokens: 16 };

/** A group with more than its rewards. */
function groupWith(
  id: string,
  rewards: readonly (number | null)[],
  fields: Partial<Record<keyof Rollout, unknown[]>>,
): Group {
  const group = groupOf(id, 'arc', rewards);
  const of = (i: number) => Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values![i]]));
  return { ...group, rollouts: group.rollouts.map((rollout, i) => ({ ...rollout, ...of(i) })) };
}

function shaped(reward: { kind: string; [option: string]: unknown }, groups: readonly Group[], at = context) {
  const part = buildMethod(resolveMethod('grpo', { reward: reward as never })).reward;
  return part.shape!(groups, at).map(({ rollouts }) => rollouts.map((rollout) => rollout.reward));
}

describe('unlikely', () => {
  const group = groupWith('g', [1, 0, 1, 1], { meanLogprob: [-0.5, -1, -0.2, -2] });

  test('the values of the catalogue: ranks 2, 1, 3, 0', () => {
    expect(shaped({ kind: 'unlikely', demotion: 0.25 }, [group])).toEqual([[0.875, 0, 0.8125, 1]]);
  });

  test('a rollout without a verdict has no rank; a tie goes by place', () => {
    const silent = groupWith('g', [1, null, 1], { meanLogprob: [-1, -9, -1] });
    expect(shaped({ kind: 'unlikely', demotion: 0.5 }, [silent])).toEqual([[1, null, 0.75]]);
  });

  test('a rollout without log-probabilities is refused by name', () => {
    expect(() => shaped({ kind: 'unlikely' }, [groupOf('g', 'arc', [1, 0])])).toThrow(
      'the mean log-probability of rollout "g/0" is undefined, expected a number',
    );
  });
});

describe('budget', () => {
  test("the budget shrinks as in the paper's example, from 256 to 87 and a fraction in three intervals", () => {
    const schedule = { decay: 0.7, every: 10 };
    expect([0, 9, 10, 29, 30].map((step) => Math.round(budgetAt(step, 256, schedule)))).toEqual([
      256, 256, 179, 125, 88,
    ]);
    expect(budgetAt(1e9, 256, schedule)).toBe(1);
    expect(budgetAt(1e9, 256, { decay: 1, every: 1e8 })).toBe(256);
  });

  test('the triangle rises to the budget and falls to 0 at twice of it', () => {
    expect([0, 5, 10, 15, 20, 30].map((length) => triangular(length, 10))).toEqual([0, 0.5, 1, 0.5, 0, 0]);
  });

  test('R = λ_c · right + λ_l · triangle + λ_f · form, worked out by hand', () => {
    const group = groupWith('g', [1, 0.1, 0, null], { tokens: [8, 16, 4, 4] });
    const reward = { kind: 'budget', correct: 0.3, length: 0.6, formatted: 0.1, budget: 8, decay: 0.5, every: 1 };
    const [first] = shaped(reward, [group]);
    for (const [i, value] of [0.3 + 0.6 + 0.1, 0 + 0 + 0.1, 0.3, null].entries()) {
      if (value === null) expect(first![i]).toBeNull();
      else expect(first![i]).toBeCloseTo(value, 12);
    }
    // A step later the budget is 4: 8 tokens are twice of it.
    const [second] = shaped(reward, [group], { step: 1, maxTokens: 16 });
    expect(second![0]).toBeCloseTo(0.4, 12);
    expect(second![2]).toBeCloseTo(0.6, 12);
  });
});

describe('surrogate', () => {
  test('the curve is 0 at nothing, 1 at the turn, −1 at the longest', () => {
    expect([0, 0.25, 0.5, 0.75, 1].map((x) => lengthCurve(x, 0.5))).toEqual([0, 0.75, 1, 0.5, -1]);
  });

  test('form and length alone: a right answer is worth what a wrong one of its length is', () => {
    const group = groupWith('g', [1, 0.1, 0, 0], { tokens: [8, 8, 8, 16] });
    expect(shaped({ kind: 'surrogate', maxTokens: 16 }, [group])).toEqual([[2, 2, 0, -1]]);
  });
});

describe('grpo-lambda', () => {
  const good = groupWith('good', [1, 1, 1, 0], { tokens: [2, 4, 6, 1] });
  const bad = groupWith('bad', [1, 0.1, 0.1, 0], { tokens: [2, 4, 6, 1] });

  test('length counts in the best share of the groups alone, worked out by hand', () => {
    // Right ones: μ 4, σ 2; sigmoid(−1) = .26894, sigmoid(0) = .5, sigmoid(1) = .73106; α = .6.
    const [others, top] = shaped({ kind: 'grpo-lambda', share: 0.5, penalty: 0.6 }, [bad, good]);
    expect(others).toEqual([1, 0, 0, 0]);
    expect(top!.map((value) => value!.toFixed(4))).toEqual(['0.8386', '0.7000', '0.5614', '0.0000']);
  });

  test('the share is rounded up, the earlier group first; equal lengths have the middle penalty', () => {
    const equal = groupWith('a', [1, 1, 0], { tokens: [3, 3, 3] });
    expect(shaped({ kind: 'grpo-lambda', share: 0.2, penalty: 0.6 }, [equal, { ...equal, id: 'b' }])).toEqual([
      [0.7, 0.7, 0],
      [1, 1, 0],
    ]);
  });

  test('a share of none is right and wrong alone, and groups without a right answer have 0', () => {
    expect(shaped({ kind: 'grpo-lambda', share: 0 }, [good])).toEqual([[1, 1, 1, 0]]);
    expect(shaped({ kind: 'grpo-lambda', share: 1 }, [groupOf('g', 'arc', [0, 0.1])])).toEqual([[0, 0]]);
  });
});

describe('care', () => {
  const components = [0.9, 0.5, 0.4, 0.9].map((likelihood) => ({ likelihood }));

  test('a right answer that the reference finds as likely as the right ones do on average gets the bonus', () => {
    // Right: .9, .5, .4; mean .6.
    expect(shaped({ kind: 'care', margin: 0 }, [groupWith('g', [1, 1, 1, 0.1], { components })])).toEqual([
      [1.5, 1, 1, 0.1],
    ]);
    expect(shaped({ kind: 'care', margin: 0.1 }, [groupWith('g', [1, 1, 1, 0.1], { components })])).toEqual([
      [1.5, 1.5, 1, 0.1],
    ]);
  });

  test('equally likely answers all get it, whatever rounding does to their mean', () => {
    const alike = [0.1, 0.1, 0.1].map((likelihood) => ({ likelihood }));
    expect(shaped({ kind: 'care', margin: 0 }, [groupWith('g', [1, 1, 1], { components: alike })])).toEqual([
      [1.5, 1.5, 1.5],
    ]);
  });
});

describe('citation', () => {
  const components = [4, 2, 3, 0].map((rubric) => ({ rubric }));
  const group = groupWith('g', [1, 1, 0, 0], { components });

  test('R = (1 − α) R_o + α · rubric / max rubric, worked out by hand', () => {
    const [paper] = shaped({ kind: 'citation' }, [group]);
    for (const [i, value] of [1, 0.85, 0, 0].entries()) expect(paper![i]).toBeCloseTo(value, 12);
    const [all] = shaped({ kind: 'citation', onlyCorrect: false }, [group]);
    for (const [i, value] of [1, 0.85, 0.225, 0].entries()) expect(all![i]).toBeCloseTo(value, 12);
  });

  test('without a rubric above 0 the outcome counts alone', () => {
    const none = [0, 0].map((rubric) => ({ rubric }));
    expect(shaped({ kind: 'citation' }, [groupWith('g', [1, 0], { components: none })])).toEqual([[0.7, 0]]);
  });
});

describe('posterior', () => {
  test('R = R_f + R_o + R_o · R_t: thinking counts where the outcome is right', () => {
    const components = [0.5, 0.9, 0.9].map((thinking) => ({ thinking }));
    expect(shaped({ kind: 'posterior' }, [groupWith('g', [1, 0.1, 0], { components })])).toEqual([[2.5, 1, 0]]);
  });
});

describe.each([
  ['care', 'likelihood'],
  ['citation', 'rubric'],
  ['posterior', 'thinking'],
])('%s', (kind, component) => {
  test('leaves a task alone whose verifier does not know the component', () => {
    const group = groupWith('g', [1, 0.1], { components: [{ verdict: 1 }, { verdict: 0.1 }] });
    expect(shaped({ kind }, [group])).toEqual([[1, 0.1]]);
  });

  test('refuses a component that is no number, by name', () => {
    const broken = groupWith('g', [1, 1], { components: [{ [component]: 1 }, { [component]: Number.NaN }] });
    expect(() => shaped({ kind }, [broken])).toThrow(`component "${component}" of rollout "g/1" is NaN`);
  });
});
