import { parseRunFile } from '@evenkeel/protocol';
import { describe, expect, test } from 'vitest';
import { choose, expectedRollouts, planRuns, rolloutBudget } from './plan-runs.ts';
import { presetOf, presets, quickLook } from './preset.ts';

describe('a preset', () => {
  test.each(presets.map((preset) => [preset.name, preset] as const))(
    '%s plans runs of one name each, whose files can be read, seed by seed',
    (_name, preset) => {
      const runs = planRuns(preset);
      expect(runs).toHaveLength(preset.arms.length * preset.seeds);
      expect(new Set(runs.map(({ run }) => run)).size).toBe(runs.length);
      expect(runs.map(({ seed }) => seed)).toEqual(runs.map(({ seed }) => seed).toSorted((a, b) => a - b));
      for (const { file } of runs) expect(() => parseRunFile(file)).not.toThrow();
    },
  );

  test('has the seven methods of the paper, and its ablations are another', () => {
    const names = presetOf('mt-grpo-1').arms.map(({ name }) => name);
    expect(names).toEqual(['grpo', 'dapo', 'sec-grpo', 'sec-dapo', 'mt-grpo', 'worst-task', 'regularised']);
    const parts = presetOf('mt-grpo-1-ablations').arms.map(({ name }) => name);
    expect(parts).toEqual(['mt-grpo', 'dapo', 'no-iwu', 'no-rp', 'no-aas', 'lenient']);
  });

  test('of an unknown name is refused with the known ones', () => {
    expect(() => presetOf('mt-grpo-9')).toThrow(
      'Cannot choose an experiment: "mt-grpo-9" is unknown, expected one of mt-grpo-1, mt-grpo-1-ablations',
    );
  });
});

describe('planRuns()', () => {
  test('gives an arm that generates less in a step as many more steps: all are paid the same', () => {
    const preset = presetOf('mt-grpo-1');
    const runs = planRuns({ ...preset, seeds: 1 });
    const steps = Object.fromEntries(runs.map(({ arm, file }) => [arm.name, file.steps]));
    expect(steps).toMatchObject({ grpo: 3 * preset.steps, 'mt-grpo': preset.steps });
    expect(new Set(runs.map(expectedRollouts))).toEqual(new Set([rolloutBudget(preset)]));
  });

  test('evaluates at the end of the step budget too', () => {
    for (const preset of presets) expect(preset.steps % preset.settings.evaluation!.every!).toBe(0);
  });
});

describe('choose()', () => {
  const preset = presetOf('mt-grpo-1');

  test('takes fewer arms, seeds and steps, and another split', () => {
    const chosen = choose(preset, { arms: ['dapo'], seeds: 2, steps: 10, split: 'tune' });
    expect(chosen).toMatchObject({ seeds: 2, steps: 10, settings: { evaluation: { split: 'tune', every: 5 } } });
    expect(chosen.arms.map(({ name }) => name)).toEqual(['dapo']);
  });

  test('refuses an arm that is not there, and a senseless number', () => {
    expect(() => choose(preset, { arms: ['ppo'] })).toThrow(
      /^Cannot run mt-grpo-1: it has no arm "ppo", expected one of grpo, dapo/,
    );
    expect(() => choose(preset, { seeds: 0 })).toThrow(
      'Cannot plan the experiment: seeds is 0, expected a whole number from 1',
    );
  });
});

describe('quickLook()', () => {
  test('is a small form of the same question', () => {
    const quick = quickLook(presetOf('mt-grpo-1'));
    expect(planRuns(quick).map(({ run }) => run)).toHaveLength(6);
    expect(rolloutBudget(quick)).toBeLessThan(rolloutBudget(presetOf('mt-grpo-1')) / 10);
  });
});
