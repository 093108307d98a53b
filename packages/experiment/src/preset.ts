/** The comparisons that are known by name: tasks, budget, arms. */
import { ConfigError } from '@evenkeel/core';
import type { RunFile } from '@evenkeel/protocol';
import { type Arm, ablationArms, nineTaskArms, paperArms } from './arm.ts';

export interface Preset {
  readonly name: string;
  readonly title: string;
  /** What is asked, and what it takes from the paper. */
  readonly about: string;
  readonly arms: readonly Arm[];
  /** Training steps of an arm that draws the most; see `Arm.draw`. */
  readonly steps: number;
  readonly seeds: number;
  /** Accuracy of the worst task whose time of arrival is told. */
  readonly threshold: number;
  /** What all runs have in common, beside seed, steps and method. */
  readonly settings: Omit<RunFile, 'run' | 'seed' | 'steps' | 'method' | 'lambda'>;
}

const three = ['countdown', 'zebra', 'arc'];

/** As the base of recipe `nine` knows them: the paper's easy, medium and hard, as far as so small a policy carries them. */
const nine = three.flatMap((verifier) =>
  ['tiny', 'easy', 'medium'].map((level) => ({
    ...{ name: `${verifier}-${level}`, verifier, level },
    style: 'compact' as const,
  })),
);

export const presets: readonly Preset[] = [
  {
    name: 'mt-grpo-1',
    title: 'Three tasks',
    about: "The paper's first experiment: Countdown, Zebra and ARC from one base, all methods on one budget",
    arms: paperArms,
    steps: 45,
    seeds: 5,
    threshold: 0.6,
    settings: { model: 'tiny', tasks: three, evaluation: { every: 5, promptsPerTask: 400 } },
  },
  {
    name: 'mt-grpo-2',
    title: 'Nine tasks',
    about:
      "The paper's second experiment: Countdown, Zebra and ARC at three levels each (tiny, easy, medium), all methods on one budget",
    arms: nineTaskArms,
    steps: 60,
    seeds: 5,
    threshold: 0.3,
    settings: {
      ...{ model: 'nine', tasks: nine, promptsPerStep: 72, sampling: { maxNewTokens: 24 } },
      evaluation: { every: 10, promptsPerTask: 200 },
    },
  },
  {
    name: 'mt-grpo-1-ablations',
    title: 'MT-GRPO, part by part',
    about: 'MT-GRPO as it is, and with one part taken away at a time',
    arms: [
      paperArms.find(({ name }) => name === 'mt-grpo')!,
      paperArms.find(({ name }) => name === 'dapo')!,
      ...ablationArms,
    ],
    steps: 45,
    seeds: 5,
    threshold: 0.6,
    settings: { model: 'tiny', tasks: three, evaluation: { every: 5, promptsPerTask: 400 } },
  },
];

/** @throws {ConfigError} `preset-unknown`, with those that there are */
export function presetOf(name: string): Preset {
  const preset = presets.find((candidate) => candidate.name === name);
  if (preset !== undefined) return preset;
  throw new ConfigError(
    `Cannot choose an experiment: "${name}" is unknown, expected one of ${presets.map((known) => known.name).join(', ')}`,
    { code: 'preset-unknown' },
  );
}

/**
 * The same question for a few minutes: three methods, two seeds, few steps. It shows how a report looks, and proves nothing.
 *
 * @param keepsArms all methods, for somebody who has chosen some
 */
export function quickLook(preset: Preset, keepsArms = false): Preset {
  const wanted = ['grpo', 'dapo', 'mt-grpo'];
  const arms = preset.arms.filter(({ name }) => wanted.includes(name));
  return {
    ...preset,
    arms: keepsArms ? preset.arms : arms.length > 1 ? arms : preset.arms.slice(0, 3),
    steps: 6,
    seeds: 2,
    settings: {
      ...preset.settings,
      promptsPerStep: 32,
      evaluation: { ...preset.settings.evaluation, every: 3, promptsPerTask: 100 },
    },
  };
}
