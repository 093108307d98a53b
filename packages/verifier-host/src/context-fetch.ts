/**
 * Performs the requests that a verifier makes with `context.fetch`: to the origins that were granted and to no other. What it gives
 * back is text for the sandbox. It follows no redirect: those come back as they are.
 */
import { z } from 'zod';
import { failureLine } from './answers.ts';
import { explainIssue } from './contract-schemas.ts';
import type { Answered } from './vm-driver.ts';

/** What came of a request: the pair that the sandbox is asked again with, or the line of a failure. */
export type Performed =
  | { readonly kind: 'answered'; readonly answered: Answered; readonly waitedMs: number }
  | { readonly kind: 'failed'; readonly line: string };

const TIMEOUT_MS = 10_000;
/** Of all requests of one call together: what it waits is no computing time, and has this limit of its own. */
const MOST_WAITING_MS = 30_000;
const MOST_BYTES = 1024 * 1024;
/** They would say something else of the request than what is granted, or of the connection. */
const refusedHeaders = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
]);

const requestSchema = z.strictObject({
  url: z.string().max(8192),
  method: z
    .string()
    .regex(/^[A-Za-z]{1,16}$/)
    .default('GET'),
  headers: z
    .record(z.string().min(1).max(100), z.string().max(8192))
    .refine((headers) => !Object.keys(headers).some((name) => refusedHeaders.has(name.toLowerCase())), {
      error: `expected none of ${[...refusedHeaders].join(', ')}`,
    })
    .default({}),
  body: z.string().max(MOST_BYTES).optional(),
});

/**
 * @param request JSON as the sandbox wrote it
 * @param origins those granted
 * @param waitedMs how long requests of the same call took before
 */
export async function performRequest(
  request: string,
  origins: readonly string[],
  waitedMs: number,
): Promise<Performed> {
  const parsed = requestSchema.safeParse(parseJson(request));
  if (!parsed.success) return failed('contract', `its request is none: ${explainIssue(parsed.error)}`);
  const { url, method, headers, body } = parsed.data;
  const target = URL.parse(url);
  if (target === null || !origins.includes(target.origin)) {
    return failed('contract', `it asks ${url.slice(0, 200)}, expected one of ${origins.join(', ') || 'none'}`);
  }
  if (waitedMs >= MOST_WAITING_MS) return failed('unreachable', `its requests took more than ${MOST_WAITING_MS} ms`);
  const startedAt = performance.now();
  try {
    const response = await fetch(target, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(Math.min(TIMEOUT_MS, MOST_WAITING_MS - waitedMs)),
      ...(body === undefined ? {} : { body }),
    });
    const bytes = await readBody(response);
    if (bytes === null) return failed('unreachable', `${target.origin} answered with more than ${MOST_BYTES} bytes`);
    const answer = { status: response.status, headers: Object.fromEntries(response.headers), body: bytes.toString() };
    return {
      kind: 'answered',
      answered: { request, response: JSON.stringify(answer) },
      waitedMs: waitedMs + performance.now() - startedAt,
    };
  } catch (thrown) {
    return failed('unreachable', `${target.origin} did not answer: ${describe(thrown)}`);
  }
}

function failed(code: 'contract' | 'unreachable', message: string): Performed {
  return { kind: 'failed', line: failureLine(code, message) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null where it is too long; the rest is not read then. */
async function readBody(response: Response): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function describe(thrown: unknown): string {
  const { message, cause } = thrown as { message?: string; cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message ?? 'no reason given';
}
