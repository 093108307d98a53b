/**
 * The verifier protocol, version 1, as zod schemas: one protocol, spoken by `evenkeel verifier serve` and by tasks in any language,
 * whose client is `remote-verifier.ts`. Only what an OpenAPI document can say is in them (no transforms, no recursion); what a
 * verdict must keep besides, its manifest's own scale, is checked where the manifest is known. `docs/verifier-protocol.md` tells it.
 */
import type { Json } from '@evenkeel/core';
import type { Verdict } from '@evenkeel/verifier';
import { z } from 'zod';
import { manifestSchema } from './contract-schemas.ts';

/** Most items of one batch, and most queries of one draw. */
export const httpBatchItems = 1024;

/** Any JSON value, `null` among them, but not a missing field. */
const anyJson = z.unknown().refine((value) => value !== undefined, 'is missing') as unknown as z.ZodType<Json>;

const failureCodes = [
  'timeout',
  'memory',
  'crash',
  'contract',
  'ground-truth',
  'nondeterministic',
  'unreachable',
] as const satisfies readonly Extract<Verdict, { kind: 'failed' }>['error']['code'][];

/** A verdict as it goes over the wire; its reward, and its components' names, are the manifest's to say. */
export const httpVerdictSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('scored'),
    reward: z.number(),
    correct: z.boolean(),
    formatted: z.boolean(),
    answer: z.string().max(200).nullable(),
    reason: z.string().min(1).max(100),
    components: z.record(z.string(), z.number()).optional(),
    metrics: z.record(z.string(), z.number()).optional(),
  }),
  z.strictObject({ kind: z.literal('abstained'), reason: z.string().min(1).max(100) }),
  z.strictObject({
    kind: z.literal('failed'),
    error: z.strictObject({ code: z.enum(failureCodes), message: z.string().max(2000) }),
  }),
]);

/** `GET /v1/verifiers/{id}` → this. */
export const httpManifestSchema = manifestSchema;

/** `GET /v1/verifiers` → this. */
export const httpVerifiersSchema = z.strictObject({ verifiers: z.array(httpManifestSchema) });

/** `POST /v1/verifiers/{id}/score` with this → a verdict. */
export const httpSubmissionSchema = z.strictObject({ groundTruth: anyJson, completion: z.string() });

/** `POST /v1/verifiers/{id}/score-batch` with this → `httpVerdictsSchema`. */
export const httpScoreBatchSchema = z.strictObject({
  items: z.array(httpSubmissionSchema).min(1).max(httpBatchItems),
});

/** One verdict per item, in the items' order. */
export const httpVerdictsSchema = z.strictObject({ verdicts: z.array(httpVerdictSchema) });

const unsigned32Schema = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

const puzzleQuerySchema = z.strictObject({
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  index: unsigned32Schema,
  level: z.string().min(1).max(40),
  split: z.enum(['train', 'tune', 'heldout']),
});

/** `POST /v1/verifiers/{id}/draw` with this → `httpPuzzlesSchema`. */
export const httpDrawSchema = z.strictObject({
  queries: z.array(puzzleQuerySchema).min(1).max(httpBatchItems),
  style: z.enum(['chat', 'compact']),
  /** Variant of a gold answer to be given with each. */
  gold: unsigned32Schema.optional(),
  /** Variant of a decoy to be given with each. */
  decoy: unsigned32Schema.optional(),
});

const drawnPuzzleSchema = z.strictObject({
  puzzle: z.strictObject({
    id: z.string().min(1).max(64),
    level: z.string().min(1).max(40),
    data: anyJson,
    groundTruth: anyJson,
  }),
  prompt: z.string().min(1),
  gold: z.string().optional(),
  decoy: z.string().optional(),
});

/** One puzzle per query, in the queries' order. */
export const httpPuzzlesSchema = z.strictObject({ puzzles: z.array(drawnPuzzleSchema) });

/** `GET /healthz`, and `GET /readyz` once it is ready → this. */
export const httpHealthSchema = z.strictObject({ status: z.literal('ok') });

/**
 * Codes of an error's body: `bad-request` (400, not the schema), `unauthorized` (401), `not-found` (404), `too-large` (413),
 * `level-unknown` (422), `busy` (429, with Retry-After), `internal` (500), `stopping` (503, with Retry-After).
 */
export const httpErrorCodes = {
  'bad-request': 400,
  unauthorized: 401,
  'not-found': 404,
  'too-large': 413,
  'level-unknown': 422,
  busy: 429,
  internal: 500,
  stopping: 503,
} as const;

/** The body of every answer that is not a 2xx; a service may use further codes of its own. */
export const httpErrorSchema = z.strictObject({
  error: z.strictObject({ code: z.string().min(1).max(60), message: z.string().max(2000) }),
});
