/** The OpenAPI document of a service: generated from its routes, with its own limits told. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from 'hono';
import type { ItemBudget } from './item-budget.ts';
import { maxJsonDepth } from './json-body.ts';

export interface DocumentFacts {
  readonly maxBodyBytes: number;
  readonly budget: ItemBudget;
  /** Whether a token is asked for. */
  readonly secured: boolean;
}

/** Of the protocol, not of this program. */
const PROTOCOL_VERSION = '1.0.0';

export function openApiDocument<E extends Env>(
  app: OpenAPIHono<E>,
  { maxBodyBytes, budget, secured }: DocumentFacts,
): Record<string, unknown> {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: secured ? 'The token that the service was started with' : 'Not asked for: the service has no token',
  });
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Evenkeel verifiers',
      version: PROTOCOL_VERSION,
      license: { name: 'MIT' },
      description: [
        'Verdicts on completions: correct, in the form but wrong, or no answer. Every verdict comes from a sandbox.',
        '',
        `Limits: a body of at most ${maxBodyBytes} bytes and ${maxJsonDepth} levels; at most ${budget.maxItems} items and`,
        `${budget.maxBytes} bytes waiting, beyond which the answer is 429 with Retry-After. Every error is { error: { code, message } }.`,
      ].join('\n'),
    },
    servers: [{ url: '/' }],
  });
  return (secured ? document : withoutSecurity(document)) as unknown as Record<string, unknown>;
}

/** Without a token nothing is refused for want of one, so the document does not say so. */
function withoutSecurity<T extends object>(document: T): T {
  const copy = structuredClone(document) as T & { paths: Record<string, Record<string, Operation>> };
  for (const operations of Object.values(copy.paths)) {
    for (const operation of Object.values(operations)) {
      operation.security = [];
      delete operation.responses['401'];
    }
  }
  return copy;
}

interface Operation {
  security: unknown;
  responses: Record<string, unknown>;
}
