import { parseRunFile, resolveRunConfig } from '@evenkeel/protocol';
import { describe, expect, test } from 'vitest';
import { armOf } from './arm.ts';
import { choose, expectedRollouts, planRuns, rolloutBudget } from './plan-runs.ts';
import { presetOf, presets, quickLook } from './preset.ts';

const verifiers = ['countdown', 'zebra', 'arc'].map((id) => ({ id, levels: ['tiny', 'easy', 'medium'] }));

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

  test('of the second experiment has the same seven, with its settings, on nine tasks of its own base', () => {
    const { arms, settings, seeds } = presetOf('mt-grpo-2');
    expect(arms.map(({ name }) => name)).toEqual(presetOf('mt-grpo-1').arms.map(({ name }) => name));
    expect(seeds).toBeGreaterThanOrEqual(5);
    const { tasks } = resolveRunConfig(parseRunFile(settings), verifiers);
    expect(tasks.map(({ name, style }) => [name, style])).toEqual(
      ['countdown', 'zebra', 'arc'].flatMap((id) =>
        ['tiny', 'easy', 'medium'].map((level) => [`${id}-${level}`, 'compact']),
      ),
    );
    const resolved = arms.map(({ method }) => resolveRunConfig({ method }, verifiers).method);
    for (const { planner, filter } of resolved.filter(({ planner: { kind } }) => kind === 'rp-sampler')) {
      expect([planner.resamplingRounds, filter.kind]).toEqual([2, 'lenient']);
    }
    expect(resolved.find(({ name }) => name === 'mt-grpo')!.weighter).toMatchObject({
      lambda: 0.3,
      improvementClip: 0.2,
    });
    expect(settings.model).toBe('nine');
  });

  test('says of each of its arms what it draws in a step as its planner has it', () => {
    for (const { arms } of presets) for (const arm of arms) expect(armOf(arm.method).draw).toBe(arm.draw);
  });

  test('of an unknown name is refused with the known ones', () => {
    expect(() => presetOf('mt-grpo-9')).toThrow(
      'Cannot choose an experiment: "mt-grpo-9" is unknown, expected one of mt-grpo-1, mt-grpo-2, mt-grpo-1-ablations',
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

  test('takes any method beside its own arms, with what it draws', () => {
    const { arms } = choose(preset, { arms: ['cispo', 'dapo', 'rloo'] });
    expect(arms.map(({ name, draw }) => [name, draw])).toEqual([
      ['dapo', 3],
      ['cispo', 3],
      ['rloo', 1],
    ]);
    expect(arms[1]!.about).not.toBe('');
  });

  test('refuses an arm that is not there, and a senseless number', () => {
    expect(() => choose(preset, { arms: ['ppo'] })).toThrow(
      /^Cannot run mt-grpo-1: "ppo" is neither an arm of it nor a method, expected one of grpo, dapo, .*or of evenkeel methods$/,
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
