/** Findings as a linter prints them: by check, each with its places, and what to do. Pure. */
import { type ConformanceCheck, type ConformanceReport, conformanceChecks } from '@evenkeel/verifier';
import { grouped, type Paint } from '../view/terminal-text.ts';
import { printable } from './open-granted.ts';
import { type Finding, type PackageCheck, type PackageFinding, packageChecks } from './package-findings.ts';

type Omitted = ConformanceReport['omitted'];

/** @param paint for terminals */
export function findingLines(findings: readonly Finding[], omitted: Omitted, paint: Paint): string[] {
  const checks = [...new Set(findings.map(({ check }) => check))];
  const lines = checks.flatMap((check) => {
    const ofCheck = findings.filter((finding) => finding.check === check);
    const [{ severity, mend }] = ofCheck as [Finding];
    const more = omitted.get(check as ConformanceCheck) ?? 0;
    const mends = new Set(ofCheck.map((finding) => finding.mend));
    return [
      `${paint(severity === 'error' ? 'red' : 'yellow', severity)} ${paint('bold', check)}: ${titleOf(check)}`,
      ...ofCheck.flatMap((finding) => [
        ...placeOf(finding).map((place) => `  ${paint('cyan', printable(place))}`),
        `  ${printable(finding.message)}, expected ${printable(finding.expected)}`,
        ...(mends.size > 1 ? [`  ${paint('green', `→ ${finding.mend}`)}`] : []),
      ]),
      ...(more > 0 ? [`  and ${grouped(more)} more like ${ofCheck.length === 1 ? 'this' : 'these'}`] : []),
      ...(mends.size > 1 ? [] : [`  ${paint('green', `→ ${mend}`)}`]),
      '',
    ];
  });
  return lines.slice(0, -1);
}

function titleOf(check: Finding['check']): string {
  return check in packageChecks
    ? packageChecks[check as PackageCheck]
    : conformanceChecks[check as ConformanceCheck].title;
}

function isOfPackage(finding: Finding): finding is PackageFinding {
  return finding.check in packageChecks;
}

/** Where it was seen: a file, or a puzzle and a text. */
function placeOf(finding: Finding): string[] {
  if (isOfPackage(finding)) {
    const { file, line } = finding;
    return file === undefined ? [] : [line === undefined ? file : `${file}:${line}`];
  }
  const { query, style, completion } = finding;
  const parts: string[] = [];
  if (query !== undefined) {
    parts.push(`level ${query.level}, split ${query.split}, seed ${query.seed}, index ${query.index}`);
  }
  if (style !== undefined) parts.push(style);
  if (completion !== undefined) parts.push(completion);
  return parts.length === 0 ? [] : [parts.join(' · ')];
}

export interface Tally {
  readonly errors: number;
  readonly warnings: number;
}

/** Findings told and those left out. */
export function tallyOf(findings: readonly Finding[], omitted: Omitted): Tally {
  const count = (severity: string): number =>
    findings.filter((finding) => finding.severity === severity).length +
    [...omitted].reduce((sum, [check, more]) => sum + (conformanceChecks[check].severity === severity ? more : 0), 0);
  return { errors: count('error'), warnings: count('warning') };
}

/** `1 error`, `2 errors`. */
export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}
