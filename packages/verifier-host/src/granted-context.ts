/**
 * What a verifier was granted, read by the host: the text of files, the values of variables, the names of origins. The process that
 * runs the verifier gets it as text and may still open nothing.
 */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { canonicalJson, sha256Hex } from '@evenkeel/core';
import type { VerifierManifest } from '@evenkeel/verifier';
import { VerifierHostError } from './errors.ts';
import type { HandedOver } from './vm-driver.ts';

export interface GrantedContext {
  /** `HandedOver` as JSON; null where nothing is asked for. */
  readonly text: string | null;
  /** By name: the hash of each file's content. */
  readonly files: Readonly<Record<string, string>>;
  readonly origins: readonly string[];
}

const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Reads what a manifest asks for, all of which must have been granted. A file named relatively lies in the package's folder, where
 * no link leads out of it; others are named absolutely.
 *
 * @throws {VerifierHostError} `verifier-permission` if a file is not there, no regular file, not UTF-8, outside, or too much
 */
export async function readGranted(
  { id, permissions }: VerifierManifest,
  folder: string | null,
): Promise<GrantedContext> {
  const { net, read, env } = permissions;
  if (net.length + read.length + env.length === 0) return { text: null, files: {}, origins: [] };
  const texts: Record<string, string> = {};
  const hashes: Record<string, string> = {};
  let left = MOST_BYTES;
  for (const name of read) {
    const refuse = (state: string, wish: string, cause?: unknown) =>
      new VerifierHostError(`Cannot hand "${name}" to verifier "${id}": ${state}, expected ${wish}`, {
        code: 'verifier-permission',
        cause,
      });
    const bytes = await readFileOf(name, folder, left, refuse);
    left -= bytes.length;
    try {
      texts[name] = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw refuse('it is not UTF-8', 'text', cause);
    }
    hashes[name] = sha256Hex(bytes);
  }
  const variables = Object.fromEntries(env.map((name) => [name, process.env[name] ?? null]));
  const handed: HandedOver = { files: texts, variables, origins: net };
  return { text: JSON.stringify(handed), files: hashes, origins: net };
}

/** The identity of code with the files that it was handed: that of the code alone where there are none. */
export function identityOf(scriptSha256: string, files: GrantedContext['files']): string {
  return Object.keys(files).length === 0 ? scriptSha256 : sha256Hex(canonicalJson({ script: scriptSha256, files }));
}

type Refuse = (state: string, wish: string, cause?: unknown) => VerifierHostError;

async function readFileOf(name: string, folder: string | null, mostBytes: number, refuse: Refuse): Promise<Buffer> {
  let path: string;
  if (folder === null && !isAbsolute(name)) throw refuse('its package is not there', 'it to be installed');
  const base = folder ?? '/';
  try {
    path = await realpath(resolve(base, name));
  } catch (cause) {
    throw refuse(`there is no such file (${(cause as NodeJS.ErrnoException).code})`, 'one to be there', cause);
  }
  if (!isAbsolute(name)) {
    const inside = relative(await realpath(base), path);
    if (inside.startsWith('..') || isAbsolute(inside)) {
      throw refuse('it leads out of the package', 'a file in it, or an absolute path in the manifest');
    }
  }
  // Without blocking: what is no regular file (a pipe, say) is refused, not waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause) => {
    throw refuse(`it cannot be read (${(cause as NodeJS.ErrnoException).code})`, 'a readable file', cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse('it is no regular file', 'one');
    const most = `at most ${MOST_BYTES / 1024 / 1024} MB in all files`;
    if (stat.size > mostBytes) throw refuse(`it has ${stat.size} bytes`, most);
    const bytes = await file.readFile();
    if (bytes.length > mostBytes) throw refuse(`it has ${bytes.length} bytes`, most);
    return bytes;
  } finally {
    await file.close();
  }
}
