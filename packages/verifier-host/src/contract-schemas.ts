/** The verifier contract of `@evenkeel/verifier` as zod schemas: what leaves a sandbox is checked here, field by field. */
import type { Json } from '@evenkeel/core';
import type { Puzzle, Verdict, VerifierManifest } from '@evenkeel/verifier';
import { z } from 'zod';

const failureCode = z.enum(['timeout', 'memory', 'crash', 'contract', 'ground-truth']);

export const verifierFailureSchema = z.strictObject({ code: failureCode, message: z.string().max(2000) });

const scoredSchema = z
  .strictObject({
    kind: z.literal('scored'),
    reward: z.literal([1, 0.1, 0]),
    correct: z.boolean(),
    formatted: z.boolean(),
    answer: z.string().max(200).nullable(),
    reason: z.string().min(1).max(100),
    metrics: z
      .record(z.string().min(1).max(40), z.number())
      .refine((metrics) => Object.keys(metrics).length <= 16, 'more than 16 metrics')
      .optional(),
  })
  .refine(({ reward, correct }) => correct === (reward === 1), 'correct does not agree with reward')
  .refine(({ reward, formatted }) => formatted === reward > 0, 'formatted does not agree with reward');

export const verdictSchema = z.discriminatedUnion('kind', [
  scoredSchema,
  z.strictObject({ kind: z.literal('abstained'), reason: z.string().min(1).max(100) }),
  z.strictObject({ kind: z.literal('failed'), error: verifierFailureSchema }),
]) as unknown as z.ZodType<Verdict>;

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

const grants = z.array(z.string().min(1)).max(64);

export const manifestSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected kebab-case'),
  version: z.string().regex(/^\d+\.\d+\.\d+/, 'expected a semantic version'),
  sdk: z.literal('^1'),
  title: z.string().min(1).max(200),
  levels: z.array(z.string().min(1).max(40)).min(1).max(64),
  limits: z.strictObject({
    timeMs: z.number().int().min(1).max(60_000),
    memoryMb: z.number().int().min(1).max(2048),
  }),
  permissions: z.strictObject({ net: grants, read: grants, env: grants }),
}) satisfies z.ZodType<VerifierManifest>;

/** What is wrong with a value, in one line: the first issue with its path. */
export function explainIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'not valid';
  const path = issue.path.join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
