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
const FIELDS = ['ratio', 'clipLow', 'clipHigh', 'aggregation', 'kl', 'form', 'fixedLength'];

/** Why no run can have ExPO's term. */
export const withoutExplanations =
  'ExPO learns from explanations that the policy gives of an answer it was told, and a run cannot make them yet: its prompts come from verifiers, which hold the answer back';

type Fail = (complaint: string) => never;

/** What the fields of a form may be, by its kind: a list of choices, or the number that it must be above (or at least). */
const FORMS: Readonly<
  Record<string, Readonly<Record<string, readonly string[] | { above: number } | { least: number }>>>
> = {
  cispo: {},
  reinforce: {},
  discriminative: {
    score: ['log-likelihood', 'ratio'],
    negatives: ['log-mean-exp', 'mean'],
    temperature: { above: 0 },
    klBound: { least: 0 },
    klPenalty: { least: 0 },
  },
};

/**
 * An objective with fields replaced.
 *
 * @throws {ConfigError} on an unknown field or a value that has no meaning
 */
export function resolveObjective(preset: ObjectiveSpec, override: Partial<ObjectiveSpec> = {}): ObjectiveSpec {
  const given = Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined));
  const spec = { ...preset, ...given } as ObjectiveSpec;
  const fail: Fail = (complaint) => {
    throw new ConfigError(`Cannot configure the objective: ${complaint}`);
  };
  for (const name of Object.keys(given)) {
    if (!FIELDS.includes(name) && name !== 'explanations')
      fail(`field "${name}" is unknown, expected one of ${FIELDS.join(', ')}`);
  }
  for (const name of ['ratio', 'aggregation'] as const) {
    if (!CHOICES[name].includes(spec[name]))
      fail(`${name} is "${spec[name]}", expected one of ${CHOICES[name].join(', ')}`);
  }
  if (Object.hasOwn(given, 'explanations')) fail(`explanations is given, but ${withoutExplanations}; leave it out`);
  checkForm(spec, fail);
  const { clipLow, clipHigh, kl, fixedLength, aggregation, form } = spec;
  // With CISPO 1 is no lower bound; a clipped ratio below 0 there is none.
  const most = form?.kind === 'cispo' ? 1 : 1 - Number.EPSILON;
  if (!(clipLow > 0 && clipLow <= most)) fail(`clipLow is ${clipLow}, expected between 0 and 1`);
  if (!(clipHigh > 0 && Number.isFinite(clipHigh))) fail(`clipHigh is ${clipHigh}, expected above 0`);
  if (fixedLength !== undefined) {
    if (!(Number.isInteger(fixedLength) && fixedLength >= 0)) {
      fail(`fixedLength is ${fixedLength}, expected a whole number, or 0 for the run's most new tokens`);
    }
    if (aggregation !== 'fixed-length' && Object.hasOwn(given, 'fixedLength')) {
      fail(
        `fixedLength is ${fixedLength}, but aggregation is ${aggregation}; expected aggregation fixed-length with it`,
      );
    }
  }
  checkKl(kl, fail);
  return spec;
}

function checkForm({ form }: ObjectiveSpec, fail: Fail): void {
  if (form === undefined) return;
  const kind: unknown = (form as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(FORMS, kind)) {
    fail(`form.kind is ${JSON.stringify(kind)}, expected one of ${Object.keys(FORMS).join(', ')}`);
  }
  const fields = FORMS[kind as string]!;
  const { kind: _kind, ...rest } = form as { readonly kind: string } & Readonly<Record<string, Json>>;
  for (const name of Object.keys(rest)) {
    if (!Object.hasOwn(fields, name)) {
      fail(`form.${name} is unknown, expected ${Object.keys(fields).join(', ') || `nothing beside kind ${kind}`}`);
    }
  }
  for (const [name, wish] of Object.entries(fields)) {
    const value = rest[name];
    const is = `form.${name} is ${JSON.stringify(value)}`;
    if (Array.isArray(wish)) {
      if (!wish.includes(value)) fail(`${is}, expected one of ${wish.join(', ')}`);
      continue;
    }
    const bound = wish as { above: number } | { least: number };
    const fits = 'above' in bound ? (value as number) > bound.above : (value as number) >= bound.least;
    if (typeof value !== 'number' || !Number.isFinite(value) || !fits) {
      fail(`${is}, expected ${'above' in bound ? `above ${bound.above}` : `${bound.least} or more`}`);
    }
  }
}

function checkKl(kl: ObjectiveSpec['kl'], fail: Fail): void {
  if (!KL_KINDS.includes(kl?.kind)) fail(`kl.kind is "${kl?.kind}", expected one of ${KL_KINDS.join(', ')}`);
  if (kl.kind === 'none') return;
  for (const beta of betasOf(kl.beta)) {
    if (typeof beta !== 'number' || !(beta >= 0 && Number.isFinite(beta))) {
      fail(`kl.beta is ${JSON.stringify(beta)}, expected a number of 0 or more, for all tasks or for each`);
    }
  }
}

function betasOf(beta: Json | undefined): readonly unknown[] {
  return typeof beta === 'object' && beta !== null ? Object.values(beta) : [beta];
}
