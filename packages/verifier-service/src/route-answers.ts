/** Answers as the OpenAPI document tells them: above all the refusals, which are alike on every route. */
import { httpErrorSchema } from '@evenkeel/verifier-host';
import { z } from '@hono/zod-openapi';

/**
 * A schema with what the document says of it. Schemas that were made before `@hono/zod-openapi` was loaded have no `openapi` method
 * of their own.
 */
export function documented<T extends z.ZodType>(
  schema: T,
  ...told: readonly [name: string, metadata?: object] | readonly [metadata: object]
): T {
  return (z.ZodType.prototype.openapi as (...args: readonly unknown[]) => unknown).apply(schema, [...told]) as T;
}

/** An answer of JSON. */
export const json = <T extends z.ZodType>(schema: T, description: string) => ({
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

/** 401. */
export const unauthorized = {
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

/** 503. */
export const stopping = {
  ...error(
    'The service starts or stops, or a verifier cannot be kept running',
    'stopping',
    'Cannot answer: the service stops, expected another one to be asked',
  ),
  headers: retryAfter,
};

/** 500. */
export const internal = error(
  'A fault of the service or of a verifier',
  'internal',
  'Cannot answer: the service failed, expected it not to: see its log',
);

/** 404. */
export const unknownVerifier = error(
  'There is no such verifier here',
  'not-found',
  'Cannot find verifier: "chess" is not served here, expected one of: countdown, zebra, arc',
);

/** Headers of an answer that may be a repeated one. */
export const replayed = {
  'Idempotency-Replayed': {
    description: 'Present where the answer is a repeated one',
    required: false,
    schema: { type: 'string' as const, enum: ['true'] },
  },
};

/** Refusals of what takes a body. */
export const asked = {
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
