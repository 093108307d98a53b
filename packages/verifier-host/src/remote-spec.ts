/**
 * A task that is no code here but an endpoint: what its package.json says about it (`evenkeel.verifier`), checked. It asks nobody.
 */
import { hashOf } from '@evenkeel/core';
import type { VerifierManifest } from '@evenkeel/verifier';
import { z } from 'zod';
import { explainIssue, manifestSchema } from './contract-schemas.ts';
import { httpBatchItems } from './http-schemas.ts';

/** Where a task's verdicts come from over the verifier protocol, and how it may be asked. */
export interface RemoteSpec {
  /** Base of the service, without a slash at its end: `/v1/verifiers/…` follows. */
  readonly url: string;
  /** Scheme, host and port: what must be granted as `net`. */
  readonly origin: string;
  /** The task's name there. */
  readonly id: string;
  /** Variable with the token, which must be granted as `env`; null where none is sent. */
  readonly tokenEnv: string | null;
  /** Of one request, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Most items of a request. */
  readonly batch: number;
  /** Most requests under way at once. */
  readonly concurrency: number;
  /** What the endpoint must say of itself: the same id and version. */
  readonly manifest: VerifierManifest;
}

const urlSchema = z.string().superRefine((text, context) => {
  const url = URL.parse(text);
  const plain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (plain && /^https?:$/.test(url.protocol)) return;
  context.addIssue({
    code: 'custom',
    message: `it is "${text}", expected http(s)://HOST[:PORT][/PATH] without a password`,
  });
});

const remoteSchema = z.strictObject({
  url: urlSchema,
  id: z.string().min(1).max(100),
  tokenEnv: z
    .string()
    .regex(/^[A-Za-z_]\w{0,99}$/, 'expected the name of a variable')
    .optional(),
  timeoutMs: z.number().int().min(1).max(600_000).default(30_000),
  batch: z.number().int().min(1).max(httpBatchItems).default(64),
  concurrency: z.number().int().min(1).max(64).default(4),
  manifest: manifestSchema,
});

/** The content hash of a task that is an endpoint: of what it promises, and where. Its code cannot be seen from here. */
export function remoteSha256({ url, id, manifest }: RemoteSpec): string {
  return hashOf({ url, id, manifest });
}

/**
 * What `evenkeel.verifier` of a package.json says.
 *
 * @throws {SyntaxError} with what is wrong, in one line
 */
export function readRemoteSpec(value: unknown): RemoteSpec {
  const parsed = remoteSchema.safeParse(value);
  if (!parsed.success) throw new SyntaxError(`evenkeel.verifier: ${explainIssue(parsed.error)}`);
  const { url, id, tokenEnv = null, timeoutMs, batch, concurrency } = parsed.data;
  const { origin, pathname } = new URL(url);
  // What the manifest asks for concerns the far side; here there is one origin to ask, and at most one variable to read.
  const permissions = { net: [origin], read: [], env: tokenEnv === null ? [] : [tokenEnv] };
  const manifest = { ...parsed.data.manifest, permissions } as VerifierManifest;
  return {
    url: `${origin}${pathname.replace(/\/+$/, '')}`,
    origin,
    id,
    tokenEnv,
    timeoutMs,
    batch,
    concurrency,
    manifest,
  };
}
