/** The losses of the methods here, as data. */
import { ConfigError, type Json } from '@evenkeel/core';
import type { ObjectiveSpec } from './types.ts';

/**
 * Objectives by method. `grpo` is the printed formula: symmetric clip, mean over tokens and then over rollouts (the public
 * code takes the mean over all tokens instead: `aggregation: "token-mean"`). `dapo` clips higher above and takes the mean
 * over all tokens; `mt-grpo` uses it as it is. No KL term in any, as in the paper's experiments.
 */
export const objectives = {
  grpo: { ratio: 'token', clipLow: 0.2, clipHigh: 0.2, aggregation: 'sequence-mean', kl: { kind: 'none' } },
  dapo: { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'none' } },
  'mt-grpo': { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'none' } },
} as const satisfies Readonly<Record<string, ObjectiveSpec>>;

const CHOICES: Readonly<Record<'ratio' | 'aggregation', readonly string[]>> = {
  ratio: ['token', 'sequence'],
  aggregation: ['sequence-mean', 'token-mean', 'fixed-length'],
};
const KL_KINDS = ['none', 'k1', 'k2', 'k3'];

/**
 * An objective with fields replaced.
 *
 * @throws {ConfigError} on an unknown field or a value that has no meaning
 */
export function resolveObjective(preset: ObjectiveSpec, override: Partial<ObjectiveSpec> = {}): ObjectiveSpec {
  const given = Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined));
  const spec = { ...preset, ...given } as ObjectiveSpec;
  const fail = (complaint: string) => {
    throw new ConfigError(`Cannot configure the objective: ${complaint}`);
  };
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(preset, name)) {
      fail(`field "${name}" is unknown, expected one of ${Object.keys(preset).join(', ')}`);
    }
  }
  for (const name of ['ratio', 'aggregation'] as const) {
    if (!CHOICES[name].includes(spec[name]))
      fail(`${name} is "${spec[name]}", expected one of ${CHOICES[name].join(', ')}`);
  }
  const { clipLow, clipHigh, kl } = spec;
  if (!(clipLow > 0 && clipLow < 1)) fail(`clipLow is ${clipLow}, expected between 0 and 1`);
  if (!(clipHigh > 0 && Number.isFinite(clipHigh))) fail(`clipHigh is ${clipHigh}, expected above 0`);
  if (!KL_KINDS.includes(kl?.kind)) fail(`kl.kind is "${kl?.kind}", expected one of ${KL_KINDS.join(', ')}`);
  if (kl.kind !== 'none') {
    for (const beta of betasOf(kl.beta)) {
      if (typeof beta !== 'number' || !(beta >= 0 && Number.isFinite(beta))) {
        fail(`kl.beta is ${JSON.stringify(beta)}, expected a number of 0 or more, for all tasks or for each`);
      }
    }
  }
  return spec;
}

function betasOf(beta: Json | undefined): readonly unknown[] {
  return typeof beta === 'object' && beta !== null ? Object.values(beta) : [beta];
}
