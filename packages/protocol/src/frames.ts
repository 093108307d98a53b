/**
 * The frames of subprotocol `evenkeel.v1`: one JSON object a text message, at most 1 MiB; anything large goes through the
 * store. It knows neither sockets nor what a job's payload means.
 */
import type { Json } from '@evenkeel/core';
import { z } from 'zod';
import { ProtocolError } from './errors.ts';
import { prioritySchema } from './job-queue.ts';

export const subprotocol = 'evenkeel.v1';

/** Largest message in either direction, in bytes. */
export const maxFrameBytes = 1_048_576;

const count = z.number().int().nonnegative();
/** A commit key of the store. */
const key = z.string().min(1).max(500);
const word = z.string().min(1).max(200);
/** Parsed JSON is JSON; only its absence has to be refused. */
const json = z.custom<Json>((value) => value !== undefined, 'expected a JSON value');

const errorRecordSchema = z.strictObject({ code: word, message: z.string(), retryable: z.boolean() });

export const capabilitiesSchema = z.strictObject({
  device: word,
  executionProvider: word,
  /** Model families that it can load; empty where it holds no model. */
  families: z.array(word),
  maxConcurrentJobs: z.number().int().positive(),
  /** What decides its bits besides version and threads: inference engine, platform, processor. Left out where it holds no model. */
  engine: word.exactOptional(),
});

export const clientFrameSchema = z.discriminatedUnion('kind', [
  /** Do this job; where its key is running or done, attach to it. */
  z.strictObject({
    kind: z.literal('submit'),
    key,
    attempt: count,
    job: word,
    payload: json,
    /** Whose work it is: runs that share a worker take turns. Changes nothing in a result. */
    run: word.exactOptional(),
    /** 1 (most urgent) to 5; 3 where it is left out. */
    priority: prioritySchema.exactOptional(),
    /** Threads of each inference session that computes it: the run's own. Left out: the worker's. */
    threads: z.number().int().positive().max(1024).exactOptional(),
  }),
  /** Tell me of this key; start nothing. */
  z.strictObject({ kind: z.literal('attach'), key }),
  z.strictObject({ kind: z.literal('status'), key }),
  /** I want it no longer; it stops where nobody else on a socket does. */
  z.strictObject({ kind: z.literal('cancel'), key }),
]);

export const serverFrameSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('hello'),
    worker: word,
    role: z.enum(['rollout', 'trainer', 'verifier']),
    capabilities: capabilitiesSchema,
    version: word,
  }),
  z.strictObject({ kind: z.literal('accepted'), key, state: z.enum(['queued', 'running', 'done']) }),
  z.strictObject({ kind: z.literal('progress'), key, done: z.number(), total: z.number(), phase: word.optional() }),
  z.strictObject({ kind: z.literal('done'), key, result: json }),
  z.strictObject({ kind: z.literal('failed'), key, error: errorRecordSchema }),
  z.strictObject({
    kind: z.literal('status'),
    key,
    state: z.enum(['unknown', 'queued', 'running', 'done', 'failed']),
    done: z.number().optional(),
    total: z.number().optional(),
  }),
  /** The last word before the socket is closed. */
  z.strictObject({ kind: z.literal('error'), message: z.string() }),
]);

export type Capabilities = z.infer<typeof capabilitiesSchema>;
export type ClientFrame = z.infer<typeof clientFrameSchema>;
export type ServerFrame = z.infer<typeof serverFrameSchema>;
/** What a worker says of itself, first of all. */
export type Hello = Extract<ServerFrame, { readonly kind: 'hello' }>;

/**
 * A frame as the text of a message.
 *
 * @throws {ProtocolError} `frame-too-large`
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { decodeClientFrame, encodeFrame } from '@evenkeel/protocol';
 *
 * deepEqual(decodeClientFrame(encodeFrame({ kind: 'attach', key: 'run/step' })), { kind: 'attach', key: 'run/step' });
 * ```
 */
export function encodeFrame(frame: ClientFrame | ServerFrame): string {
  const text = JSON.stringify(frame);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxFrameBytes) return text;
  throw new ProtocolError(
    `Cannot send ${frame.kind} frame: it has ${bytes} bytes, expected at most ${maxFrameBytes}: put large data into the store and send its reference`,
    { code: 'frame-too-large' },
  );
}

/** What a client sent. @throws {ProtocolError} `frame-invalid` on anything that is not one of its frames */
export function decodeClientFrame(text: string): ClientFrame {
  return decode(clientFrameSchema, text);
}

/** What a worker sent. @throws {ProtocolError} `frame-invalid` on anything that is not one of its frames */
export function decodeServerFrame(text: string): ServerFrame {
  return decode(serverFrameSchema, text);
}

function decode<T>(schema: z.ZodType<T>, text: string): T {
  let state: string;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    state = z.prettifyError(parsed.error).replaceAll('\n', ' ').slice(0, 300);
  } catch (thrown) {
    state = thrown instanceof Error ? thrown.message.slice(0, 300) : 'it is no JSON';
  }
  throw new ProtocolError(`Cannot read frame: ${state}, expected a frame of ${subprotocol}`, { code: 'frame-invalid' });
}
