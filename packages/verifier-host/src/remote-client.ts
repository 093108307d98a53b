/**
 * Asks one endpoint: a request with its token, its time limit and its bound on the answer; again with growing pauses where that can
 * help, under the same idempotency key. It knows statuses and bytes, and no verdicts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256Hex } from '@evenkeel/core';
import { httpErrorSchema } from './http-schemas.ts';

export interface RemoteClientOptions {
  /** Base of the service; nothing outside of it is ever asked. */
  readonly url: string;
  readonly token: string | null;
  /** Of one request, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Most requests under way at once. */
  readonly concurrency: number;
  /** First pause before asking again, doubled each time; default 100. */
  readonly pauseMs?: number | undefined;
  /** Sum of pauses after which an endpoint that does not answer is given up; default 10 s. */
  readonly patienceMs?: number | undefined;
  /** The same for one that answers that it is busy; default 60 s. */
  readonly busyPatienceMs?: number | undefined;
  /** Pauses, where the test is about how long they are. */
  readonly pause?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

export interface RemoteRequest {
  readonly method: 'GET' | 'POST';
  /** Below the base, for example `/v1/verifiers/words/score-batch`. */
  readonly path: string;
  readonly body?: unknown;
  /** Above this an answer is not read on. */
  readonly mostBytes: number;
  /** Whether a time-out, a crash or an answer that is no JSON is tried again; default true. */
  readonly persistent?: boolean;
  /** What several requests belong to: once the endpoint was away for one of them, no other is sent. */
  readonly call?: RemoteCall;
}

export interface RemoteCall {
  /** Why the endpoint was given up; null while it was not. */
  away: string | null;
}

/**
 * `answered`: a 2xx with JSON, and how often nobody had been there before it was asked for. `away`: nobody there, or too busy, for as long as patience lasted. `silent`: no answer within the time
 * limit. `crashed`: a 500. `refused`: another status that is about the request. `broken`: an answer that is none of the protocol's.
 */
export type RemoteOutcome =
  | { readonly kind: 'answered'; readonly value: unknown; readonly interruptions: number }
  | { readonly kind: 'away' | 'silent' | 'crashed' | 'broken'; readonly message: string }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

/** One attempt; `waitMs` where the endpoint said when to come again. */
type Attempt = RemoteOutcome & { readonly trouble: Trouble; readonly waitMs?: number };

/** `again`: the endpoint is there, but this request does not go well. `patient`: nobody is there. `busy`: it says so. */
type Trouble = 'never' | 'again' | 'patient' | 'busy';

const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3200;
const PATIENCE_MS = 10_000;
const BUSY_PATIENCE_MS = 60_000;
const ASK_AGAIN = 2;
const ERROR_BYTES = 10_000;

export class RemoteClient {
  readonly #options: RemoteClientOptions;
  readonly #closing = new AbortController();
  #free: number;
  readonly #waiting: (() => void)[] = [];
  /** How often nobody was there: who answers next may be somebody else. */
  interruptions = 0;

  constructor(options: RemoteClientOptions) {
    this.#options = options;
    this.#free = options.concurrency;
  }

  /** Never rejects because of the endpoint; rejects when the client is closed. */
  async ask(request: RemoteRequest): Promise<RemoteOutcome> {
    await this.#enter();
    try {
      return await this.#persist(request);
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#closing.abort(new Error('the verifier was closed'));
  }

  async #persist(request: RemoteRequest): Promise<RemoteOutcome> {
    const { pauseMs = PAUSE_MS, patienceMs = PATIENCE_MS, busyPatienceMs = BUSY_PATIENCE_MS } = this.#options;
    const pause = this.#options.pause ?? ((ms, signal) => sleep(ms, undefined, { signal }));
    const { body: value, call, persistent = true } = request;
    const body = value === undefined ? null : JSON.stringify(value);
    /** Of each kind of trouble what is left: pauses, or times to ask again. */
    const left = { never: 0, again: persistent ? ASK_AGAIN : 0, patient: patienceMs, busy: busyPatienceMs };
    for (let attempts = 1; ; attempts++) {
      if (call?.away != null) return { kind: 'away', message: call.away };
      const attempt = await this.#attempt(request, body);
      const { kind, trouble } = attempt;
      if (kind === 'answered' || left[trouble] <= 0) {
        if (kind === 'away' && call !== undefined) call.away = attempt.message;
        return attempt;
      }
      const growingMs = Math.min(pauseMs * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
      const most = trouble === 'again' ? LONGEST_PAUSE_MS : left[trouble];
      const waitMs = Math.min(Math.max(growingMs, attempt.waitMs ?? 0), most);
      left[trouble] -= trouble === 'again' ? 1 : waitMs;
      await pause(waitMs, this.#closing.signal);
    }
  }

  async #attempt({ method, path, mostBytes }: RemoteRequest, body: string | null): Promise<Attempt> {
    const { url, token, timeoutMs } = this.#options;
    const limit = AbortSignal.timeout(timeoutMs);
    const { interruptions } = this;
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === null ? {} : { 'content-type': 'application/json', 'idempotency-key': sha256Hex(body) }),
        },
        ...(body === null ? {} : { body }),
        // A redirect could lead to an origin that nobody granted.
        redirect: 'manual',
        signal: AbortSignal.any([limit, this.#closing.signal]),
      });
      if (response.ok) return await readAnswer(response, mostBytes, interruptions);
      return await this.#readRefusal(response);
    } catch (thrown) {
      this.#closing.signal.throwIfAborted();
      if (limit.aborted) {
        return { kind: 'silent', message: `it did not answer within ${timeoutMs} ms`, trouble: 'again' };
      }
      this.interruptions++;
      return { kind: 'away', message: `it cannot be reached (${reasonOf(thrown)})`, trouble: 'patient' };
    }
  }

  async #readRefusal(response: Response): Promise<Attempt> {
    const { status } = response;
    const text = await readBounded(response, ERROR_BYTES);
    const parsed = httpErrorSchema.safeParse(parseJson(text ?? ''));
    const said = parsed.success ? `: ${this.#withoutToken(parsed.data.error.message)}` : '';
    const message = `it answered with status ${status}${said}`.slice(0, 1000);
    if (status >= 300 && status < 400)
      return { kind: 'refused', status, message: `${message}, a redirect`, trouble: 'never' };
    if (status === 429 || status === 503) return { kind: 'away', message, trouble: 'busy', ...waitOf(response) };
    if (status === 408) return { kind: 'silent', message, trouble: 'again' };
    if (status === 501) return { kind: 'refused', status, message, trouble: 'never' };
    if (status === 502 || status === 504) return { kind: 'away', message, trouble: 'patient', ...waitOf(response) };
    if (status >= 500) return { kind: 'crashed', message, trouble: 'again' };
    return { kind: 'refused', status, message, trouble: 'never' };
  }

  /** An endpoint may say its own request back. */
  #withoutToken(message: string): string {
    const { token } = this.#options;
    return token === null || token === '' ? message : message.replaceAll(token, '…');
  }

  async #enter(): Promise<void> {
    this.#closing.signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

async function readAnswer(response: Response, mostBytes: number, interruptions: number): Promise<Attempt> {
  const text = await readBounded(response, mostBytes);
  if (text === null) {
    return { kind: 'broken', message: `it answered with more than ${mostBytes} bytes`, trouble: 'never' };
  }
  const value = parseJson(text);
  // Half a body looks like this where its length was not announced.
  if (value === undefined) return { kind: 'broken', message: 'its answer is not JSON', trouble: 'again' };
  return { kind: 'answered', value, interruptions, trouble: 'never' };
}

/** Null where there is more. */
async function readBounded(response: Response, mostBytes: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the body, and with it the connection.
    if (bytes > mostBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Retry-After, in seconds or as a date. */
function waitOf(response: Response): { waitMs?: number } {
  const text = response.headers.get('retry-after')?.trim() ?? '';
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? { waitMs: ms } : {};
}

/** What `fetch` hides in the cause of its "fetch failed". */
function reasonOf(thrown: unknown): string {
  const { cause, message } = thrown as Error;
  const { code, errors } = (cause ?? {}) as { code?: string; errors?: { code?: string }[] };
  return code ?? errors?.[0]?.code ?? (cause instanceof Error ? cause.message : message);
}
