/** What is compared: a method with its options, under a name of its own. */
import { type MethodOverrides, methodSources, resolveMethod } from '@evenkeel/algorithms';
import type { RunFile } from '@evenkeel/protocol';

/** One curve of a comparison. */
export interface Arm {
  /** Lower-case letters, digits and dashes: part of its runs' names. */
  readonly name: string;
  /** What is different, in one line. */
  readonly about: string;
  readonly method: NonNullable<RunFile['method']>;
  /**
   * Generates about this many times `promptsPerStep` prompts in a step. An arm that generates less in a step is given as many more steps,
   * so that all can also be compared by what a user pays for.
   */
  readonly draw: number;
}

/** The seven methods of the Multi-Task GRPO paper's comparison. */
export const paperArms: readonly Arm[] = [
  { name: 'grpo', about: 'tasks drawn alike, no filter', method: 'grpo', draw: 1 },
  { name: 'dapo', about: 'tasks drawn alike, groups without a gradient replaced', method: 'dapo', draw: 3 },
  { name: 'sec-grpo', about: 'tasks drawn by mean |A| (a bandit), no filter', method: 'sec-grpo', draw: 1 },
  { name: 'sec-dapo', about: 'the bandit, groups without a gradient replaced', method: 'sec-dapo', draw: 3 },
  { name: 'mt-grpo', about: 'weights by improvement and reward, ratio-preserving sampler', method: 'mt-grpo', draw: 3 },
  { name: 'worst-task', about: 'ε = 0: weights by reward alone', method: 'worst-task', draw: 3 },
  { name: 'regularised', about: 'weights by reward, drawn back to the middle', method: 'regularised', draw: 3 },
];

/**
 * The seven in the paper's second experiment: those that take MT-GRPO's sampler have its lenient filter and two rounds after the first,
 * MT-GRPO the wider clip of I, and of the paper's λ (0.1, 0.3, 0.9, 1.2) the second.
 */
export const nineTaskArms: readonly Arm[] = paperArms.map((arm) => {
  const sampler = { filter: 'lenient', planner: { resamplingRounds: 2 } } as const;
  if (arm.name === 'mt-grpo') {
    return { ...arm, method: { name: arm.name, ...sampler, weighter: { lambda: 0.3, improvementClip: 0.2 } } };
  }
  return ['worst-task', 'regularised'].includes(arm.name) ? { ...arm, method: { name: arm.name, ...sampler } } : arm;
});

/**
 * A method as an arm, with what it draws in a step taken from its planner.
 *
 * @throws {ConfigError} as `resolveMethod` does
 */
export function armOf(
  method: Arm['method'],
  told: { readonly name?: string | undefined; readonly about?: string | undefined } = {},
): Arm {
  const { name, ...overrides } = typeof method === 'string' ? { name: method } : method;
  const { planner } = resolveMethod(name, overrides as MethodOverrides);
  const about = told.about ?? methodSources[name]?.about ?? name;
  const draw = typeof planner.oversample === 'number' ? planner.oversample : 1;
  return { name: told.name ?? name, about, method, draw };
}

/** MT-GRPO with one part taken away, or another form of it. */
export const ablationArms: readonly Arm[] = [
  {
    name: 'no-iwu',
    about: 'MT-GRPO without its weights: tasks alike, ratio-preserving sampler',
    method: { name: 'mt-grpo', weighter: 'uniform' },
    draw: 3,
  },
  {
    name: 'no-rp',
    about: 'MT-GRPO without its sampler: its weights, groups replaced as DAPO does',
    method: { name: 'mt-grpo', planner: 'refill' },
    draw: 3,
  },
  {
    name: 'no-aas',
    about: 'MT-GRPO without acceptance-aware sampling: m = 1',
    method: { name: 'mt-grpo', planner: { acceptanceAware: false } },
    draw: 3,
  },
  {
    name: 'lenient',
    about: 'MT-GRPO with the lenient filter: a group goes out only where its rewards are equal',
    method: { name: 'mt-grpo', filter: 'lenient' },
    draw: 3,
  },
];
