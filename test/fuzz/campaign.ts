/**
 * The fuzzing of a verifier, case by case: which completion, what is asked of the verdict, and what was found wrong. A case is a pure
 * function of (task, seed, index), so that whatever was found is found again by its index alone.
 *
 * Asked of each: no throw, a verdict of the contract, one of the rewards 1, 0.1 and 0, the reward that `oracle.ts` finds in another
 * way, the same verdict when asked again, and CPU time within the manifest's limit.
 */
import { canonicalJson, type Json, type KeyedRandom, keyedRandom } from '@evenkeel/core';
import type { Submission, Verdict } from '@evenkeel/verifier';
import { type FuzzSource, fuzzCompletion } from './completions.ts';
import type { Deserved } from './oracle.ts';
import { malformedTruths } from './pieces.ts';
import { type FuzzTask, fuzzTaskOf } from './tasks.ts';

export interface FuzzCase {
  readonly index: number;
  readonly submission: Submission;
  /** Null where the ground truth is malformed: then the verdict must be a failure. */
  readonly deserved: Deserved | null;
}

/** What was wrong with a verdict. `hang` is said from outside. */
export type FuzzFault = 'throw' | 'contract' | 'reward' | 'changed' | 'slow' | 'hang' | 'sandbox';

export interface FuzzFinding {
  readonly task: string;
  readonly seed: number;
  readonly index: number;
  readonly fault: FuzzFault;
  readonly message: string;
}

/** Counts that say what a campaign has reached. */
export interface FuzzTally {
  cases: number;
  /** By `reward reason`, or by the code of a failure. */
  readonly outcomes: Record<string, number>;
  longestCompletion: number;
  slowestMs: number;
}

interface Source {
  readonly groundTruth: Json;
  readonly source: FuzzSource;
}

export function emptyTally(): FuzzTally {
  return { cases: 0, outcomes: {}, longestCompletion: 0, slowestMs: 0 };
}

/** How many puzzles of a level are drawn: the cases share them. */
const PUZZLES = 40;
const VARIANTS = 3;
const BLOCK = 128;
/** Cases that are kept to be asked once more at the end of a block are no longer than this. */
const KEPT_LENGTH = 1_000_000;
const LONGEST_ANSWER = 200;

/** The cases of one task under one seed. */
export class FuzzCampaign {
  readonly task: string;
  readonly seed: number;
  readonly findings: FuzzFinding[] = [];
  readonly tally: FuzzTally = emptyTally();
  readonly #task: FuzzTask;
  readonly #sources = new Map<string, Source>();

  /** @throws {RangeError} if there is no such task */
  constructor(task: string, seed: number) {
    this.task = task;
    this.seed = seed;
    this.#task = fuzzTaskOf(task);
  }

  caseOf(index: number): FuzzCase {
    const random = keyedRandom(this.seed, `fuzz/${this.task}`, index);
    const { groundTruth, source } = random.integer(5) === 0 ? this.#task.invent(random) : this.#sourceOf(random);
    const completion = fuzzCompletion(random, source);
    if (random.integer(100) === 0) {
      const malformed = random.pick([...malformedTruths, ...this.#task.malformedTruths]) as Json;
      return { index, submission: { groundTruth: malformed, completion }, deserved: null };
    }
    return {
      index,
      submission: { groundTruth, completion },
      deserved: this.#task.deserved(completion, groundTruth as never),
    };
  }

  /** Runs cases: each is asked twice, and those of a block once more in reverse order. */
  run(indices: Iterable<number>, onCase: (index: number) => void = () => {}): void {
    let block: { readonly at: FuzzCase; readonly verdict: string }[] = [];
    const askAgain = (): void => {
      for (const { at, verdict } of block.toReversed()) this.#expectSame(at, verdict);
      block = [];
    };
    for (const index of indices) {
      onCase(index);
      const at = this.caseOf(index);
      const verdict = this.check(at);
      if (verdict !== null && at.submission.completion.length <= KEPT_LENGTH) block.push({ at, verdict });
      if (block.length === BLOCK) askAgain();
    }
    askAgain();
  }

  /** @returns the verdict as canonical JSON; null where there is none */
  check(at: FuzzCase): string | null {
    const started = performance.now();
    const verdict = this.#ask(at);
    const tookMs = performance.now() - started;
    if (verdict === null) return null;
    const { tally } = this;
    tally.cases++;
    tally.longestCompletion = Math.max(tally.longestCompletion, at.submission.completion.length);
    tally.slowestMs = Math.max(tally.slowestMs, tookMs);
    const { timeMs } = this.#task.verifier.manifest.limits;
    if (tookMs > timeMs) this.#expectQuick(at, timeMs);
    const fault = contractFaultOf(verdict);
    if (fault !== null) {
      this.report(at.index, 'contract', fault);
      return null;
    }
    const outcome = verdict.kind === 'scored' ? `${verdict.reward} ${verdict.reason}` : outcomeOf(verdict);
    tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
    const expected = at.deserved === null ? 'failed ground-truth' : `${at.deserved}`;
    const seen = verdict.kind === 'scored' ? `${verdict.reward}` : outcome;
    if (seen !== expected) this.report(at.index, 'reward', `gave ${outcome}, expected ${expected}`);
    const text = canonicalJson(verdict);
    this.#expectSame(at, text);
    return text;
  }

  report(index: number, fault: FuzzFault, message: string): void {
    this.findings.push({ task: this.task, seed: this.seed, index, fault, message });
  }

  #ask(at: FuzzCase): Verdict | null {
    try {
      return this.#task.verifier.score(at.submission);
    } catch (error) {
      this.report(at.index, 'throw', String(error));
      return null;
    }
  }

  #expectSame(at: FuzzCase, before: string): void {
    const again = this.#ask(at);
    const now = again === null ? 'nothing' : canonicalJson(again);
    if (now !== before) this.report(at.index, 'changed', `gave ${now} after ${before}, expected the same`);
  }

  /** The clock of the wall was over the limit: a busy machine can do that. Then the clock of this thread decides. */
  #expectQuick(at: FuzzCase, timeMs: number): void {
    const start = process.threadCpuUsage();
    this.#ask(at);
    const { user, system } = process.threadCpuUsage(start);
    const cpuMs = (user + system) / 1000;
    if (cpuMs > timeMs) this.report(at.index, 'slow', `took ${cpuMs.toFixed(0)} ms of CPU, expected at most ${timeMs}`);
  }

  #sourceOf(random: KeyedRandom): Source {
    const { verifier } = this.#task;
    const level = random.pick(verifier.manifest.levels);
    const index = random.integer(PUZZLES);
    const style = random.integer(2) === 0 ? 'compact' : 'chat';
    const key = `${level}/${index}/${style}`;
    let known = this.#sources.get(key);
    if (known === undefined) {
      const puzzle = verifier.generate({ seed: this.seed, index, level, split: 'train' });
      const variants = Array.from({ length: VARIANTS }, (_, variant) => variant);
      known = {
        groundTruth: puzzle.groundTruth,
        source: {
          gold: variants.map((variant) => contentOf(verifier.gold(puzzle, style, variant))),
          decoys: variants.map((variant) => contentOf(verifier.decoy(puzzle, style, variant))),
          prompt: verifier.prompt(puzzle, style),
        },
      };
      this.#sources.set(key, known);
    }
    return known;
  }
}

function contentOf(boxed: string): string {
  return boxed.slice(boxed.indexOf('{') + 1, boxed.lastIndexOf('}'));
}

function outcomeOf(verdict: Exclude<Verdict, { kind: 'scored' }>): string {
  return verdict.kind === 'failed' ? `failed ${verdict.error.code}` : `abstained ${verdict.reason}`;
}

/** What breaks the contract in a verdict of a task with the standard scale and no components; null where nothing does. */
function contractFaultOf(verdict: Verdict): string | null {
  const fields = Object.keys(verdict).sort().join();
  if (verdict.kind !== 'scored') return fields === 'error,kind' || fields === 'kind,reason' ? null : `fields ${fields}`;
  if (fields !== 'answer,correct,formatted,kind,reason,reward') return `fields ${fields}`;
  const { reward, correct, formatted, answer, reason } = verdict;
  if (reward !== 1 && reward !== 0.1 && reward !== 0) return `reward ${reward}`;
  if (correct !== (reward === 1) || formatted !== reward > 0) return `reward ${reward} with ${correct}, ${formatted}`;
  if ((answer !== null) !== formatted) return `answer ${answer} with formatted ${formatted}`;
  if (answer !== null && (answer.length > LONGEST_ANSWER || !answer.isWellFormed()))
    return 'answer too long or ill-formed';
  return /^[a-z]+(-[a-z]+)*$/.test(reason) ? null : `reason ${reason}`;
}
