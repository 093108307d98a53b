/**
 * The routes as data: what is asked, what is answered, which errors there are. Requests are checked against these schemas and the
 * OpenAPI document is generated from them; what a route does is `service-app.ts`'s.
 */

import {
  httpBatchItems,
  httpDrawSchema,
  httpErrorSchema,
  httpHealthSchema,
  httpManifestSchema,
  httpPuzzlesSchema,
  httpScoreBatchSchema,
  httpSubmissionSchema,
  httpVerdictSchema,
  httpVerdictsSchema,
  httpVerifiersSchema,
} from '@evenkeel/verifier-host';
import { createRoute, z } from '@hono/zod-openapi';
import { maxJsonDepth } from './json-body.ts';

/** What the document says of this very service. */
export interface RouteFacts {
  /** Names by which its verifiers are asked. */
  readonly names: readonly string[];
  /** Every level that one of them has. */
  readonly levels: readonly string[];
}

/**
 * A schema with what the document says of it. Schemas that were made before `@hono/zod-openapi` was loaded have no `openapi` method
 * of their own.
 */
function documented<T extends z.ZodType>(
  schema: T,
  ...told: readonly [name: string, metadata?: object] | readonly [metadata: object]
): T {
  return (z.ZodType.prototype.openapi as (...args: readonly unknown[]) => unknown).apply(schema, [...told]) as T;
}

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
});

const error = (description: string, code: string, message: string) => ({
  content: {
    'application/json': { schema: errorSchema, example: { error: { code, message } } },
  },
  description,
});

const errorSchema = documented(httpErrorSchema, 'Error', {
  description: 'Why a request is refused: a stable code, and a sentence for people',
});

const retryAfter = {
  'Retry-After': {
    description: 'Whole seconds until it is worth asking again, from the measured pace',
    required: true,
    schema: { type: 'integer' as const, minimum: 1, maximum: 60 },
  },
};

const unauthorized = {
  ...error(
    'No token, or another one (only where the service has a token)',
    'unauthorized',
    'Cannot answer: the token is missing or wrong, expected Authorization: Bearer TOKEN',
  ),
  headers: {
    'WWW-Authenticate': {
      description: 'The scheme that is expected',
      required: true,
      schema: { type: 'string' as const, enum: ['Bearer'] },
    },
  },
};

const stopping = {
  ...error(
    'The service starts or stops, or a verifier cannot be kept running',
    'stopping',
    'Cannot answer: the service stops, expected another one to be asked',
  ),
  headers: retryAfter,
};

const internal = error(
  'A fault of the service or of a verifier',
  'internal',
  'Cannot answer: the service failed, expected it not to: see its log',
);

const unknownVerifier = error(
  'There is no such verifier here',
  'not-found',
  'Cannot find verifier: "chess" is not served here, expected one of: countdown, zebra, arc',
);

const closed = [{ bearer: [] }];

const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .regex(/^[!-~]+$/, 'expected visible ASCII')
    .optional()
    .openapi({
      param: { in: 'header' },
      description:
        'A repeated request with the same key and the same body gets the first one’s answer. The SHA-256 of the body will do.',
      example: '3f786850e387550fdab836ed7e6dc881de23001b4f0a5d4b9d1b0f3c5b7a1e02',
    }),
});

const replayed = {
  'Idempotency-Replayed': {
    description: 'Present where the answer is a repeated one',
    required: false,
    schema: { type: 'string' as const, enum: ['true'] },
  },
};

const asked = {
  400: error(
    'The body is not what the schema says',
    'bad-request',
    'Cannot read body: items.0.completion: Invalid input: expected string, received undefined',
  ),
  401: unauthorized,
  404: unknownVerifier,
  408: error(
    'The request did not come in whole within its time',
    'request-timeout',
    'Cannot read request: it did not come in whole in time, expected it to be sent at once',
  ),
  413: error(
    'The body is too large',
    'too-large',
    'Cannot read body: it is too large, expected at most 16777216 bytes: send fewer items at once',
  ),
  415: error(
    'The body is not declared as JSON',
    'unsupported-media-type',
    'Cannot read body: its Content-Type is missing, expected application/json',
  ),
  422: error(
    'An Idempotency-Key that came with another body; a level that the verifier does not have',
    'idempotency-mismatch',
    'Cannot use Idempotency-Key: it came with another body before, expected a key of its own for each body',
  ),
  429: {
    ...error(
      'So much is waiting that this would be too much',
      'busy',
      'Cannot take 512 items: 8192 are waiting, expected at most 8192: ask again in 2 s',
    ),
    headers: retryAfter,
  },
  500: internal,
  503: stopping,
} as const;

const countdownGold = { groundTruth: { target: 6, numbers: [2, 4] }, completion: 'That is \\boxed{2+4}' };
const countdownWrong = { groundTruth: { target: 6, numbers: [2, 4] }, completion: '\\boxed{4-2}' };
const countdownVerdict = {
  kind: 'scored' as const,
  reward: 1,
  correct: true,
  formatted: true,
  answer: '2+4',
  reason: 'correct',
};

const groundTruthText = `As the verifier's prompts have it: Countdown { target, numbers }, the others { target }. Any JSON, at most ${maxJsonDepth - 3} levels deep.`;

/** The routes of a service, its own names and levels filled in. */
export function serviceRoutes({ names, levels }: RouteFacts) {
  const { rewards, components } = httpManifestSchema.shape;
  // The generator takes a field that may only be left out for one that must be there.
  const manifest = documented(
    httpManifestSchema.extend({ rewards: rewards.unwrap().optional(), components: components.unwrap().optional() }),
    'Manifest',
    { description: 'What a verifier says of itself' },
  );
  const verdict = documented(httpVerdictSchema, 'Verdict', {
    description:
      'scored: a reward of the manifest’s scale. abstained: no reward, by the verifier’s own judgement. failed: no verdict; never to be read as a zero.',
  });
  const submission = documented(
    httpSubmissionSchema.extend({
      groundTruth: documented(httpSubmissionSchema.shape.groundTruth, { description: groundTruthText }),
    }),
    'Submission',
  );
  const query = documented(
    httpDrawSchema.shape.queries.element.extend({
      level: documented(httpDrawSchema.shape.queries.element.shape.level, { enum: [...levels] }),
    }),
    'PuzzleQuery',
    { description: 'Which puzzle: the same query gives the same puzzle' },
  );
  const params = z.object({
    id: z.string().openapi({
      param: { name: 'id', in: 'path' },
      description: 'The verifier’s id; id@version where two versions of it are served',
      enum: [...names],
      example: names[0],
    }),
  });
  const post = <B extends z.ZodType>(schema: B, examples: Record<string, { summary: string; value: z.input<B> }>) => ({
    params,
    headers: idempotencyHeaders,
    body: { content: { 'application/json': { schema, examples } }, required: true },
  });
  return {
    verifiers: createRoute({
      method: 'get',
      path: '/v1/verifiers',
      operationId: 'listVerifiers',
      summary: 'The manifests of all verifiers',
      security: closed,
      responses: {
        200: json(
          documented(httpVerifiersSchema.extend({ verifiers: z.array(manifest) }), 'Manifests'),
          'All verifiers',
        ),
        401: unauthorized,
        500: internal,
        503: stopping,
      },
    }),
    verifier: createRoute({
      method: 'get',
      path: '/v1/verifiers/{id}',
      operationId: 'getVerifier',
      summary: 'The manifest of one verifier',
      security: closed,
      request: { params },
      responses: {
        200: json(manifest, 'Its manifest'),
        401: unauthorized,
        404: unknownVerifier,
        500: internal,
        503: stopping,
      },
    }),
    score: createRoute({
      method: 'post',
      path: '/v1/verifiers/{id}/score',
      operationId: 'score',
      summary: 'A verdict on one completion',
      security: closed,
      request: post(submission, { correct: { summary: 'A correct answer to Countdown', value: countdownGold } }),
      responses: {
        200: {
          content: { 'application/json': { schema: verdict, example: countdownVerdict } },
          description: 'The verdict',
          headers: replayed,
        },
        ...asked,
      },
    }),
    scoreBatch: createRoute({
      method: 'post',
      path: '/v1/verifiers/{id}/score-batch',
      operationId: 'scoreBatch',
      summary: `Verdicts on 1 to ${httpBatchItems} completions, in their order`,
      security: closed,
      request: post(
        documented(
          httpScoreBatchSchema.extend({ items: z.array(submission).min(1).max(httpBatchItems) }),
          'Submissions',
        ),
        {
          two: {
            summary: 'A correct answer to Countdown and a wrong one',
            value: { items: [countdownGold, countdownWrong] },
          },
        },
      ),
      responses: {
        200: {
          ...json(
            documented(httpVerdictsSchema.extend({ verdicts: z.array(verdict) }), 'Verdicts'),
            'One verdict per item',
          ),
          headers: replayed,
        },
        ...asked,
      },
    }),
    draw: createRoute({
      method: 'post',
      path: '/v1/verifiers/{id}/draw',
      operationId: 'draw',
      summary: `1 to ${httpBatchItems} puzzles with their prompts, the same for the same queries`,
      security: closed,
      request: post(documented(httpDrawSchema.extend({ queries: z.array(query).min(1).max(httpBatchItems) }), 'Draw'), {
        one: {
          summary: 'The first puzzle for training, with a completion that scores 1',
          value: {
            queries: [{ seed: 0, index: 0, level: levels[0] ?? 'easy', split: 'train' }],
            style: 'chat',
            gold: 0,
          },
        },
      }),
      responses: {
        200: { ...json(documented(httpPuzzlesSchema, 'Puzzles'), 'One puzzle per query'), headers: replayed },
        ...asked,
      },
    }),
    health: createRoute({
      method: 'get',
      path: '/healthz',
      operationId: 'health',
      summary: 'Whether the process answers',
      security: [],
      responses: { 200: json(documented(httpHealthSchema, 'Health'), 'It does'), 500: internal },
    }),
    ready: createRoute({
      method: 'get',
      path: '/readyz',
      operationId: 'ready',
      summary: 'Whether requests are welcome: every verifier is open and the service does not stop',
      security: [],
      responses: { 200: json(documented(httpHealthSchema, 'Health'), 'They are'), 500: internal, 503: stopping },
    }),
    metrics: createRoute({
      method: 'get',
      path: '/metrics',
      operationId: 'metrics',
      summary: 'Metrics for Prometheus',
      security: closed,
      responses: {
        200: {
          content: { 'text/plain': { schema: z.string() } },
          description: 'Prometheus’ text format, version 0.0.4',
        },
        401: unauthorized,
        500: internal,
      },
    }),
    openapi: createRoute({
      method: 'get',
      path: '/openapi.json',
      operationId: 'openapi',
      summary: 'This document',
      security: closed,
      responses: {
        200: json(z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }), 'An OpenAPI 3.1 document'),
        401: unauthorized,
        500: internal,
      },
    }),
  };
}
