/**
 * Reads a request's JSON body and stops as soon as it is too much: the size is checked while it comes in, not after. It knows no
 * schema.
 */
import type { IncomingMessage } from 'node:http';
import { ClientGone, HttpProblem } from './errors.ts';

/** Deepest nesting of arrays and objects that a body may have. */
export const maxJsonDepth = 64;

export interface JsonBody {
  readonly bytes: Uint8Array;
  readonly value: unknown;
}

export interface JsonBodyLimits {
  readonly maxBodyBytes: number;
  /** Asked for each piece that came; false where there is no room for it. */
  readonly admit: (sizeBytes: number) => boolean;
  /** What to answer where there is no room. */
  readonly refuse: () => HttpProblem;
}

const jsonType = /^application\/json(?:\s*;\s*charset=(?:utf-8|"utf-8"))?\s*$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body as bytes and as a value.
 *
 * @throws {HttpProblem} 415, 413, 429 or 400
 * @throws {ClientGone} where the connection ended before the body
 */
export async function readJsonBody(incoming: IncomingMessage, limits: JsonBodyLimits): Promise<JsonBody> {
  const type = incoming.headers['content-type'];
  if (type === undefined || !jsonType.test(type)) {
    throw new HttpProblem(
      415,
      'unsupported-media-type',
      `Cannot read body: its Content-Type is ${type === undefined ? 'missing' : JSON.stringify(type.slice(0, 100))}, expected application/json`,
    );
  }
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new HttpProblem(
      415,
      'unsupported-media-type',
      `Cannot read body: its Content-Encoding is ${JSON.stringify(encoding.slice(0, 100))}, expected none`,
    );
  }
  if (Number(incoming.headers['content-length'] ?? 0) > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes);
  const bytes = await readBytes(incoming, limits);
  return { bytes, value: parse(bytes) };
}

function tooLarge(maxBodyBytes: number): HttpProblem {
  return new HttpProblem(
    413,
    'too-large',
    `Cannot read body: it is too large, expected at most ${maxBodyBytes} bytes: send fewer items at once`,
  );
}

function readBytes(incoming: IncomingMessage, { maxBodyBytes, admit, refuse }: JsonBodyLimits): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (error?: Error) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      if (error === undefined) return resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      incoming.pause();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBodyBytes) return end(tooLarge(maxBodyBytes));
      if (!admit(chunk.length)) return end(refuse());
      chunks.push(chunk);
    };
    const onEnd = () => end();
    const onGone = () => end(new ClientGone());
    if (incoming.destroyed && !incoming.readableEnded) return reject(new ClientGone());
    incoming.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

function parse(bytes: Uint8Array): unknown {
  const refuse = (problem: string, cause?: unknown) =>
    new HttpProblem(400, 'bad-request', `Cannot read body: ${problem}`, {}, cause);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw refuse('it is not UTF-8, expected JSON text in UTF-8', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse('it is not JSON, expected one JSON object', cause);
  }
  if (deeperThan(value, maxJsonDepth)) {
    throw refuse(`it nests deeper than ${maxJsonDepth} levels, expected less: give deep structures as a string`);
  }
  return value;
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const inside: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inside.some((part) => deeperThan(part, levels - 1));
}
