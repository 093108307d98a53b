/**
 * Verifiers as a service: listens, opens the verifiers, counts what goes on, and stops in good order. What a request means is
 * `service-app.ts`'s; what the routes are, `routes.ts`'s.
 *
 * Invariants: memory is bounded (connections, bodies, items, kept answers); a request that was taken in is answered, also while
 * the service stops, unless the deadline passes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Logger, silentLogger } from '@evenkeel/core';
import type { VerifierManifest } from '@evenkeel/verifier';
import { type OpenVerifier, openVerifier } from '@evenkeel/verifier-host';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { AnswerCache } from './answer-cache.ts';
import { bearerCheck } from './bearer.ts';
import { HttpProblem, problemBody, VerifierServiceError } from './errors.ts';
import { ItemBudget } from './item-budget.ts';
import { ServedVerifier } from './served-verifier.ts';
import { namesOf, serviceApp } from './service-app.ts';
import { ServiceMetrics } from './service-metrics.ts';
import { checkOptions, type VerifierServiceOptions } from './service-options.ts';
import { discardRest, maxHeadBytes, refuseSocket } from './socket-refusal.ts';

export interface VerifierService {
  readonly url: string;
  readonly port: number;
  readonly manifests: readonly VerifierManifest[];
  /**
   * Refuses new requests, answers those under way, then ends the sandboxes.
   *
   * @param deadlineMs after which requests under way are cut off; default 10 s
   * @returns how many were cut off
   */
  close(deadlineMs?: number): Promise<number>;
}

const KEPT_CHARS = 32 * 2 ** 20;
const CLOSE_DEADLINE_MS = 10_000;
/** What a verifier is given to end after its requests were cut off. */
const CUT_OFF_MS = 2000;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * Listens, and is ready when all verifiers are open.
 *
 * @throws {VerifierServiceError} `token-required`, `option-invalid`, `address-unavailable`
 * @throws {VerifierHostError} where a verifier cannot be opened
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const service = await startVerifierService({ verifiers: ['countdown'] });
 * const answer = await fetch(`${service.url}/v1/verifiers/countdown/score`, {
 *   method: 'POST',
 *   headers: { 'Content-Type': 'application/json' },
 *   body: JSON.stringify({ groundTruth: { target: 6, numbers: [2, 4] }, completion: '\\boxed{2+4}' }),
 * });
 * equal((await answer.json()).reward, 1);
 * await service.close();
 * ```
 */
export async function startVerifierService(options: VerifierServiceOptions): Promise<VerifierService> {
  checkOptions(options);
  const service = new Listening(options);
  await service.listen();
  try {
    await service.open();
  } catch (error) {
    await service.close(0);
    throw error;
  }
  return service;
}

interface UnderWay {
  readonly begun: number;
  readonly from: string;
  route: string;
  items: number;
}

class Listening implements VerifierService {
  #options: VerifierServiceOptions;
  #logger: Logger;
  #server: Server;
  #budget: ItemBudget;
  #metrics: ServiceMetrics;
  #verifiers: readonly ServedVerifier[] = [];
  #requests = new Map<IncomingMessage, UnderWay>();
  #listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void = answerStarting;
  #stopping = false;
  #closing: Promise<number> | undefined;
  #idle: (() => void) | null = null;

  constructor(options: VerifierServiceOptions) {
    const { maxQueuedItems = 8192, maxQueuedBytes = 128 * 2 ** 20, requestTimeoutMs = 60_000 } = options;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#budget = new ItemBudget({ maxItems: maxQueuedItems, maxBytes: maxQueuedBytes });
    this.#metrics = new ServiceMetrics({
      queuedItems: () => this.#budget.items,
      queuedBytes: () => this.#budget.bytes,
      openRequests: () => this.#requests.size,
      sandboxes: () => this.#verifiers.map((served) => ({ verifier: served.manifest.id, ...served.counts() })),
    });
    const headersTimeoutMs = Math.min(options.headersTimeoutMs ?? 10_000, requestTimeoutMs);
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: options.keepAliveTimeoutMs ?? 15_000,
        connectionsCheckingInterval: Math.max(100, Math.min(5000, headersTimeoutMs / 2, requestTimeoutMs / 2)),
        maxHeaderSize: maxHeadBytes,
      },
      (incoming, outgoing) => this.#take(incoming, outgoing),
    );
    this.#server.maxConnections = options.maxConnections ?? 1024;
    this.#server.on('drop', () => this.#metrics.connectionRefused());
    this.#server.on('clientError', (error, socket) => {
      const asking = [...this.#requests.keys()].some((incoming) => incoming.socket === socket);
      const status = refuseSocket(error, socket as Socket, asking);
      if (status !== null) this.#metrics.ended({ method: 'OTHER', route: 'none', status, seconds: 0 });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  readonly #host = () => this.#options.host ?? '127.0.0.1';
  #url = '';

  get url(): string {
    return this.#url;
  }

  get manifests(): readonly VerifierManifest[] {
    return this.#verifiers.map(({ manifest }) => manifest);
  }

  async listen(): Promise<void> {
    const [host, port] = [this.#host(), this.#options.port ?? 0];
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const problem =
          cause.code === 'EADDRINUSE'
            ? `${host}:${port} is in use`
            : `${host}:${port} is not to be had (${cause.message})`;
        reject(
          new VerifierServiceError(
            `Cannot start verifier service: ${problem}, expected a free port: name another one`,
            {
              code: 'address-unavailable',
              cause,
            },
          ),
        );
      });
      this.#server.listen(port, host, resolve);
    });
    this.#url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** Opens every verifier; until then requests are asked to come again. */
  async open(): Promise<void> {
    const { verifiers, processes = 1, token, maxBodyBytes = 16 * 2 ** 20, maxKeptAnswers = 1024 } = this.#options;
    const opened = await openAll(verifiers, (verifier) =>
      openVerifier({ ...this.#hostOptions(), verifier, processes }),
    );
    this.#verifiers = opened.map((verifier) => new ServedVerifier(verifier, processes));
    const app = serviceApp({
      verifiers: namesOf(this.#verifiers),
      stopping: () => this.#stopping,
      authorized: token === undefined ? null : bearerCheck(token),
      budget: this.#budget,
      answers: new AnswerCache({ maxEntries: maxKeptAnswers, maxChars: KEPT_CHARS }),
      metrics: this.#metrics,
      maxBodyBytes,
      note: (incoming, { route, items }) => {
        const request = this.#requests.get(incoming as IncomingMessage);
        if (request === undefined) return;
        if (route !== undefined) request.route = route;
        if (items !== undefined) request.items = items;
      },
      logger: this.#logger,
    });
    const listener = getRequestListener((request, env) => app.fetch(request, env as HttpBindings), {
      hostname: this.#host(),
      autoCleanupIncoming: false,
      errorHandler: (error) =>
        jsonResponse(new HttpProblem(400, 'bad-request', `Cannot read request: ${(error as Error).message}`)),
    });
    this.#listener = (incoming, outgoing) => void listener(incoming, outgoing);
  }

  #hostOptions() {
    const { places, grants, logger, stallMs } = this.#options;
    return {
      ...(places === undefined ? {} : { places }),
      ...(grants === undefined ? {} : { grants }),
      ...(logger === undefined ? {} : { logger }),
      ...(stallMs === undefined ? {} : { stallMs }),
    };
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const request: UnderWay = {
      begun: performance.now(),
      from: incoming.socket.remoteAddress ?? '',
      route: 'none',
      items: 0,
    };
    this.#requests.set(incoming, request);
    // Somebody who does not read his answer must not keep it in memory for ever.
    outgoing.once('prefinish', () => incoming.socket.setTimeout(this.#options.requestTimeoutMs ?? 60_000));
    outgoing.once('finish', () => discardRest(incoming));
    outgoing.once('close', () => this.#end(incoming, outgoing, request));
    this.#listener(incoming, outgoing);
  }

  #end(incoming: IncomingMessage, outgoing: ServerResponse, { begun, from, route, items }: UnderWay): void {
    this.#requests.delete(incoming);
    const method = METHODS.has(incoming.method ?? '') ? incoming.method! : 'OTHER';
    const status = outgoing.writableFinished ? outgoing.statusCode : 499;
    const ms = performance.now() - begun;
    this.#metrics.ended({ method, route, status, seconds: ms / 1000 });
    this.#options.onRequest?.({
      method,
      path: (incoming.url ?? '').split('?', 1)[0]!.slice(0, 200),
      route,
      status,
      ms: Math.round(ms * 100) / 100,
      items,
      from,
    });
    if (this.#requests.size === 0) this.#idle?.();
  }

  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<number> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<number> {
    this.#stopping = true;
    if (this.#requests.size > 0) {
      await within(deadlineMs, new Promise<void>((resolve) => (this.#idle = resolve)));
    }
    const cutOff = this.#requests.size;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    const reason = new HttpProblem(503, 'stopping', 'Cannot answer: the service stopped, expected it to be running');
    const ended = Promise.all(this.#verifiers.map((served) => served.close(reason)));
    await (cutOff > 0 ? within(CUT_OFF_MS, ended) : ended);
    this.#metrics.registry.clear();
    return cutOff;
  }
}

/** All of them, or none: those that did open are closed again where one does not. */
async function openAll(
  references: readonly string[],
  open: (reference: string) => Promise<OpenVerifier>,
): Promise<OpenVerifier[]> {
  const outcomes = await Promise.allSettled(references.map(open));
  const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  const names = opened.map(({ manifest: { id, version } }) => `${id}@${version}`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (failed === undefined && twice === undefined) return opened;
  await Promise.all(opened.map((verifier) => verifier.close()));
  throw (
    failed?.reason ??
    new VerifierServiceError(`Cannot start verifier service: ${twice} is named twice, expected each verifier once`, {
      code: 'option-invalid',
    })
  );
}

async function within(ms: number, done: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([done, late]);
  clearTimeout(timer);
}

function jsonResponse(problem: HttpProblem): Response {
  return new Response(problemBody(problem), {
    status: problem.status,
    headers: { 'Content-Type': 'application/json', ...problem.headers },
  });
}

/** Before the verifiers are open. */
function answerStarting(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const healthy = incoming.url === '/healthz' && (incoming.method === 'GET' || incoming.method === 'HEAD');
  const message = 'Cannot answer: the verifiers are being opened, expected a moment of patience';
  const body = healthy ? '{"status":"ok"}' : problemBody({ code: 'starting', message });
  outgoing.writeHead(healthy ? 200 : 503, {
    'Content-Type': 'application/json',
    ...(healthy ? {} : { 'Retry-After': '1', Connection: 'close' }),
  });
  outgoing.end(body);
}
