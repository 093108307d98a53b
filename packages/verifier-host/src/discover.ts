/**
 * Which verifiers there are and where: by name among the folders of `verifiers/`, or by the path of a package folder. It reads
 * `package.json` only and runs nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { VerifierHostError } from './errors.ts';

/** A verifier package on disk. */
export interface VerifierPackage {
  /** The name in configurations; the manifest's id must be the same where the package was found by name. */
  readonly id: string;
  readonly folder: string;
  /** Absolute path of the module that exports the verifier as `default`. */
  readonly entry: string;
}

const packageJsonSchema = z.looseObject({
  name: z.string().min(1),
  main: z.string().optional(),
  exports: z.unknown().optional(),
});

/** The `verifiers/` folder of the workspace that this package belongs to. */
export function workspaceVerifiersDir(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return join(folder, 'verifiers');
    if (folder === dirname(folder)) return resolve('verifiers');
  }
}

/** All verifier packages of a folder, by id. Folders without a `package.json` are none. */
export function discoverVerifiers(verifiersDir: string = workspaceVerifiersDir()): readonly VerifierPackage[] {
  if (!existsSync(verifiersDir)) return [];
  return readdirSync(verifiersDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(verifiersDir, entry.name, 'package.json')))
    .map((entry) => readPackage(join(verifiersDir, entry.name)))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * The package of a verifier.
 *
 * @param verifier its name (`countdown`, `@evenkeel/verifier-countdown`), or a path (with a separator in it) of a package folder
 * @throws {VerifierHostError} `verifier-unknown`; the message lists the known ones
 */
export function findVerifier(verifier: string, verifiersDir: string = workspaceVerifiersDir()): VerifierPackage {
  if (looksLikePath(verifier)) {
    const folder = resolve(verifier);
    if (existsSync(join(folder, 'package.json'))) return readPackage(folder);
    throw new VerifierHostError(`Cannot find verifier: ${folder} holds no package.json, expected a verifier package`, {
      code: 'verifier-unknown',
    });
  }
  const known = discoverVerifiers(verifiersDir);
  const found = known.find(({ id }) => id === verifier || id === idOfPackage(verifier));
  if (found !== undefined) return found;
  const names = known.map(({ id }) => id).join(', ') || 'none';
  throw new VerifierHostError(
    `Cannot find verifier: no package is named "${verifier}", expected one of: ${names}; or the path of a package folder`,
    { code: 'verifier-unknown' },
  );
}

function looksLikePath(verifier: string): boolean {
  return verifier.startsWith('.') || (!verifier.startsWith('@') && (verifier.includes('/') || verifier.includes(sep)));
}

function idOfPackage(name: string): string {
  return /(?:^|\/)(?:[\w-]*?verifier-)?([\w.-]+)$/.exec(name)?.[1] ?? name;
}

function readPackage(folder: string): VerifierPackage {
  const path = join(folder, 'package.json');
  let parsed: z.infer<typeof packageJsonSchema>;
  try {
    parsed = packageJsonSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new VerifierHostError(`Cannot read verifier package: ${path} is malformed, expected JSON with a name`, {
      code: 'verifier-bundle',
      cause,
    });
  }
  const door = doorOf(parsed.exports) ?? parsed.main ?? 'src/index.ts';
  return { id: idOfPackage(parsed.name), folder, entry: resolve(folder, door) };
}

/** The file behind `exports["."]`, through conditions. */
function doorOf(exports: unknown): string | null {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return null;
  const conditions = exports as Record<string, unknown>;
  for (const key of ['.', 'import', 'module', 'default']) if (key in conditions) return doorOf(conditions[key]);
  return null;
}
