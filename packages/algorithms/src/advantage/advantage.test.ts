import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from '../../golden/algorithms.golden.json' with { type: 'json' };
import { groupOf } from '../fixtures.ts';
import { buildMethod, resolveMethod } from '../method.ts';
import { drGrpoAdvantages } from './dr-grpo.ts';
import { grpoAdvantages } from './grpo.ts';
import { rlooAdvantages } from './rloo.ts';

const grpo = (rewards_G: readonly number[]) => grpoAdvantages(rewards_G, { eps: 1e-6 });
const estimator = (name: string) => buildMethod(resolveMethod('grpo', { advantage: name })).advantage;

describe('golden values', () => {
  test('the three estimators agree with torch', () => {
    for (const row of golden.advantages) {
      for (const [ours, theirs] of [
        [grpo(row.rewards), row.grpo],
        [drGrpoAdvantages(row.rewards), row.drGrpo],
        [rlooAdvantages(row.rewards), row.rloo],
      ] as const) {
        for (const [i, value] of theirs.entries()) expect(ours[i]).toBeCloseTo(value, 12);
      }
    }
  });

  test('two correct of eight give the values of the catalogue', () => {
    const rewards_G = [1, 0, 0, 0, 1, 0, 0, 0];
    expect(grpo(rewards_G).map((a) => a.toFixed(4))).toEqual(rewards_G.map((r) => (r === 1 ? '1.6202' : '-0.5401')));
    expect(drGrpoAdvantages(rewards_G)).toEqual(rewards_G.map((r) => (r === 1 ? 0.75 : -0.25)));
    expect(rlooAdvantages(rewards_G).map((a) => a.toFixed(4))).toEqual(
      rewards_G.map((r) => (r === 1 ? '0.8571' : '-0.2857')),
    );
  });
});

describe.each(['grpo', 'dr-grpo', 'rloo'])('%s', (name) => {
  const rewards = fc.array(fc.constantFrom(0, 0.1, 1), { minLength: 2, maxLength: 16 });

  test('advantages sum to zero, and follow the rollouts when these change places', () => {
    fc.assert(
      fc.property(rewards, fc.nat(), (rewards_G, shift) => {
        const [advantages_G] = estimator(name).estimate([groupOf('g', 'arc', rewards_G)]);
        expect(advantages_G!.reduce<number>((a, b) => a + b!, 0)).toBeCloseTo(0, 8);
        const by = shift % rewards_G.length;
        const rotate = <T>(values: readonly T[]) => [...values.slice(by), ...values.slice(0, by)];
        const [rotated_G] = estimator(name).estimate([groupOf('g', 'arc', rotate(rewards_G))]);
        for (const [i, value] of rotate(advantages_G!).entries()) expect(rotated_G![i]).toBeCloseTo(value!, 9);
      }),
      { seed: 1 },
    );
  });

  test('equal rewards give exact zeros, also where their mean is not exact', () => {
    expect(estimator(name).estimate([groupOf('g', 'arc', [0.1, 0.1, 0.1])])).toEqual([[0, 0, 0]]);
  });

  test('a rollout without a reward has no advantage, and does not count in the mean', () => {
    const [with_G] = estimator(name).estimate([groupOf('g', 'arc', [1, null, 0, 0])]);
    const [without_G] = estimator(name).estimate([groupOf('g', 'arc', [1, 0, 0])]);
    expect(with_G).toEqual([without_G![0], null, without_G![1], without_G![2]]);
  });

  test('groups of different sizes do not touch each other', () => {
    const groups = [groupOf('a', 'arc', [1, 0]), groupOf('b', 'zebra', [1, 0, 0.1, 0])];
    const apart = groups.flatMap((group) => estimator(name).estimate([group]));
    expect(estimator(name).estimate(groups)).toEqual(apart);
  });

  test('a group of one, and a reward that is not finite, are refused by name', () => {
    expect(() => estimator(name).estimate([groupOf('g7', 'arc', [1, null])])).toThrow(
      'Cannot compute advantages: group "g7" has 1 rollouts with a reward, expected at least 2',
    );
    expect(() => estimator(name).estimate([groupOf('g7', 'arc', [1, Number.NaN])])).toThrow(
      'Cannot compute advantages: group "g7" has a reward that is not finite',
    );
  });
});
