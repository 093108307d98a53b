/**
 * One open socket to one worker, shared by all jobs that go there. It knows frames and keys; it never reconnects: whoever
 * holds it is told that it is gone.
 */
import type { Logger } from '@evenkeel/core';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { WorkerRole } from './endpoints.ts';
import { ProtocolError } from './errors.ts';
import {
  type ClientFrame,
  decodeServerFrame,
  encodeFrame,
  type Hello,
  maxFrameBytes,
  type ServerFrame,
  subprotocol,
} from './frames.ts';
import { version } from './version.ts';

/** Where a worker listens, and the secret that opens it. */
export interface WorkerEndpoint {
  readonly url: string;
  readonly token: string;
}

export interface ConnectOptions {
  readonly role: WorkerRole;
  readonly pingIntervalMs: number;
  readonly handshakeTimeoutMs: number;
  readonly logger: Logger;
}

/** The socket is gone; the job may go on. Never leaves this package. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Waiter {
  take(frame: ServerFrame): void;
  lose(reason: ConnectionLost): void;
}

const MISSED_PINGS = 3;

/** What stops the process from ending while somebody waits, and only then. */
interface Refable {
  ref(): void;
  unref(): void;
}

/**
 * Connects, and waits for a hello of the right role and version.
 *
 * @throws {ProtocolError} `worker-unauthorized`, `worker-mismatch`; {@link ConnectionLost} on anything else
 */
export function connect(endpoint: WorkerEndpoint, options: ConnectOptions): Promise<WorkerConnection> {
  const { role, handshakeTimeoutMs } = options;
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(endpoint.url, subprotocol, {
      headers: { Authorization: `Bearer ${endpoint.token}` },
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
      handshakeTimeout: handshakeTimeoutMs,
    });
    const timer = setTimeout(() => fail(new ConnectionLost('it sent no hello in time')), handshakeTimeoutMs);
    let socket: Refable | undefined;
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
      webSocket.terminate();
    };
    webSocket.on('error', (error) => fail(new ConnectionLost(error.message, { cause: error })));
    webSocket.on('close', (code) => fail(new ConnectionLost(`the socket was closed with code ${code}`)));
    webSocket.on('upgrade', (response) => {
      socket = response.socket;
    });
    webSocket.on('unexpected-response', (request, response) => {
      request.destroy();
      fail(refusal(role, endpoint.url, response.statusCode ?? 0));
    });
    webSocket.once('message', (data) => {
      let hello: Hello;
      try {
        hello = readHello(data.toString(), role, endpoint.url);
      } catch (thrown) {
        fail(thrown as Error);
        return;
      }
      clearTimeout(timer);
      webSocket.removeAllListeners('close');
      webSocket.removeAllListeners('error');
      resolve(new WorkerConnection(webSocket, socket!, hello, options));
    });
  });
}

function refusal(role: WorkerRole, url: string, status: number): Error {
  if (status !== 401) return new ConnectionLost(`it answered the handshake with HTTP ${status}`);
  return new ProtocolError(
    `Cannot reach ${role} worker: ${url} refuses the token, expected the token of its home: start the worker and the run with the same --home`,
    { code: 'worker-unauthorized' },
  );
}

/** What a hello has in every version, so that a worker of another one is refused by name. */
const anyHelloSchema = z.looseObject({ kind: z.literal('hello'), role: z.string(), version: z.string() });

/** The hello of a worker that fits. @throws {ProtocolError} `worker-mismatch`; {@link ConnectionLost} for another frame */
function readHello(text: string, role: WorkerRole, url: string): Hello {
  const { version: its, role: itsRole } = looselyHello(text);
  if (itsRole !== role || its !== version) {
    throw new ProtocolError(
      `Cannot reach ${role} worker: ${url} is a ${itsRole} worker of version ${its}, expected a ${role} worker of version ${version}: stop it, and start the one of this checkout`,
      { code: 'worker-mismatch' },
    );
  }
  const frame = decodeServerFrame(text);
  if (frame.kind !== 'hello') throw new ConnectionLost(`its first frame is ${frame.kind}, expected hello`);
  return frame;
}

function looselyHello(text: string): z.infer<typeof anyHelloSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConnectionLost('its first frame is no JSON, expected hello');
  }
  const parsed = anyHelloSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConnectionLost(`its first frame is ${(value as { kind?: unknown } | null)?.kind}, expected hello`);
}

export class WorkerConnection {
  /** Called once, when the socket is gone. */
  onLost: () => void = () => {};
  /** What the worker said of itself. */
  readonly hello: Hello;
  readonly #webSocket: WebSocket;
  readonly #socket: Refable;
  readonly #logger: Logger;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #unanswered = 0;

  constructor(webSocket: WebSocket, socket: Refable, hello: Hello, { pingIntervalMs, logger }: ConnectOptions) {
    this.hello = hello;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#logger = logger;
    socket.unref();
    const pings = setInterval(() => this.#ping(), pingIntervalMs);
    pings.unref();
    webSocket.on('message', (data) => this.#receive(data.toString()));
    webSocket.on('pong', () => {
      this.#unanswered = 0;
    });
    webSocket.on('error', (error) => logger.debug('Socket failed', { reason: error.message }));
    webSocket.on('close', (code) => {
      clearInterval(pings);
      this.onLost();
      const lost = new ConnectionLost(`the socket was closed with code ${code}`);
      for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.lose(lost);
    });
  }

  get open(): boolean {
    return this.#webSocket.readyState === WebSocket.OPEN;
  }

  /**
   * Sends a frame, and hands on every frame of its key until one is an answer. An abort of a `submit` sends `cancel` where
   * nobody else here waits for the key.
   *
   * @param answer the answer that a frame is; undefined for a frame that is none
   * @throws {ConnectionLost} the socket is gone; the signal's reason; what `answer` throws
   */
  exchange<T>(
    frame: Exclude<ClientFrame, { kind: 'cancel' }>,
    answer: (frame: ServerFrame) => T | undefined,
    signal?: AbortSignal,
  ): Promise<T> {
    const { key } = frame;
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void) => {
        signal?.removeEventListener('abort', abort);
        this.#remove(key, waiter);
        settle();
      };
      const abort = () => {
        leave(() => reject(signal?.reason));
        // Who only asked for its state has no part in the job.
        if (frame.kind === 'submit' && !this.#waiters.has(key) && this.open)
          this.#webSocket.send(encodeFrame({ kind: 'cancel', key }));
      };
      const waiter: Waiter = {
        take: (received) => {
          try {
            const value = answer(received);
            if (value !== undefined) leave(() => resolve(value));
          } catch (thrown) {
            leave(() => reject(thrown));
          }
        },
        lose: (reason) => leave(() => reject(reason)),
      };
      if (!this.open) {
        reject(new ConnectionLost('the socket is closed'));
        return;
      }
      this.#add(key, waiter);
      signal?.addEventListener('abort', abort, { once: true });
      this.#webSocket.send(encodeFrame(frame));
    });
  }

  close(): void {
    this.#webSocket.close(1000);
    // Nobody waits for the other side's farewell.
    this.#socket.unref();
  }

  #add(key: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters.add(waiter));
    this.#socket.ref();
  }

  #remove(key: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(key);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(key);
    if (this.#waiters.size === 0) this.#socket.unref();
  }

  #receive(text: string): void {
    let frame: ServerFrame;
    try {
      frame = decodeServerFrame(text);
    } catch (thrown) {
      this.#logger.error('Frame refused', { reason: String(thrown) });
      this.#webSocket.close(1007);
      return;
    }
    if (frame.kind === 'error') this.#logger.error('The worker refused a frame', { reason: frame.message });
    if (frame.kind === 'error' || frame.kind === 'hello') return;
    for (const waiter of [...(this.#waiters.get(frame.key) ?? [])]) waiter.take(frame);
  }

  #ping(): void {
    if (this.#unanswered >= MISSED_PINGS) {
      this.#webSocket.terminate();
      return;
    }
    this.#unanswered++;
    if (this.open) this.#webSocket.ping();
  }
}
