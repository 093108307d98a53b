/**
 * The routes as data: what is asked, what is answered, which errors there are. Requests are checked against these schemas and the
 * OpenAPI document is generated from them; what a route does is `service-app.ts`'s.
 */

import {
  httpBatchItems,
  httpDrawSchema,
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
import {
  asked,
  documented,
  internal,
  json,
  replayed,
  stopping,
  unauthorized,
  unknownVerifier,
} from './route-answers.ts';

/** What the document says of this very service. */
export interface RouteFacts {
  /** Names by which its verifiers are asked. */
  readonly names: readonly string[];
  /** Every level that one of them has. */
  readonly levels: readonly string[];
}

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
