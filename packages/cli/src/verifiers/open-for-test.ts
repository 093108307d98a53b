/** Opens a verifier to be tested: what keeps it from opening is a finding where the package is at fault. It runs no check. */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { conformanceChecks } from '@evenkeel/verifier';
import {
  type Grants,
  openSandbox,
  readGrants,
  VerifierHostError,
  type VerifierPackage,
  VerifierPermissionError,
  type VerifierPlaces,
  type VerifierSandbox,
} from '@evenkeel/verifier-host';
import type { Finding, PackageCheck } from './package-findings.ts';

export interface OpenOptions {
  readonly home: string;
  readonly places: VerifierPlaces;
  /** Grants whatever it asks for, for as long as it is open. */
  readonly grantAll: boolean;
}

export type Opened =
  | { readonly kind: 'open'; readonly sandbox: VerifierSandbox }
  | { readonly kind: 'refused'; readonly finding: Finding };

/** @throws {VerifierHostError} for what is not the package's fault: a permission that was not granted, a process that cannot start */
export async function openForTest(pkg: VerifierPackage, { home, places, grantAll }: OpenOptions): Promise<Opened> {
  const open = async (grants: Grants): Promise<VerifierSandbox> =>
    await openSandbox({ verifier: pkg.folder, places, grants });
  try {
    return { kind: 'open', sandbox: await open(await readGrants(home)) };
  } catch (error) {
    if (grantAll && error instanceof VerifierPermissionError) {
      const { permissions } = error.manifest;
      return { kind: 'open', sandbox: await open({ granted: () => permissions }) };
    }
    const finding = error instanceof VerifierHostError ? findingOf(error, pkg) : null;
    if (finding === null) throw error;
    return { kind: 'refused', finding };
  }
}

function findingOf({ code, message }: VerifierHostError, { folder, entry }: VerifierPackage): Finding | null {
  const door = entry === null ? 'package.json' : relative(folder, entry);
  const ofPackage = (check: PackageCheck, seen: string, expected: string, mend: string): Finding => ({
    check,
    severity: 'error',
    message: seen,
    expected,
    mend,
    file: door,
    ...placeIn(seen, folder),
  });
  const problem = /^Cannot \w+ (?:verifier )?"[^"]*": (.*)$/s.exec(message)?.[1] ?? message;
  switch (code) {
    case 'verifier-bundle':
      return ofPackage(
        'package-bundles',
        problem.replace(/^\S+:\d+(:\d+)? /, '').replace(/, expected .*/s, ''),
        'a module that esbuild can bundle, with its dependencies installed and nothing of the platform',
        'mend the file that is named',
      );
    case 'verifier-start':
      return ofPackage(
        'package-loads',
        problem.replace(/, expected .*/s, ''),
        'a module that runs in the sandbox: pure JavaScript, no modules of the platform, nothing that waits',
        'mend what the module does when it is loaded; export the verifier as default',
      );
    case 'verifier-manifest': {
      const [, detail = problem] = /not valid \((.*)\), expected/s.exec(problem) ?? [];
      if (/manifest has the id/.test(problem)) {
        return ofPackage(
          'package-name',
          detail.replace(/, expected .*/s, ''),
          'the id that the package’s name ends with',
          'mend the manifest’s id, or the name in package.json',
        );
      }
      const { severity, mend } = conformanceChecks.manifest;
      return { check: 'manifest', severity, mend, message: detail, expected: 'the fields of the contract' };
    }
    default:
      return null;
  }
}

/** The file and line that a message of the bundler names first. */
function placeIn(message: string, folder: string): { readonly file?: string; readonly line?: number } {
  const found = /^(\S+):(\d+)(?::\d+)? /.exec(message);
  if (found === null) return {};
  const [, file = '', line] = found;
  return existsSync(join(folder, file)) ? { file: relative(folder, resolve(folder, file)), line: Number(line) } : {};
}
