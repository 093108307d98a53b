/**
 * Installs verifier packages into a home: from a folder, a packed tarball, or by npm's name for it. What is installed was opened in
 * the sandbox before; no code of it is run outside, no script of npm's at all.
 *
 * Invariants: a version is there whole or not at all, whatever is killed on the way; what fails leaves nothing behind but the next
 * install's own broom (`.staging`); two versions lie side by side.
 */
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { ensureFolder } from '@evenkeel/store';
import type { VerifierManifest } from '@evenkeel/verifier';
import {
  discoverVerifiers,
  findVerifier,
  installedVerifiersDir,
  readVerifierPackage,
  type VerifierPackage,
  workspaceVerifiersDir,
} from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { removeGrants } from './grants.ts';
import { withHomeLock } from './home-lock.ts';
import { type InspectedVerifier, inspectVerifier } from './inspect-verifier.ts';
import { copyPackage, hashPackage } from './install-copy.ts';
import { fetchPackage, hasLocalDependencies, installDependencies } from './install-npm.ts';
import { type InstallRecord, installRecordPath, readInstallRecord, writeInstallRecord } from './install-record.ts';
import { unpackTarball } from './install-unpack.ts';

export interface InstallOptions {
  readonly home: string;
  /** As in `VerifierPlaces`. */
  readonly workspaceDir?: string | undefined;
  /** Ends the installation; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface InstalledVerifier {
  /** `id@version`: what a run names it by. */
  readonly reference: string;
  readonly package: VerifierPackage;
  readonly manifest: VerifierManifest;
  readonly record: InstallRecord;
  /** `replaced`: another package lay under this version. `unchanged`: the same lay there, and was left. */
  readonly state: 'added' | 'replaced' | 'unchanged';
  /** What was granted to the replaced package was taken back: this one comes from elsewhere. */
  readonly grantsRemoved: boolean;
}

/** What is to be installed, as it was typed. */
interface Source {
  readonly kind: InstallRecord['kind'];
  readonly source: string;
}

/**
 * Installs a verifier package.
 *
 * @param from a folder, a tarball (`words-1.0.0.tgz`), or what `npm install` takes (`@me/verifier-words@1.0.0`)
 * @throws {VerifierHostError} `verifier-install`, or what `inspectVerifier` throws on a verifier that cannot be used; nothing is left then
 */
export async function installVerifier(from: string, options: InstallOptions): Promise<InstalledVerifier> {
  const { home, signal } = options;
  const { kind, source } = await classify(from);
  try {
    return await withHomeLock(home, 'verifiers', async () => {
      const staging = join(installedVerifiersDir(home), '.staging');
      await sweep(home);
      try {
        await ensureFolder(staging);
        const folder = join(staging, 'package');
        await mkdir(folder);
        await stage({ kind, source }, folder, staging, options);
        const untouched = await findUntouched(folder, options);
        if (untouched !== null) return untouched;
        await installDependencies(folder, kind === 'folder' ? source : null, join(staging, 'dependencies'), signal);
        return await place(folder, { kind, source }, options);
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    });
  } catch (thrown) {
    if (signal?.aborted)
      throw refusal(from, 'it was interrupted, expected to be let through: nothing was installed', thrown);
    throw explained(from, thrown);
  }
}

/**
 * The package folder as an installed verifier, for a run that names it by its path: installs it where its files have changed.
 * A folder of the workspace needs none of that.
 *
 * @returns the reference to write into the configuration, and what was done
 * @throws {VerifierHostError} as `installVerifier` does
 */
export async function linkVerifier(
  home: string,
  folder: string,
  options: Omit<InstallOptions, 'home'> = {},
): Promise<{ readonly reference: string; readonly state: InstalledVerifier['state'] | 'workspace' }> {
  const found = findVerifier(resolve(folder));
  if (isOfWorkspace(found, options.workspaceDir)) return { reference: referenceOf(found), state: 'workspace' };
  const { reference, state } = await installVerifier(found.folder, { ...options, home });
  return { reference, state };
}

/**
 * Takes an installed verifier away, and what was granted to it. A run that began with it goes on from its store.
 *
 * @param reference `id@version`, or `id` where one version is installed
 * @throws {VerifierHostError} `verifier-unknown` where it is not installed, or several versions are
 */
export async function removeVerifier(home: string, reference: string): Promise<VerifierPackage> {
  const none = join(installedVerifiersDir(home), '.none');
  return await withHomeLock(home, 'verifiers', async () => {
    await sweep(home);
    const installed = discoverVerifiers({ workspaceDir: none, home });
    const found = findVerifier(reference, { workspaceDir: none, home });
    const versions = installed.filter(({ id }) => id === found.id).map(({ version }) => version);
    if (versions.length > 1 && !reference.endsWith(`@${found.version}`)) {
      throw new VerifierHostError(
        `Cannot remove verifier: "${found.id}" is installed in ${versions.length} versions, expected one of: ${versions.map((version) => `${found.id}@${version}`).join(', ')}`,
        { code: 'verifier-unknown' },
      );
    }
    await removeGrants(home, found.id, found.version);
    // The record first: a folder without one is whole, a record without a folder is nothing.
    await rm(installRecordPath(home, found.id, found.version), { force: true });
    const away = join(installedVerifiersDir(home), '.staging');
    await ensureFolder(away);
    await rename(found.folder, join(away, 'removed'));
    await sweep(home);
    return found;
  });
}

async function classify(from: string): Promise<Source> {
  const path = resolve(from);
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) return { kind: 'folder', source: path };
  if (there?.isFile()) return { kind: 'tarball', source: path };
  if (from.startsWith('.') || isAbsolute(from) || /\.(tgz|tar\.gz|tar)$/.test(from)) {
    if (!/^https?:/.test(from))
      throw refusal(from, 'there is no such file or folder, expected a package folder or a tarball');
  }
  if (from === '' || from.startsWith('-')) throw refusal(from, "it is no package's name, expected one, or a path");
  return { kind: 'npm', source: from };
}

/** Puts the package into the folder, without what it depends on. */
async function stage({ kind, source }: Source, folder: string, staging: string, options: InstallOptions) {
  const { home, signal } = options;
  if (kind === 'folder') await copyPackage(source, folder, home);
  else await unpackTarball(kind === 'npm' ? await fetchPackage(source, staging, signal) : source, folder);
  signal?.throwIfAborted();
  if (!existsSync(join(folder, 'package.json'))) {
    throw new SyntaxError('it holds no package.json, expected a verifier package');
  }
  readVerifierPackage(folder, 'folder');
}

/** The same package where it is installed already and nothing of it can have changed: then no registry need be asked. */
async function findUntouched(folder: string, options: InstallOptions): Promise<InstalledVerifier | null> {
  const staged = readVerifierPackage(folder, 'folder');
  const { id, version } = staged;
  const target = join(installedVerifiersDir(options.home), id, version);
  const before = /^[a-z][a-z0-9-]*$/.test(id) ? await readInstallRecord(options.home, id, version) : null;
  if (before === null || !existsSync(target) || (await hasLocalDependencies(folder))) return null;
  const hashes = await Promise.all([folder, target].map(hashPackage));
  if (hashes.some((hash) => hash !== before.filesSha256)) return null;
  refuseWorkspaceTwin(staged, options.workspaceDir);
  const found = readVerifierPackage(target, 'installed');
  const { manifest, sha256 } = await inspect(found);
  // The SDK is part of the content, and may be another than it was then.
  const record = { ...before, sha256 };
  if (sha256 !== before.sha256) await writeInstallRecord(options.home, record);
  return { reference: referenceOf(found), package: found, manifest, record, state: 'unchanged', grantsRemoved: false };
}

/** Opens what was staged, and moves it to where it is found. */
async function place(folder: string, source: Source, options: InstallOptions): Promise<InstalledVerifier> {
  const { home, signal } = options;
  const staged = readVerifierPackage(folder, 'folder');
  const { manifest, sha256 } = await inspect(staged);
  const { id, version } = staged;
  refuseWorkspaceTwin(staged, options.workspaceDir);
  signal?.throwIfAborted();
  const before = await readInstallRecord(home, id, version);
  const target = join(installedVerifiersDir(home), id, version);
  const isThere = existsSync(target);
  const record: InstallRecord = {
    format: 1,
    id,
    version,
    ...source,
    installedAt: new Date().toISOString(),
    sha256,
    filesSha256: await hashPackage(folder),
  };
  const isStranger = isThere && before?.source !== record.source;
  if (isStranger) await removeGrants(home, id, version);
  await ensureFolder(dirname(target));
  if (isThere) await rename(target, replacedPath(target));
  await rename(folder, target);
  await writeInstallRecord(home, record);
  await rm(replacedPath(target), { recursive: true, force: true });
  return {
    reference: referenceOf(staged),
    package: readVerifierPackage(target, 'installed'),
    manifest,
    record,
    state: isThere ? 'replaced' : 'added',
    grantsRemoved: isStranger,
  };
}

/** What it is, of code that ran in the sandbox with nothing granted; of an endpoint as the package has it. */
async function inspect(staged: VerifierPackage): Promise<InspectedVerifier> {
  const inspected = await inspectVerifier(staged);
  const { manifest } = inspected;
  const check = (field: 'id' | 'version', wish: string) => {
    if (manifest[field] === staged[field]) return;
    throw new SyntaxError(
      `its manifest has the ${field} "${manifest[field]}" and its package.json "${staged[field]}", expected ${wish}`,
    );
  };
  check('id', `the same: the package's name ends with it, for example verifier-${manifest.id}`);
  check('version', 'the same');
  return inspected;
}

/** A name with a version must mean one package. */
function refuseWorkspaceTwin({ id, version }: VerifierPackage, workspaceDir: string | undefined): void {
  const twin = discoverVerifiers({ workspaceDir }).find((known) => known.id === id && known.version === version);
  if (twin === undefined) return;
  throw new SyntaxError(
    `the workspace has ${id} ${version} itself (${twin.folder}), expected another version, or another name`,
  );
}

function isOfWorkspace({ folder }: VerifierPackage, workspaceDir = workspaceVerifiersDir()): boolean {
  return existsSync(workspaceDir) && dirname(realpathSync(folder)) === realpathSync(workspaceDir);
}

/** Where a replaced version lies for the moment between two renames. */
function replacedPath(target: string): string {
  return join(dirname(target), `.${basename(target)}.replaced`);
}

/** Under the lock, what is hidden is left over from a process that is gone: it is cleared away, or put back. */
async function sweep(home: string): Promise<void> {
  const root = installedVerifiersDir(home);
  await rm(join(root, '.staging'), { recursive: true, force: true });
  for (const id of existsSync(root) ? await readdir(root) : []) {
    for (const name of await readdir(join(root, id)).catch(() => [])) {
      const version = /^\.(.+)\.replaced$/.exec(name)?.[1];
      if (version === undefined) continue;
      const replaced = join(root, id, name);
      if (existsSync(join(root, id, version))) await rm(replaced, { recursive: true, force: true });
      else await rename(replaced, join(root, id, version));
    }
  }
}

function referenceOf({ id, version }: VerifierPackage): string {
  return `${id}@${version}`;
}

function explained(from: string, thrown: unknown): unknown {
  if (thrown instanceof VerifierHostError) return thrown;
  if (thrown instanceof SyntaxError) return refusal(from, thrown.message, thrown);
  const { code, path } = thrown as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return refusal(from, 'no space is left on the disk, expected some: free space there and add it again', thrown);
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return refusal(
        from,
        `${path ?? 'the home'} may not be written or read, expected access; or another --home`,
        thrown,
      );
    default:
      return code === undefined
        ? thrown
        : refusal(from, `${(thrown as Error).message}, expected a usable disk`, thrown);
  }
}

function refusal(from: string, problem: string, cause?: unknown): VerifierHostError {
  return new VerifierHostError(`Cannot add verifier ${from}: ${problem}`, { code: 'verifier-install', cause });
}
