/**
 * What is wrong with a verifier's package as a package: what package.json says, what lies beside it. It runs nothing of the package;
 * the conformance kit does.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ConformanceFinding, Severity, VerifierManifest } from '@evenkeel/verifier';
import type { VerifierPackage } from '@evenkeel/verifier-host';

/** Checks of the package; the kit's own are in `conformanceChecks`. */
export const packageChecks = {
  'package-bundles': "the package's files make one script, without modules of the platform",
  'package-loads': 'the module runs, and exports a verifier as default',
  'package-name': "the package's name ends with the manifest's id",
  'package-version': "package.json has the manifest's version",
  'package-module': 'the package is of ES modules, with a door',
  'package-files': 'what the package needs is packed',
  'package-license': 'the package says under which license it stands',
  'package-readme': 'there is a README',
} as const;

export type PackageCheck = keyof typeof packageChecks;

/** A finding of the kit, or of the package. */
export interface PackageFinding {
  readonly check: PackageCheck;
  readonly severity: Severity;
  readonly message: string;
  readonly expected: string;
  readonly mend: string;
  /** Relative to the package's folder. */
  readonly file?: string;
  readonly line?: number;
}

export type Finding = ConformanceFinding | PackageFinding;

interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly type?: unknown;
  readonly exports?: unknown;
  readonly main?: unknown;
  readonly files?: unknown;
  readonly license?: unknown;
  readonly private?: unknown;
}

const FILE = 'package.json';

export function packageFindings({ folder, entry }: VerifierPackage, manifest: VerifierManifest): PackageFinding[] {
  const text = readFileSync(join(folder, FILE), 'utf8');
  const json = JSON.parse(text) as PackageJson;
  const findings: PackageFinding[] = [];
  const error = (check: PackageCheck, field: string, message: string, expected: string, mend: string): void => {
    findings.push({ check, severity: 'error', message, expected, mend, file: FILE, ...lineOf(text, field) });
  };
  const { id, version } = manifest;
  if (json.version !== version) {
    const mend = `write "version": "${version}", or raise the manifest's`;
    error('package-version', 'version', `version is ${show(json.version)}`, `"${version}", the manifest's`, mend);
  }
  if (typeof json.name !== 'string' || !new RegExp(`(^|[/-])${id}$`).test(json.name)) {
    const mend = `name it evenkeel-verifier-${id}, or mend the manifest's id`;
    error(
      'package-name',
      'name',
      `name is ${show(json.name)}`,
      `a name that ends with "${id}", the manifest's id`,
      mend,
    );
  }
  if (entry !== null) findings.push(...moduleFindings({ text, json, folder, entry }));
  if (typeof json.license !== 'string' || json.license === '') {
    const mend = 'write "license": "MIT", or another';
    error('package-license', 'license', `license is ${show(json.license)}`, 'the name of a license', mend);
  }
  if (!existsSync(join(folder, 'README.md'))) {
    findings.push({
      check: 'package-readme',
      severity: 'error',
      message: 'there is no README.md',
      expected: 'one that tells the rule of the task, its levels and its verdicts',
      mend: 'write README.md',
    });
  }
  return findings;
}

interface Door {
  readonly text: string;
  readonly json: PackageJson;
  readonly folder: string;
  readonly entry: string;
}

function moduleFindings({ text, json, folder, entry }: Door): PackageFinding[] {
  const findings: PackageFinding[] = [];
  const at = (field: string) => ({ severity: 'error', file: FILE, ...lineOf(text, field) }) as const;
  if (json.type !== 'module') {
    const mend = 'write "type": "module"';
    findings.push({
      check: 'package-module',
      message: `type is ${show(json.type)}`,
      expected: '"module"',
      mend,
      ...at('type'),
    });
  }
  if (json.exports === undefined && json.main === undefined) {
    const mend = `write "exports": "./${relative(folder, entry)}"`;
    findings.push({
      check: 'package-module',
      message: 'exports is missing',
      expected: 'the module of the verifier',
      mend,
      ...at('exports'),
    });
  }
  // A private package of the workspace is never packed.
  if (json.private === true) return findings;
  const door = relative(folder, entry).split('\\').join('/');
  const files = Array.isArray(json.files) ? json.files.map(String) : null;
  const isPacked = files?.some((each) => {
    const name = each.replace(/^\.?\//, '').replace(/\/(\*\*?)?$/, '');
    return door === name || door.startsWith(`${name}/`);
  });
  if (isPacked !== true) {
    findings.push({
      check: 'package-files',
      message: files === null ? 'files is missing' : `files does not hold ${door}`,
      expected: 'the folders that a packed package has',
      mend: `write "files": ["${door.split('/')[0]}", "golden.json"]`,
      ...at('files'),
    });
  }
  return findings;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}

/** The line of a field of the outermost object, where it is there. */
function lineOf(text: string, field: string): { readonly line?: number } {
  const at = text.search(new RegExp(`^ {0,4}"${field}"\\s*:`, 'm'));
  return at < 0 ? {} : { line: text.slice(0, at).split('\n').length };
}
