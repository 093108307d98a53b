/** Opens a verifier to be tested: what keeps it from opening is a finding where the package is at fault. It runs no check. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { conformanceChecks } from '@evenkeel/verifier';
import {
  locateLoadFailure,
  type OpenVerifier,
  openVerifier,
  readGrants,
  type SourcePlace,
  VerifierHostError,
  type VerifierPackage,
  VerifierPermissionError,
} from '@evenkeel/verifier-host';
import type { Invocation } from '../command.ts';
import { askingForGrants } from './open-granted.ts';
import type { Finding, PackageCheck } from './package-findings.ts';

export type Opened =
  | { readonly kind: 'open'; readonly verifier: OpenVerifier }
  | { readonly kind: 'refused'; readonly finding: Finding };

/** @throws {VerifierHostError} for what is not the package's fault: a permission that was not granted, a process that cannot start */
export async function openForTest(pkg: VerifierPackage, invocation: Invocation): Promise<Opened> {
  const { home } = invocation;
  try {
    const verifier = await askingForGrants(
      invocation,
      async () =>
        // The kit asks everything twice itself.
        await openVerifier({
          verifier: pkg.folder,
          places: { home },
          grants: await readGrants(home),
          spotCheckEvery: 0,
        }),
    );
    return { kind: 'open', verifier };
  } catch (error) {
    if (!(error instanceof VerifierHostError) || error instanceof VerifierPermissionError) throw error;
    const finding = await findingOf(error, pkg);
    if (finding === null) throw error;
    return { kind: 'refused', finding };
  }
}

async function findingOf({ code, message }: VerifierHostError, pkg: VerifierPackage): Promise<Finding | null> {
  const { folder, entry } = pkg;
  const [, problem = message] = /^Cannot \w+ (?:verifier )?"[^"]*": (.*)$/s.exec(message) ?? [];
  const seen = problem.replace(/^\S+:\d+(:\d+)? /, '').replace(/, expected .*/s, '');
  const door = { file: entry === null ? 'package.json' : relative(folder, entry) };
  const finding = (check: PackageCheck, expected: string, mend: string, place: Partial<SourcePlace>): Finding => ({
    check,
    severity: 'error',
    message: seen,
    expected,
    mend,
    ...door,
    ...place,
  });
  switch (code) {
    case 'verifier-bundle':
      return finding(
        'package-bundles',
        'modules that are there and can be read: of the package itself or installed in it, none of the platform',
        'mend the import or the text at this place',
        placeIn(problem, folder),
      );
    case 'verifier-start':
      return finding(
        'package-loads',
        'a module that runs in the sandbox: the language alone, nothing of a platform, nothing that waits',
        'mend what this module does when it is loaded',
        (await locateLoadFailure(pkg)) ?? {},
      );
    case 'verifier-manifest': {
      if (/manifest has the id/.test(problem)) {
        const expected = `"${pkg.id}", with which the package's name ends`;
        return finding('package-name', expected, "mend the manifest's id, or the name in package.json", {});
      }
      const [, detail = problem] = /not valid \((.*)\), expected/s.exec(problem) ?? [];
      const { severity, mend } = conformanceChecks.manifest;
      return { check: 'manifest', severity, mend, message: detail, expected: 'the fields of the contract' };
    }
    default:
      return null;
  }
}

/** The file and line that a message of the bundler names first. */
function placeIn(message: string, folder: string): Partial<SourcePlace> {
  const [, file, line] = /^(\S+):(\d+)(?::\d+)? /.exec(message) ?? [];
  if (file === undefined || !existsSync(resolve(folder, file))) return {};
  return { file: relative(folder, resolve(folder, file)), line: Number(line) };
}
