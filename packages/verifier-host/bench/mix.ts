/**
 * Good items with hostile ones among them, three ways: hostile texts for the verifiers that do the work, a hostile verifier beside
 * them, and a verifier that is good to some items and hostile to others. Used by the bench and, smaller, by a test.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Submission, TaskVerifier, Verdict } from '@evenkeel/verifier';
import { findVerifier, type OpenVerifier, openVerifier } from '../src/index.ts';
import { attackNames } from '../test-fixtures/hostile/src/index.ts';

export const hostileFolder = join(import.meta.dirname, '../test-fixtures/hostile');
const tasks = ['countdown', 'zebra', 'arc'];
/** Submissions of one call, and calls under way at once, as a round of training has them. */
const CALL = 512;
const CALLS = 4;

export interface Expected {
  readonly submission: Submission;
  /** What must come; null where a failure or any verdict will do. */
  readonly verdict: Verdict | null;
  /** Meant to hurt; whatever must come of it. */
  readonly hostile?: boolean;
}

/** What came of a stream of items. */
export interface Tally {
  readonly good: number;
  readonly hostile: number;
  readonly wrong: number;
  /** Verdicts of the hostile ones by kind and code. */
  readonly became: Readonly<Record<string, number>>;
  readonly goodMs: number;
}

export interface GoodVerifier {
  readonly id: string;
  readonly open: OpenVerifier;
  readonly inProcess: TaskVerifier;
  readonly items: readonly Expected[];
}

/** The three tasks, each with right and wrong answers to as many puzzles and the verdicts that they must get. */
export async function openTasks(puzzles: number, processes: number): Promise<GoodVerifier[]> {
  return await Promise.all(
    tasks.map(async (id) => {
      const open = await openVerifier({ verifier: id, processes });
      const { default: inProcess } = (await import(findVerifier(id).entry!)) as { default: TaskVerifier };
      const level = inProcess.manifest.levels[0]!;
      const queries = Array.from({ length: puzzles }, (_, index) => ({
        seed: 7,
        index,
        level,
        split: 'train' as const,
      }));
      const drawn = await open.draw(queries, { style: 'compact', gold: 0, decoy: 0 });
      const submissions = drawn.flatMap(({ puzzle: { groundTruth }, gold, decoy }) => [
        { groundTruth, completion: gold! },
        { groundTruth, completion: decoy! },
      ]);
      const items = submissions.map((submission) => ({ submission, verdict: inProcess.score(submission) }));
      return { id, open, inProcess, items };
    }),
  );
}

/** So many of the items, over and over. */
export function cycle(items: readonly Expected[], count: number): Expected[] {
  return Array.from({ length: count }, (_, at) => items[at % items.length]!);
}

/** One hostile item after every so many good ones. */
export function mixed(good: readonly Expected[], hostile: readonly Expected[]): Expected[] {
  const every = Math.max(1, Math.floor(good.length / Math.max(1, hostile.length)));
  const rest = hostile.values();
  const all: Expected[] = [];
  for (const [at, item] of good.entries()) {
    all.push(item);
    if (at % every !== every - 1) continue;
    const { value } = rest.next();
    if (value !== undefined) all.push(value);
  }
  return [...all, ...rest];
}

const shapes: readonly ((at: number) => string)[] = [
  (at) => `\\boxed{${'('.repeat(at % 3000)}1`,
  (at) => `\\boxed{${'1+'.repeat(at % 2000)}1}`,
  (at) => '\\boxed{'.repeat(at % 500),
  (at) => `\\boxed{{"__proto__":{"reward":${at}}}}`,
  (at) => `={"kind":"scored","reward":1}\n${at}`,
  (at) => `\\boxed{${'９'.repeat(at % 50)}}\u202e\ud800`,
  (at) => `\\boxed{2**${at}//0}`,
  (at) => `${'a'.repeat(at % 20_000)}\\boxed{`,
  (at) => `\\boxed{\u0000${at}\u2028}`,
  (at) => (at % 500 === 9 ? '}'.repeat(500_000) : `\\boxed{constructor.${at}}`),
];

/** Texts that are meant to hurt, for a task that does not run them. */
export function hostileTexts({ inProcess, items }: GoodVerifier, count: number): Expected[] {
  return Array.from({ length: count }, (_, at) => {
    const { groundTruth } = items[at % items.length]!.submission;
    const submission = { groundTruth, completion: shapes[at % shapes.length]!(at) };
    return { submission, verdict: inProcess.score(submission), hostile: true };
  });
}

/** Items that make the hostile verifier do all it can, in rotation; each attack comes in so many variants. */
export function hostileItems(count: number, variants: number, names: readonly string[] = attackNames): Expected[] {
  return Array.from({ length: count }, (_, at) => ({
    submission: { groundTruth: Math.floor(at / names.length) % variants, completion: names[at % names.length]! },
    verdict: null,
    hostile: true,
  }));
}

const good: Verdict = { kind: 'scored', reward: 1, correct: true, formatted: true, answer: 'good', reason: 'correct' };

/** Items to which the hostile verifier is good. */
export function goodOfHostile(count: number): Expected[] {
  return Array.from({ length: count }, (_, at) => ({
    submission: { groundTruth: at, completion: 'good' },
    verdict: good,
  }));
}

/** Asks them all, some calls at once, and holds each verdict against what must come. */
export async function stream(verifier: OpenVerifier, items: readonly Expected[]): Promise<Tally> {
  const started = performance.now();
  const became: Record<string, number> = {};
  let wrong = 0;
  let right = 0;
  let hostile = 0;
  let goodMs = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const part = items.slice(next, next + CALL);
      next += part.length;
      const verdicts = await verifier.score(part.map(({ submission }) => submission));
      for (const [at, { verdict: expected, hostile: hurts }] of part.entries()) {
        const verdict = verdicts[at]!;
        const kind = verdict.kind === 'failed' ? verdict.error.code : verdict.kind;
        if (hurts) became[kind] = (became[kind] ?? 0) + 1;
        if (expected !== null && !isDeepStrictEqual(verdict, expected)) wrong++;
        else if (hurts) hostile++;
        else right++;
      }
      if (part.some(({ hostile: hurts }) => !hurts)) goodMs = performance.now() - started;
    }
  };
  await Promise.all(Array.from({ length: CALLS }, work));
  return { good: right, hostile, wrong, became, goodMs };
}
