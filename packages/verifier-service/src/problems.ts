/** Why requests are refused, in words: every refusal of `service-app.ts`, and what a thrown value becomes. */
import { type EvenkeelError, errorRecord, type Logger } from '@evenkeel/core';
import { VerifierHostError } from '@evenkeel/verifier-host';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import { ClientGone, HttpProblem } from './errors.ts';

const STOPPING_RETRY_S = 5;
const DOWN_RETRY_S = 1;

/** The service takes no more requests. */
export function stoppingProblem(): HttpProblem {
  return new HttpProblem(503, 'stopping', 'Cannot answer: the service stops, expected another one to be asked', {
    'Retry-After': String(STOPPING_RETRY_S),
  });
}

/** These verifiers do not answer at the moment. */
export function downProblem(names: string, cause?: unknown): HttpProblem {
  return new HttpProblem(
    503,
    'verifier-start',
    `Cannot answer: ${names} could not be kept running, expected its process to start: ask again`,
    { 'Retry-After': String(DOWN_RETRY_S) },
    cause,
  );
}

/** Where no route is: another method of a path that is there, or nothing. */
export function strayProblem(
  { method: asked, path: at }: { readonly method: string; readonly path: string },
  routes: readonly { readonly path: string; readonly method: string }[],
): HttpProblem {
  const methods = routes
    .filter(({ path }) => new RegExp(`^${path.replace('{id}', '[^/]+').replaceAll('.', '\\.')}$`).test(at))
    .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  if (methods.length === 0) {
    return new HttpProblem(404, 'not-found', 'Cannot answer: there is no such path, expected one of /openapi.json');
  }
  const allowed = methods.join(', ');
  return new HttpProblem(
    405,
    'method-not-allowed',
    `Cannot answer: the method is ${asked.slice(0, 20)}, expected ${allowed}`,
    { Allow: allowed },
  );
}

/** What is wrong with what was sent, by the first field that is. */
export function schemaProblem(target: string, error: z.core.$ZodError): HttpProblem {
  const issue = error.issues[0];
  const path = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : '';
  const what = target === 'json' ? 'body' : target;
  return new HttpProblem(400, 'bad-request', `Cannot read ${what}: ${path}${issue?.message ?? 'not valid'}${more}`);
}

/** Any thrown value as a refusal; what nobody expected is logged, and told without its inside. */
export function problemOf(thrown: unknown, logger: Logger): HttpProblem | ClientGone {
  if (thrown instanceof HttpProblem || thrown instanceof ClientGone) return thrown;
  if (thrown instanceof HTTPException) {
    return thrown.status === 415
      ? new HttpProblem(415, 'unsupported-media-type', 'Cannot read body: expected application/json')
      : new HttpProblem(400, 'bad-request', `Cannot read request: ${thrown.message}`);
  }
  if (thrown instanceof VerifierHostError) return hostProblem(thrown);
  logger.error('Request failed', {
    reason: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  });
  return new HttpProblem(500, 'internal', 'Cannot answer: the service failed, expected it not to: see its log');
}

function hostProblem(error: EvenkeelError): HttpProblem {
  const { code, message } = errorRecord(error);
  if (code === 'level-unknown') return new HttpProblem(422, code, message);
  if (code === 'verifier-closed') return stoppingProblem();
  if (error.retryable) {
    return new HttpProblem(503, code, message, { 'Retry-After': String(DOWN_RETRY_S) });
  }
  return new HttpProblem(500, code, message);
}
