/**
 * The contract that a task package fulfils: what `verifiers/<task>` exports and what the verifier host, the command line and the
 * conformance kit call. It knows no task, no file and no process. Everything in it is deterministic and plain JSON.
 */
import type { Json } from '@evenkeel/core';

/** How a puzzle is put into words: the papers' wording, or the terse notation for tiny policies. */
export type PromptStyle = 'chat' | 'compact';

/**
 * Which puzzles may be drawn. The three are disjoint by construction (a hash of the puzzle decides), so that nothing evaluated
 * was trained on: `train` for training, `tune` to choose settings, `heldout` for the figures that are reported.
 */
export type Split = 'train' | 'tune' | 'heldout';

/** Which puzzle: the arguments of a pure function. */
export interface PuzzleQuery {
  /** Safe integer ≥ 0. */
  readonly seed: number;
  /** Unsigned 32-bit. */
  readonly index: number;
  /** One of the manifest's levels. */
  readonly level: string;
  readonly split: Split;
}

/** A puzzle as plain JSON. */
export interface Puzzle<Data extends Json = Json> {
  /** Identity of the puzzle's content (not of the draw): equal puzzles have equal ids. At most 64 characters. */
  readonly id: string;
  readonly level: string;
  /** What `prompt` needs. */
  readonly data: Data;
  /** What `score` needs, in the form of published test sets: Countdown `{ target, numbers }`, the others `{ target }`. */
  readonly groundTruth: Json;
}

export interface Submission {
  /** As in `Puzzle.groundTruth`, or of a published row: not yet checked. */
  readonly groundTruth: Json;
  /** What the model wrote, as it is: any string of any length. */
  readonly completion: string;
}

/** Why a verifier gave no verdict. Never a zero: retried, then the rollout is dropped and replaced. */
export interface VerifierFailure {
  readonly code: 'timeout' | 'memory' | 'crash' | 'contract' | 'ground-truth';
  readonly message: string;
}

export type Verdict =
  | {
      readonly kind: 'scored';
      /** 1.0 correct, 0.1 in the required form but wrong, 0 no answer in the form. */
      readonly reward: number;
      readonly correct: boolean;
      readonly formatted: boolean;
      /** The answer as read from the completion; at most 200 characters. */
      readonly answer: string | null;
      /** Why, in a few words, stable: `correct`, `wrong-value`, `number-reused`, `no-box`, … */
      readonly reason: string;
      readonly metrics?: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'abstained'; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: VerifierFailure };

/** What the verifier host grants; everything is denied by default. */
export interface VerifierPermissions {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly env: readonly string[];
}

export interface VerifierManifest {
  /** kebab-case; the name in configurations. */
  readonly id: string;
  /** Of the generator and the rules: semver. The same version generates the same puzzles and gives the same verdicts. */
  readonly version: string;
  /** Range of this contract it was written for. */
  readonly sdk: '^1';
  readonly title: string;
  /** In order of difficulty. */
  readonly levels: readonly string[];
  readonly limits: { readonly timeMs: number; readonly memoryMb: number };
  readonly permissions: VerifierPermissions;
}

/** A task: three questions, all deterministic. `verifiers/<task>/src/index.ts` exports one as `default`. */
export interface TaskVerifier<Data extends Json = Json> {
  readonly manifest: VerifierManifest;
  /** The puzzle: a pure function of the query. @throws {RangeError} on an unknown level */
  generate(query: PuzzleQuery): Puzzle<Data>;
  /** The text that the model sees. */
  prompt(puzzle: Puzzle<Data>, style: PromptStyle): string;
  /** A completion that scores 1, in the form that the style asks for. `variant` chooses among several where there are several. */
  gold(puzzle: Puzzle<Data>, style: PromptStyle, variant?: number): string;
  /**
   * A completion that is well-formed and plausible but wrong (scores 0.1): for the conformance kit and for the mixed-quality stage
   * of a base policy. `variant` keys the choice.
   */
  decoy(puzzle: Puzzle<Data>, style: PromptStyle, variant: number): string;
  /** The verdict. Never throws, on any string. */
  score(submission: Submission): Verdict;
}

/** The levels of the published test sets, and the level that the shipped tiny policy can carry. */
export const standardLevels = ['tiny', 'easy', 'medium', 'hard', 'very_hard'] as const;
export type StandardLevel = (typeof standardLevels)[number];
