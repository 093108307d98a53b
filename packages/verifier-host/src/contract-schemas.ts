/** The verifier contract of `@evenkeel/verifier` as zod schemas: what leaves a sandbox is checked here, field by field. */
import type { Json } from '@evenkeel/core';
import { type Puzzle, standardRewards, type Verdict, type VerifierManifest } from '@evenkeel/verifier';
import { z } from 'zod';

const failureCode = z.enum([
  'timeout',
  'memory',
  'crash',
  'contract',
  'ground-truth',
  'nondeterministic',
  'unreachable',
]);

export const verifierFailureSchema = z.strictObject({ code: failureCode, message: z.string().max(2000) });

const scoredFields = {
  kind: z.literal('scored'),
  correct: z.boolean(),
  formatted: z.boolean(),
  answer: z.string().max(200).nullable(),
  reason: z.string().min(1).max(100),
  metrics: z
    .record(z.string().min(1).max(40), z.number())
    .refine((metrics) => Object.keys(metrics).length <= 16, 'more than 16 metrics')
    .optional(),
};

const schemas = new WeakMap<VerifierManifest, z.ZodType<Verdict>>();

/**
 * Verdicts of one verifier: rewards of its manifest's scale and of nothing else, `correct` with the largest alone, `formatted` with
 * all but the smallest, and exactly its components.
 */
export function verdictSchemaOf(manifest: VerifierManifest): z.ZodType<Verdict> {
  const known = schemas.get(manifest);
  if (known !== undefined) return known;
  const { rewards = standardRewards, components = [] } = manifest;
  const [largest, smallest] =
    'min' in rewards ? [rewards.max, rewards.min] : [Math.max(...rewards), Math.min(...rewards)];
  const reward =
    'min' in rewards ? z.number().min(rewards.min).max(rewards.max) : z.literal(rewards as readonly [number]);
  const named =
    components.length === 0
      ? {}
      : { components: z.strictObject(Object.fromEntries(components.map((name) => [name, z.number()]))) };
  const scored = z
    .strictObject({ ...scoredFields, reward, ...named })
    .refine((verdict) => verdict.correct === (verdict.reward === largest), 'correct does not agree with reward')
    .refine((verdict) => verdict.formatted === verdict.reward > smallest, 'formatted does not agree with reward');
  const schema = z.discriminatedUnion('kind', [
    scored,
    z.strictObject({ kind: z.literal('abstained'), reason: z.string().min(1).max(100) }),
    z.strictObject({ kind: z.literal('failed'), error: verifierFailureSchema }),
  ]) as unknown as z.ZodType<Verdict>;
  schemas.set(manifest, schema);
  return schema;
}

/** Whatever `JSON.parse` gave is JSON. */
const parsedJson = z.custom<Json>((value) => value !== undefined);

const puzzleSchema = z.strictObject({
  id: z.string().min(1).max(64),
  level: z.string().min(1),
  data: parsedJson,
  groundTruth: parsedJson,
}) satisfies z.ZodType<Puzzle>;

/** A puzzle and its words. */
export const drawnSchema = z.strictObject({
  puzzle: puzzleSchema,
  prompt: z.string().min(1),
  gold: z.string().optional(),
  decoy: z.string().optional(),
});

const most64 = <T extends z.ZodType<string>>(item: T) => z.array(item).max(64);

const kebabCase = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected kebab-case');

const permissionsSchema = z.strictObject({
  net: most64(
    z
      .string()
      .refine(
        (text) => /^https?:/.test(text) && URL.parse(text)?.origin === text,
        'expected an origin such as https://scores.example.org',
      ),
  ),
  read: most64(z.string().min(1).max(4096)),
  env: most64(z.string().regex(/^[A-Za-z_]\w{0,99}$/, 'expected the name of a variable')),
});

const rewardsSchema = z.union(
  [
    z
      .array(z.number())
      .min(2, 'expected two or more rewards')
      .max(64)
      .refine((rewards) => new Set(rewards).size === rewards.length, 'one reward stands there twice'),
    z
      .strictObject({ min: z.number(), max: z.number() })
      .refine(({ min, max }) => min < max, 'expected min to be below max'),
  ],
  { error: 'expected a list of finite rewards, or { min, max }' },
);

export const manifestSchema = z.strictObject({
  id: kebabCase,
  version: z.string().regex(/^\d+\.\d+\.\d+/, 'expected a semantic version'),
  sdk: z.literal('^1'),
  title: z.string().min(1).max(200),
  levels: z.array(z.string().min(1).max(40)).min(1).max(64),
  limits: z.strictObject({
    timeMs: z.number().int().min(1).max(60_000),
    memoryMb: z.number().int().min(1).max(2048),
  }),
  permissions: permissionsSchema,
  rewards: rewardsSchema.exactOptional(),
  components: z
    .array(kebabCase.refine((name) => name !== 'verdict', '"verdict" is the reward itself, expected another name'))
    .max(16)
    .refine((names) => new Set(names).size === names.length, 'one name stands there twice')
    .exactOptional(),
}) satisfies z.ZodType<VerifierManifest>;

/** What is wrong with a value, in one line: the first issue with its path. */
export function explainIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'not valid';
  const path = issue.path.join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
