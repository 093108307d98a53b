/**
 * The socket end of a worker: authentication, hello, frames in and out, liveness. What happens to a job is the job
 * table's; what a job is, the caller's.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Logger, silentLogger } from '@evenkeel/core';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import type { WorkerRole } from './endpoints.ts';
import { ProtocolError } from './errors.ts';
import {
  type Capabilities,
  type ClientFrame,
  decodeClientFrame,
  encodeFrame,
  maxFrameBytes,
  type ServerFrame,
  subprotocol,
} from './frames.ts';
import {
  type JobContext,
  type JobOutcome,
  type JobStore,
  JobTable,
  type Listener,
  type StallOptions,
} from './job-table.ts';
import { version } from './version.ts';

export interface WorkerServerOptions<J extends { readonly kind: string }> {
  readonly host?: string;
  /** 0, the default, lets the system choose a free one. */
  readonly port?: number;
  /** The home's shared secret. */
  readonly token: string;
  /** The worker's name in `hello` and in the journal. */
  readonly worker: string;
  readonly role: WorkerRole;
  readonly capabilities: Capabilities;
  readonly store: JobStore;
  /** The jobs that this worker does; any other is answered `job-invalid`. */
  readonly jobSchema: z.ZodType<J>;
  /** Does one job. Must not block the event loop for longer than a ping; heavy work belongs into a thread. */
  readonly run: (job: J, context: JobContext) => Promise<JobOutcome>;
  readonly logger?: Logger;
  /** A socket that answers no ping within three intervals is dropped. Default 5000. */
  readonly pingIntervalMs?: number;
  /** How long `close` waits for a running job to see its signal. Default 5000. */
  readonly closeGraceMs?: number;
  /** The life of what keeps this process alive: a death is held against a job only where this outlived it. Default: always. */
  readonly session?: string;
  /** Where this process's log lies, for messages. */
  readonly logPath?: string;
  /** What to do about jobs that hang. Left out: nothing is watched. */
  readonly stall?: StallOptions;
}

export interface WorkerServer {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection and no new job, and resolves when the jobs under way have ended and whoever waits for them knows. */
  drain(): Promise<void>;
  /** Closes the sockets, aborts the jobs and waits for them. What was not committed is done again by the next process. */
  close(): Promise<void>;
}

const CLOSE_GOING_AWAY = 1001;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_INVALID = 1007;
const MISSED_PINGS = 3;

/**
 * Listens for jobs on a loopback port.
 *
 * @throws {ProtocolError} `address-unavailable`
 */
export async function startWorkerServer<J extends { readonly kind: string }>(
  options: WorkerServerOptions<J>,
): Promise<WorkerServer> {
  const { host = '127.0.0.1', port = 0, token, worker, role, capabilities, store, jobSchema, run } = options;
  const { logger = silentLogger, pingIntervalMs = 5000, closeGraceMs = 5000 } = options;
  if (token.length < 16) {
    throw new RangeError(`Cannot start worker: its token has ${token.length} characters, expected at least 16`);
  }
  const { maxConcurrentJobs } = capabilities;
  const { session, logPath, stall } = options;
  const table = new JobTable<J>({
    ...{ worker, maxConcurrentJobs, store, jobSchema, run, logger },
    ...(session === undefined ? {} : { session }),
    ...(logPath === undefined ? {} : { logPath }),
    ...(stall === undefined ? {} : { stall }),
  });
  const hello: ServerFrame = { kind: 'hello', worker, role, capabilities, version };
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false });
  const unanswered = new Map<WebSocket, number>();

  const server = createServer((_request, response) => {
    response
      .writeHead(426, { Connection: 'close', Upgrade: 'websocket' })
      .end('A worker answers over WebSocket only\n');
  });
  server.on('upgrade', (request, socket, head) => {
    const refusal = refusalOf(request, token);
    if (refusal !== null) {
      logger.warn('Connection refused', { status: refusal, from: request.socket.remoteAddress });
      refuse(socket, refusal);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      unanswered.set(webSocket, 0);
      webSocket.on('pong', () => unanswered.set(webSocket, 0));
      webSocket.on('close', () => unanswered.delete(webSocket));
      serve(webSocket, table, hello, logger);
    });
  });
  await listen(server, host, port);

  const pings = setInterval(() => {
    for (const [webSocket, count] of unanswered) {
      if (count >= MISSED_PINGS) webSocket.terminate();
      else {
        unanswered.set(webSocket, count + 1);
        webSocket.ping();
      }
    }
  }, pingIntervalMs);
  pings.unref();

  const bound = (server.address() as AddressInfo).port;
  let closing: Promise<void> | undefined;
  const close = async () => {
    clearInterval(pings);
    const stopped = new Promise((resolve) => server.close(resolve));
    for (const webSocket of sockets.clients) webSocket.close(CLOSE_GOING_AWAY, 'The worker stops');
    await table.close(closeGraceMs);
    for (const webSocket of sockets.clients) webSocket.terminate();
    server.closeAllConnections();
    await stopped;
  };
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    drain: async () => {
      server.close();
      await table.drain();
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ProtocolError(
          `Cannot start worker: ${cause.message}, expected ${host}:${port} to be free: leave the port out to have one chosen`,
          { code: 'address-unavailable', cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

/** The HTTP status with which a handshake is refused; null where it is welcome. */
function refusalOf(request: IncomingMessage, token: string): 400 | 401 | null {
  const given = request.headers.authorization ?? '';
  // Hashes have one length, so the comparison's time says nothing about the token.
  const equal = timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', `Bearer ${token}`, 'buffer'));
  if (!equal) return 401;
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(subprotocol) ? null : 400;
}

function refuse(socket: Duplex, status: 400 | 401): void {
  const line = status === 401 ? '401 Unauthorized\r\nWWW-Authenticate: Bearer' : '400 Bad Request';
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function serve<J extends { readonly kind: string }>(
  webSocket: WebSocket,
  table: JobTable<J>,
  hello: ServerFrame,
  logger: Logger,
): void {
  const listener: Listener = (frame) => send(webSocket, frame);
  webSocket.on('close', () => table.detach(listener));
  // An oversize or malformed message: ws has closed the socket with the right code already.
  webSocket.on('error', (error) => logger.warn('Socket failed', { reason: error.message }));
  webSocket.on('message', (data, isBinary) => {
    const frame = read(data, isBinary);
    if (frame instanceof ProtocolError) {
      logger.warn('Frame refused', { reason: frame.message });
      send(webSocket, { kind: 'error', message: frame.message });
      webSocket.close(isBinary ? CLOSE_UNSUPPORTED : CLOSE_INVALID);
      return;
    }
    handle(frame, table, listener).catch((thrown: unknown) => {
      // The store failed under a question; the socket is dropped, so that the asker asks again.
      logger.error('Frame not answered', { kind: frame.kind, key: frame.key, reason: String(thrown) });
      webSocket.close(1011);
    });
  });
  listener(hello);
}

function read(data: RawData, isBinary: boolean): ClientFrame | ProtocolError {
  if (isBinary) {
    return new ProtocolError('Cannot read frame: the message is binary, expected JSON text', { code: 'frame-invalid' });
  }
  try {
    return decodeClientFrame(data.toString());
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return thrown;
    throw thrown;
  }
}

async function handle<J extends { readonly kind: string }>(
  frame: ClientFrame,
  table: JobTable<J>,
  listener: Listener,
): Promise<void> {
  switch (frame.kind) {
    case 'submit':
      return table.submit(frame, listener);
    case 'attach':
      return table.attach(frame.key, listener);
    case 'status':
      return table.status(frame.key, listener);
    case 'cancel':
      return table.cancel(frame.key, listener);
  }
}

function send(webSocket: WebSocket, frame: ServerFrame): void {
  if (webSocket.readyState !== webSocket.OPEN) return;
  // Progress for a reader that does not read is dropped; it would only grow in memory.
  if (frame.kind === 'progress' && webSocket.bufferedAmount > maxFrameBytes) return;
  webSocket.send(encodeFrame(frame));
}
