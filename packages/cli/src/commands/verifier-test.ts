/** `evenkeel verifier test`: the conformance kit on a verifier behind the real sandbox, told like a linter. */
import { isAbsolute, relative, sep } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { inspectConformance } from '@evenkeel/verifier';
import { findVerifier, type OpenVerifier, type VerifierPackage } from '@evenkeel/verifier-host';
import { type Command, exitCodes, type Invocation } from '../command.ts';
import { positional, wholeFlag } from '../flag-values.ts';
import { counted, findingLines, tallyOf } from '../verifiers/finding-lines.ts';
import { goldenFileName, readGolden, updateGolden } from '../verifiers/golden-file.ts';
import { openForTest } from '../verifiers/open-for-test.ts';
import { yesFlag } from '../verifiers/open-granted.ts';
import { type Finding, packageFindings } from '../verifiers/package-findings.ts';
import { sandboxSubject } from '../verifiers/sandbox-subject.ts';
import { grouped, paintWith, wantsColour } from '../view/terminal-text.ts';

export const verifierTestCommand: Command = {
  name: 'verifier test',
  summary: 'check a verifier against the conformance kit, and say what is wrong and where',
  usage: 'PATH|ID',
  flags: {
    puzzles: { type: 'string', value: 'N', help: 'puzzles of each level and split (default: 20)' },
    fuzzed: {
      type: 'string',
      value: 'N',
      help: 'completions made of pieces of answers and hostile text (default: 2000)',
    },
    seed: { type: 'string', value: 'N', help: 'of the puzzles and texts (default: 0)' },
    'update-golden': { type: 'boolean', help: `write ${goldenFileName}: what this version generates` },
    yes: yesFlag,
  },
  help: `
PATH is the folder of a verifier's package, ID the name of one that is known. Its code runs in the sandbox, under its own limits of
time and memory. Exit status: 0 where nothing is wrong (there may be warnings), 1 where there are errors.

Examples:
  evenkeel verifier test ./evenkeel-verifier-words
  evenkeel verifier test countdown --puzzles 100 --fuzzed 100000`,
  async run(invocation) {
    const { positionals, flags, home } = invocation;
    const wish = 'one verifier: evenkeel verifier test PATH|ID';
    const [reference = ''] = positional(positionals, { least: 1, most: 1 }, wish);
    const puzzles = wholeFlag(flags, 'puzzles', 20, 1);
    const fuzzed = wholeFlag(flags, 'fuzzed', 2000);
    const seed = wholeFlag(flags, 'seed', 0);
    const pkg = findVerifier(reference, { home });
    const opened = await openForTest(pkg, invocation);
    if (opened.kind === 'refused') return tell(invocation, { pkg, findings: [opened.finding], omitted: new Map() });
    const { verifier } = opened;
    if (pkg.remote !== null) await requireDraws(verifier);
    const second = await openForTest(pkg, invocation);
    try {
      const subject = sandboxSubject(verifier);
      if (flags['update-golden'] === true && (await updateGolden(pkg.folder, subject))) {
        invocation.note(`Wrote ${goldenFileName} of version ${verifier.manifest.version}`);
      }
      const report = await inspectConformance(subject, {
        puzzles,
        fuzzed,
        seed,
        golden: readGolden(pkg.folder),
        clock: () => performance.now(),
        ...(second.kind === 'open' ? { another: sandboxSubject(second.verifier) } : {}),
      });
      const ofKit = report.findings.map((finding) => ({
        ...finding,
        mend: finding.mend.replace('verifier test PATH', `verifier test ${shownPath(pkg)}`),
      }));
      const findings = [...packageFindings(pkg, verifier.manifest), ...ofKit];
      const { id, version, limits } = verifier.manifest;
      const looked = { puzzles: report.puzzles, fuzzed, slowestMs: report.slowest?.ms ?? null, timeMs: limits.timeMs };
      return tell(invocation, { pkg, findings, omitted: report.omitted, tested: { id, version, ...looked } });
    } finally {
      await verifier.close();
      if (second.kind === 'open') await second.verifier.close();
    }
  },
};

/** @throws {ConfigError} where an endpoint gives verdicts and no puzzles: there is nothing that the kit could ask it about */
async function requireDraws(verifier: OpenVerifier): Promise<void> {
  const { id, levels } = verifier.manifest;
  try {
    await verifier.draw([{ seed: 0, index: 0, level: levels[0]!, split: 'train' }], { style: 'compact' });
  } catch (error) {
    if (!/take its prompts from a prompt set/.test((error as Error).message)) return;
    await verifier.close();
    throw new ConfigError(
      `Cannot test verifier "${id}": its endpoint draws no puzzles, expected one that does; its verdicts on rows of yours: evenkeel verify ${id} FILE.jsonl`,
      { code: 'verifier-no-draw' },
    );
  }
}

/** The package's folder as one would type it here. */
function shownPath({ folder }: VerifierPackage): string {
  const path = relative('.', folder);
  return path === '' ? '.' : /^\.\.?[/\\]/.test(path) || isAbsolute(path) ? path : `.${sep}${path}`;
}

interface Outcome {
  readonly pkg: VerifierPackage;
  readonly findings: readonly Finding[];
  readonly omitted: Parameters<typeof findingLines>[1];
  /** Left out where it could not be opened. */
  readonly tested?: {
    readonly id: string;
    readonly version: string;
    readonly puzzles: number;
    readonly fuzzed: number;
    readonly slowestMs: number | null;
    readonly timeMs: number;
  };
}

function tell({ json, print, printJson }: Invocation, { pkg, findings, omitted, tested }: Outcome): 0 | 1 {
  const { errors, warnings } = tallyOf(findings, omitted);
  const paint = paintWith(wantsColour(process.stdout));
  if (json) {
    for (const finding of findings) printJson({ kind: 'finding', ...finding });
    printJson({ kind: 'result', verifier: pkg.id, folder: pkg.folder, ...tested, errors, warnings });
  } else {
    for (const line of findingLines(findings, omitted, paint)) print(line);
    if (findings.length > 0) print('');
    const name = tested === undefined ? pkg.id : `${tested.id} ${tested.version}`;
    const verdict = `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`;
    print(`${paint('bold', name)} (${shownPath(pkg)}): ${paint(errors > 0 ? 'red' : 'green', verdict)}`);
    if (tested !== undefined) {
      const slowest =
        tested.slowestMs === null ? '' : `; slowest call ${Math.ceil(tested.slowestMs)} of ${tested.timeMs} ms`;
      print(
        `${grouped(tested.puzzles)} puzzles, ${grouped(tested.fuzzed)} texts beside the hostile ones, ${pkg.remote === null ? 'in the sandbox' : 'over HTTP'}${slowest}`,
      );
    }
  }
  return errors > 0 ? exitCodes.failed : exitCodes.done;
}
