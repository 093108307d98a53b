/**
 * What is no request, or does not become one in time, is answered here: below HTTP's routes, on the socket itself.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { HttpProblem, problemBody } from './errors.ts';

/** Largest head of a request. */
export const maxHeadBytes = 16 * 1024;

type SocketStatus = 400 | 408 | 431;

const REASONS: Readonly<Record<SocketStatus, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers a socket whose request cannot be read, and closes it.
 *
 * @param asking whether a request of it is being answered: then only its being late is told, for anything else would mix with that answer
 * @returns the status; null where nothing could be said
 */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket, asking: boolean): SocketStatus | null {
  const problem = socketProblem(error);
  if (!socket.writable || error.code === 'ECONNRESET' || (asking && problem.status !== 408)) {
    socket.destroy(error);
    return null;
  }
  const body = problemBody(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${REASONS[problem.status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  return problem.status;
}

/** What of a refused body is read at most: who sends more does not look for an answer. */
const DISCARDED_BYTES = 64 * 2 ** 20;

/**
 * Reads what is left of a request that was answered before its end, so that a client that is still sending gets to read the answer;
 * the request's own time limit bounds for how long.
 */
export function discardRest(incoming: IncomingMessage): void {
  if (incoming.readableEnded || incoming.destroyed) return;
  let left = DISCARDED_BYTES;
  incoming.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) incoming.socket.destroy();
  });
  incoming.on('error', () => {});
  incoming.resume();
}

interface SocketProblem extends HttpProblem {
  readonly status: SocketStatus;
}

function socketProblem({ code }: NodeJS.ErrnoException): SocketProblem {
  const problem = (status: SocketStatus, name: string, message: string) =>
    new HttpProblem(status, name, message) as SocketProblem;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = 'Cannot read request: it did not come in whole in time, expected it to be sent at once';
    return problem(408, 'request-timeout', message);
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = `Cannot read request: its head is too large, expected at most ${maxHeadBytes} bytes`;
    return problem(431, 'head-too-large', message);
  }
  return problem(400, 'bad-request', 'Cannot read request: it is not HTTP/1.1, expected a well-formed request');
}
