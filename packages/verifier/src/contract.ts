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
  readonly code: VerifierFailureCode;
  readonly message: string;
}

/**
 * `timeout`, `memory`, `crash` (a throw, or a process that ended): what the verifier did. `contract`: an answer that is no verdict.
 * `ground-truth`: the row's own fault. `nondeterministic`: another verdict when asked again. `unreachable`: an endpoint that did not
 * answer.
 */
export type VerifierFailureCode =
  | 'timeout'
  | 'memory'
  | 'crash'
  | 'contract'
  | 'ground-truth'
  | 'nondeterministic'
  | 'unreachable';

export type Verdict =
  | {
      readonly kind: 'scored';
      /** 1.0 correct, 0.1 in the required form but wrong, 0 no answer in the form; or of the manifest's own scale. */
      readonly reward: number;
      readonly correct: boolean;
      readonly formatted: boolean;
      /** The answer as read from the completion; at most 200 characters. */
      readonly answer: string | null;
      /** Why, in a few words, stable: `correct`, `wrong-value`, `number-reused`, `no-box`, … */
      readonly reason: string;
      /**
       * Parts of the answer's worth by name (format, length, …), as the manifest's `components` lists them: they reach the reward
       * combiner beside `verdict`, which is the reward. Finite.
       */
      readonly components?: Readonly<Record<string, number>>;
      /** For people to look at; no part of the reward. */
      readonly metrics?: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'abstained'; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: VerifierFailure };

/** What a verifier asks the host for; everything is denied by default. */
export interface VerifierPermissions {
  /** Origins, such as `https://scores.example.org`. */
  readonly net: readonly string[];
  /** Files of UTF-8 text: relative to the package's folder, or absolute. */
  readonly read: readonly string[];
  /** Names of environment variables. */
  readonly env: readonly string[];
}

/**
 * What was granted, handed over by the host: the process that runs a verifier may open nothing itself, whatever is granted. Each
 * throws a RangeError for what the manifest does not name.
 */
export interface VerifierContext {
  /** The text of a file of `permissions.read`, by the name given there, as it was when the verifier was opened. */
  read(path: string): string;
  /** A variable of `permissions.env`; undefined where it is not set. */
  env(name: string): string | undefined;
  /**
   * Asks an origin of `permissions.net`. The call that asks runs again from its start once the answer is there, so it must ask the same
   * each time. A verdict that depends on it is as reproducible as the answer.
   */
  fetch(url: string, request?: ContextRequest): ContextResponse;
}

export interface ContextRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ContextResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The rewards that a verifier gives: all of them, or a range. The largest is that of a correct answer, the smallest that of none. */
export type RewardScale = readonly number[] | { readonly min: number; readonly max: number };

/** 1.0 correct, 0.1 in the form but wrong, 0 no answer in the form. */
export const standardRewards: readonly number[] = [1, 0.1, 0];

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
  /** CPU time of one call, and memory. */
  readonly limits: { readonly timeMs: number; readonly memoryMb: number };
  readonly permissions: VerifierPermissions;
  /** Default: `standardRewards`. */
  readonly rewards?: RewardScale;
  /** Names of the components that each scored verdict carries; default none. kebab-case, not `verdict`. */
  readonly components?: readonly string[];
}

/** A task: three questions, all deterministic. `verifiers/<task>/src/index.ts` exports one as `default`. */
export interface TaskVerifier<Data extends Json = Json> {
  readonly manifest: VerifierManifest;
  /** The puzzle: a pure function of the query. @throws {RangeError} on an unknown level */
  generate(query: PuzzleQuery, context?: VerifierContext): Puzzle<Data>;
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
  score(submission: Submission, context?: VerifierContext): Verdict;
}

/** The levels of the published test sets, and the level that the shipped tiny policy can carry. */
export const standardLevels = ['tiny', 'easy', 'medium', 'hard', 'very_hard'] as const;
export type StandardLevel = (typeof standardLevels)[number];
