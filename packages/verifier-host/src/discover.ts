/**
 * Which verifiers there are and where: the folders of the workspace's `verifiers/`, what was installed into a home
 * (`<home>/verifiers/<id>/<version>/`), or one package folder by its path. It reads `package.json` only and runs nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { explainIssue } from './contract-schemas.ts';
import { VerifierHostError } from './errors.ts';
import { type RemoteSpec, readRemoteSpec } from './remote-spec.ts';
import { byPreference, isVersion } from './semver.ts';

/** Where to look for verifiers. */
export interface VerifierPlaces {
  /** Default: the checkout's `verifiers/`. */
  readonly workspaceDir?: string | undefined;
  /** Without one, nothing installed is seen. */
  readonly home?: string | undefined;
}

/** A verifier package on disk. */
export interface VerifierPackage {
  /** The name in configurations: package `@me/verifier-words` has the id `words`. The manifest's id must be the same. */
  readonly id: string;
  /** That of package.json; `0.0.0` where it has none. */
  readonly version: string;
  readonly folder: string;
  /** Absolute path of the module that exports the verifier as `default`; null where it is an endpoint. */
  readonly entry: string | null;
  readonly origin: 'workspace' | 'installed' | 'folder';
  /** The endpoint; null where it is code. */
  readonly remote: RemoteSpec | null;
}

/** What stands in a place of packages and is none that can be used. */
export interface BrokenPackage {
  readonly folder: string;
  readonly error: VerifierHostError;
}

const packageJsonSchema = z.looseObject({
  name: z.string().min(1),
  version: z.string().refine(isVersion, 'expected a semantic version such as 1.0.0').default('0.0.0'),
  main: z.string().optional(),
  exports: z.unknown().optional(),
  evenkeel: z.looseObject({ verifier: z.unknown().optional() }).optional(),
});

/** The `verifiers/` folder of the workspace that this package belongs to. */
export function workspaceVerifiersDir(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return join(folder, 'verifiers');
    if (folder === dirname(folder)) return resolve('verifiers');
  }
}

/** The folder in a home that holds what was installed. */
export function installedVerifiersDir(home: string): string {
  return join(home, 'verifiers');
}

/**
 * All verifier packages, by id. Of one id the first is the one that a name without a version means: the workspace's own, else the
 * highest version installed, releases before pre-releases. Packages that cannot be read are left out: `brokenVerifiers` has them.
 */
export function discoverVerifiers(places: VerifierPlaces = {}): readonly VerifierPackage[] {
  return scan(places).packages;
}

/** What lies among the verifiers and cannot be read as one, and why. */
export function brokenVerifiers(places: VerifierPlaces = {}): readonly BrokenPackage[] {
  return scan(places).broken;
}

/**
 * The package that a verifier reference means.
 *
 * @param reference `id` (`countdown`, also `@evenkeel/verifier-countdown`), `id@version`, or the path of a package folder: what
 *   has a separator in it or begins with a dot
 * @throws {VerifierHostError} `verifier-unknown`, with those that there are; `verifier-bundle` where its package.json is malformed
 */
export function findVerifier(reference: string, places: VerifierPlaces = {}): VerifierPackage {
  if (isVerifierPath(reference)) {
    const folder = resolve(reference);
    if (existsSync(join(folder, 'package.json'))) return readVerifierPackage(folder, 'folder');
    throw unknown(`${folder} holds no package.json, expected a verifier package`);
  }
  const { name, version } = splitReference(reference);
  const { packages, broken } = scan(places);
  const ids = [name, idOfPackage(name)];
  const versions = packages.filter(({ id }) => ids.includes(id));
  const found = version === null ? versions[0] : versions.find((candidate) => candidate.version === version);
  if (found !== undefined) return found;
  const malformed = broken.find(({ folder }) => ids.some((id) => isFolderOf(folder, id, version)));
  if (malformed !== undefined) throw malformed.error;
  if (versions.length > 0) {
    const there = versions.map((candidate) => `${candidate.version} (${candidate.origin})`).join(', ');
    throw unknown(`"${name}" is not there as version ${version}, expected one of: ${there}`);
  }
  const known = [...new Set(packages.map(({ id }) => id))].join(', ') || 'none';
  const path = existsSync(join(resolve(name), 'package.json')) ? `, such as ./${name}, which is there` : '';
  throw unknown(`no package is named "${name}", expected one of: ${known}; or the path of a package folder${path}`);
}

/** Whether a verifier reference is the path of a package folder, not a name. */
export function isVerifierPath(reference: string): boolean {
  return (
    reference.startsWith('.') ||
    isAbsolute(reference) ||
    (!reference.startsWith('@') && (reference.includes('/') || reference.includes(sep)))
  );
}

/**
 * A package folder, read.
 *
 * @throws {VerifierHostError} `verifier-bundle` where its package.json is malformed
 */
export function readVerifierPackage(folder: string, origin: VerifierPackage['origin']): VerifierPackage {
  const path = join(folder, 'package.json');
  const malformed = (problem: string, cause?: unknown) =>
    new VerifierHostError(
      `Cannot read verifier package: ${path} is malformed (${problem}), expected name and version`,
      {
        code: 'verifier-bundle',
        cause,
      },
    );
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw malformed((cause as Error).message, cause);
  }
  const parsed = packageJsonSchema.safeParse(json);
  if (!parsed.success) throw malformed(explainIssue(parsed.error), parsed.error);
  const { name, version, main, exports, evenkeel } = parsed.data;
  const id = idOfPackage(name);
  if (evenkeel?.verifier !== undefined) {
    try {
      return { id, version, folder, entry: null, origin, remote: readRemoteSpec(evenkeel.verifier) };
    } catch (cause) {
      throw malformed((cause as Error).message, cause);
    }
  }
  const entry = resolve(folder, doorOf(exports) ?? main ?? defaultDoor(folder));
  if (relative(folder, entry).startsWith('..')) throw malformed(`its module ${entry} lies outside of it`);
  return { id, version, folder, entry, origin, remote: null };
}

interface Scan {
  readonly packages: readonly VerifierPackage[];
  readonly broken: readonly BrokenPackage[];
}

function scan({ workspaceDir = workspaceVerifiersDir(), home }: VerifierPlaces): Scan {
  const packages: VerifierPackage[] = [];
  const broken: BrokenPackage[] = [];
  const read = (folder: string, origin: VerifierPackage['origin']) => {
    try {
      packages.push(readVerifierPackage(folder, origin));
    } catch (error) {
      if (!(error instanceof VerifierHostError)) throw error;
      broken.push({ folder, error });
    }
  };
  for (const folder of packageFolders(workspaceDir)) read(folder, 'workspace');
  if (home !== undefined) {
    for (const id of subfolders(installedVerifiersDir(home))) {
      for (const folder of packageFolders(id)) if (isVersion(basename(folder))) read(folder, 'installed');
    }
  }
  return { packages: packages.sort(byReference), broken };
}

/** By id; of one id in the order in which a name without a version is answered. */
function byReference(a: VerifierPackage, b: VerifierPackage): number {
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  const installed = Number(a.origin === 'installed') - Number(b.origin === 'installed');
  return installed || byPreference(a.version, b.version);
}

function packageFolders(parent: string): string[] {
  return subfolders(parent).filter((folder) => existsSync(join(folder, 'package.json')));
}

/** Without hidden ones: what is being installed is not there yet. */
function subfolders(parent: string): string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => join(parent, entry.name))
    .sort();
}

/** `words@1.2.0` → `words`, `1.2.0`. A scope's own @ is no version. */
function splitReference(reference: string): { name: string; version: string | null } {
  const at = reference.lastIndexOf('@');
  if (at <= 0) return { name: reference, version: null };
  const version = reference.slice(at + 1);
  if (isVersion(version)) return { name: reference.slice(0, at), version };
  throw unknown(`"${reference}" has the version "${version}", expected an exact one such as 1.0.0`);
}

function idOfPackage(name: string): string {
  return /(?:^|\/)(?:[\w-]*?verifier-)?([\w.-]+)$/.exec(name)?.[1] ?? name;
}

function isFolderOf(folder: string, id: string, version: string | null): boolean {
  if (basename(folder) === id) return true;
  return basename(dirname(folder)) === id && (version === null || basename(folder) === version);
}

/** What npm takes where nothing is said, or a source that runs as it is. */
function defaultDoor(folder: string): string {
  return !existsSync(join(folder, 'src/index.ts')) && existsSync(join(folder, 'index.js'))
    ? 'index.js'
    : 'src/index.ts';
}

/** The file behind `exports["."]`, through conditions. */
function doorOf(exports: unknown): string | null {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return null;
  const conditions = exports as Record<string, unknown>;
  for (const key of ['.', 'import', 'module', 'default', 'require']) {
    if (key in conditions) return doorOf(conditions[key]);
  }
  return null;
}

function unknown(problem: string): VerifierHostError {
  return new VerifierHostError(`Cannot find verifier: ${problem}`, { code: 'verifier-unknown' });
}
