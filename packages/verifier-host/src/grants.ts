/**
 * What the user granted to which verifier, kept in `<home>/verifier-grants.json`. Denied by default; a grant holds for one version.
 * It hands nothing over itself, and asks nobody: it only says what may be handed over.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, storeErrorFrom } from '@evenkeel/store';
import type { VerifierManifest, VerifierPermissions } from '@evenkeel/verifier';
import { z } from 'zod';
import { explainIssue } from './contract-schemas.ts';
import { VerifierHostError } from './errors.ts';
import { withHomeLock } from './home-lock.ts';

/** What was granted, as it was when it was read. */
export interface Grants {
  granted(id: string, version: string): VerifierPermissions;
}

/** Nothing. */
export const noPermissions: VerifierPermissions = { net: [], read: [], env: [] };

/** Nothing is granted to anybody. */
export const noGrants: Grants = { granted: () => noPermissions };

/**
 * A verifier asks for more than it was granted: `verifier-permission`. Its message says what to type; those who can ask the user
 * find here what to ask.
 */
export class VerifierPermissionError extends VerifierHostError {
  /** Its `permissions` are all that it asks for. */
  readonly manifest: VerifierManifest;
  /** What of it is not granted. */
  readonly missing: VerifierPermissions;

  constructor(manifest: VerifierManifest, missing: VerifierPermissions) {
    const { id, version } = manifest;
    super(
      `Cannot open verifier "${id}": it asks for ${listPermissions(missing)} without a grant, expected one: evenkeel verifier grant ${id}@${version}`,
      { code: 'verifier-permission' },
    );
    this.manifest = manifest;
    this.missing = missing;
  }
}

/** @throws {VerifierPermissionError} if the manifest asks for more than was granted to its id and version */
export function requireGranted(manifest: VerifierManifest, grants: Grants): void {
  const missing = missingPermissions(manifest.permissions, grants.granted(manifest.id, manifest.version));
  if (!isNothing(missing)) throw new VerifierPermissionError(manifest, missing);
}

/**
 * What is wanted and not granted; empty lists where all is.
 *
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * const wanted = { net: ['https://a.example', 'https://b.example'], read: [], env: ['TOKEN'] };
 * const granted = { net: ['https://a.example'], read: ['list.txt'], env: ['TOKEN'] };
 * deepEqual(missingPermissions(wanted, granted), { net: ['https://b.example'], read: [], env: [] });
 * ```
 */
export function missingPermissions(wanted: VerifierPermissions, granted: VerifierPermissions): VerifierPermissions {
  const without = (kind: keyof VerifierPermissions) => wanted[kind].filter((name) => !granted[kind].includes(name));
  return { net: without('net'), read: without('read'), env: without('env') };
}

export function isNothing({ net, read, env }: VerifierPermissions): boolean {
  return net.length + read.length + env.length === 0;
}

const grantSchema = z.strictObject({
  net: z.array(z.string()),
  read: z.array(z.string()),
  env: z.array(z.string()),
});

const fileSchema = z.strictObject({
  format: z.literal(1),
  /** By `id@version`. */
  grants: z.record(z.string(), grantSchema),
});

type GrantsFile = z.infer<typeof fileSchema>;

/**
 * What a home has granted; nothing where it has no file yet.
 *
 * @throws {VerifierHostError} `verifier-permission` if the file is not readable as one: nothing is granted on a guess
 */
export async function readGrants(home: string): Promise<Grants> {
  const { grants } = await readGrantsFile(home);
  const byReference = new Map(Object.entries(grants));
  return { granted: (id, version) => byReference.get(`${id}@${version}`) ?? noPermissions };
}

/** Grants exactly these permissions to one version, in place of what it had. Durable when it returns. */
export async function storeGrant(
  home: string,
  id: string,
  version: string,
  { net, read, env }: VerifierPermissions,
): Promise<void> {
  const grant = { net: [...net], read: [...read], env: [...env] };
  await changeGrants(home, (grants) => ({ ...grants, [`${id}@${version}`]: grant }));
}

/** Takes back what was granted to one version, or to all versions of an id. Durable when it returns. */
export async function removeGrants(home: string, id: string, version?: string): Promise<void> {
  const isMeant = (reference: string) =>
    version === undefined ? reference.slice(0, reference.lastIndexOf('@')) === id : reference === `${id}@${version}`;
  await changeGrants(home, (grants) =>
    Object.fromEntries(Object.entries(grants).filter(([reference]) => !isMeant(reference))),
  );
}

function grantsPath(home: string): string {
  return join(home, 'verifier-grants.json');
}

async function changeGrants(
  home: string,
  change: (grants: GrantsFile['grants']) => GrantsFile['grants'],
): Promise<void> {
  await withHomeLock(home, 'verifier-grants', async () => {
    const before = await readGrantsFile(home);
    const grants = change(before.grants);
    const sorted = Object.fromEntries(Object.entries(grants).sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = `${JSON.stringify({ format: 1, grants: sorted } satisfies GrantsFile, null, 2)}\n`;
    try {
      await replaceFile(grantsPath(home), Buffer.from(text), home);
    } catch (thrown) {
      throw storeErrorFrom('store grants', grantsPath(home), thrown);
    }
  });
}

async function readGrantsFile(home: string): Promise<GrantsFile> {
  const path = grantsPath(home);
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { format: 1, grants: {} };
    const problem = cause instanceof z.ZodError ? explainIssue(cause) : (cause as Error).message;
    throw new VerifierHostError(
      `Cannot read grants: ${path} is malformed (${problem}), expected what evenkeel wrote: mend it, or remove it and grant again`,
      { code: 'verifier-permission', cause },
    );
  }
}

/** `net (https://a.example), env (TOKEN)`. */
function listPermissions(permissions: VerifierPermissions): string {
  return (['net', 'read', 'env'] as const)
    .filter((kind) => permissions[kind].length > 0)
    .map((kind) => `${kind} (${permissions[kind].join(', ')})`)
    .join(', ');
}
