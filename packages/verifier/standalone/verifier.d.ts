/**
 * Evenkeel's SDK for verifiers, version 1, in one file. Made by a program: do not change it here.
 * It imports nothing, so a package that carries it along works wherever it lies. MIT license.
 */

/** A value that JSON can carry without loss. */
type Json = null | boolean | number | string | readonly Json[] | {
    readonly [key: string]: Json;
};

/**
 * One text for one value: keys sorted by code unit, no white space, shortest round-trip numbers. Keys whose value is
 * `undefined` are left out, as in JSON.
 *
 * @throws {TypeError} on anything that JSON would change silently: NaN, ±Infinity, −0, functions, bigint, class instances
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(canonicalJson({ b: 1, a: [true, null] }), '{"a":[true,null],"b":1}');
 * ```
 */
declare function canonicalJson(value: unknown): string;

/**
 * SHA-256 of bytes, or of a text's UTF-8 bytes, in hexadecimal digits. Runs in a browser; for large data use the store's.
 *
 * @param length how many digits, a multiple of 8; default all 64
 */
declare function sha256Hex(data: Uint8Array | string, length?: number): string;

/** A sequence of draws under one key. It has a position, and nothing else that changes. */
interface KeyedRandom {
    /** Unsigned 32-bit integer. */
    uint32(): number;
    /** Uniform in [0, 1), 53 bits. */
    uniform(): number;
    /** Uniform integer in [0, bound), without modulo bias. `bound` in 1…2^32. */
    integer(bound: number): number;
    /** Standard normal (Box–Muller). */
    normal(): number;
    /** One of the values. */
    pick<T>(values: readonly T[]): T;
    /** A shuffled copy (Fisher–Yates). */
    shuffle<T>(values: readonly T[]): T[];
}

/**
 * The generator for one draw site.
 *
 * @param seed the run's seed; a safe integer ≥ 0
 * @param stream what is drawn, for example `rollout/sample`
 * @param indices up to three unsigned 32-bit words that say which draw it is (step, prompt, rollout…)
 * @throws {RangeError} on a seed or an index out of range
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(keyedRandom(1, 'demo', 3).uint32(), keyedRandom(1, 'demo', 3).uint32());
 * ```
 */
declare function keyedRandom(seed: number, stream: string, ...indices: number[]): KeyedRandom;

/**
 * The content of the last complete `\boxed{…}`: the one that begins last among those whose braces balance. A box that is never
 * closed is none, so the last complete one before it counts; of nested boxes the inner one begins last. Every brace counts, an
 * escaped one too, as in the published scorers. The whole completion is searched, not its last line alone.
 *
 * @returns what stands between the braces, untrimmed; null where there is no complete box
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(lastBoxed('first \\boxed{1}, no: \\boxed{ \\frac{3}{4} }.'), ' \\frac{3}{4} ');
 * equal(lastBoxed('\\boxed{1} and then \\boxed{2'), '1');
 * ```
 */
declare function lastBoxed(completion: string): string | null;

/** How a puzzle is put into words: the papers' wording, or the terse notation for tiny policies. */
type PromptStyle = 'chat' | 'compact';

/**
 * Which puzzles may be drawn. The three are disjoint by construction (a hash of the puzzle decides), so that nothing evaluated
 * was trained on: `train` for training, `tune` to choose settings, `heldout` for the figures that are reported.
 */
type Split = 'train' | 'tune' | 'heldout';

/** Which puzzle: the arguments of a pure function. */
interface PuzzleQuery {
    /** Safe integer ≥ 0. */
    readonly seed: number;
    /** Unsigned 32-bit. */
    readonly index: number;
    /** One of the manifest's levels. */
    readonly level: string;
    readonly split: Split;
}

/** A puzzle as plain JSON. */
interface Puzzle<Data extends Json = Json> {
    /** Identity of the puzzle's content (not of the draw): equal puzzles have equal ids. At most 64 characters. */
    readonly id: string;
    readonly level: string;
    /** What `prompt` needs. */
    readonly data: Data;
    /** What `score` needs, in the form of published test sets: Countdown `{ target, numbers }`, the others `{ target }`. */
    readonly groundTruth: Json;
}

interface Submission {
    /** As in `Puzzle.groundTruth`, or of a published row: not yet checked. */
    readonly groundTruth: Json;
    /** What the model wrote, as it is: any string of any length. */
    readonly completion: string;
}

/** Why a verifier gave no verdict. Never a zero: retried, then the rollout is dropped and replaced. */
interface VerifierFailure {
    readonly code: VerifierFailureCode;
    readonly message: string;
}

/**
 * `timeout`, `memory`, `crash` (a throw, or a process that ended): what the verifier did. `contract`: an answer that is no verdict.
 * `ground-truth`: the row's own fault. `nondeterministic`: another verdict when asked again. `unreachable`: an endpoint that did not
 * answer.
 */
type VerifierFailureCode = 'timeout' | 'memory' | 'crash' | 'contract' | 'ground-truth' | 'nondeterministic' | 'unreachable';

type Verdict = {
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
} | {
    readonly kind: 'abstained';
    readonly reason: string;
} | {
    readonly kind: 'failed';
    readonly error: VerifierFailure;
};

/** What a verifier asks the host for; everything is denied by default. */
interface VerifierPermissions {
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
interface VerifierContext {
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

interface ContextRequest {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
}

interface ContextResponse {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
}

/** The rewards that a verifier gives: all of them, or a range. The largest is that of a correct answer, the smallest that of none. */
type RewardScale = readonly number[] | {
    readonly min: number;
    readonly max: number;
};

/** 1.0 correct, 0.1 in the form but wrong, 0 no answer in the form. */
declare const standardRewards: readonly number[];

interface VerifierManifest {
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
    readonly limits: {
        readonly timeMs: number;
        readonly memoryMb: number;
    };
    readonly permissions: VerifierPermissions;
    /** Default: `standardRewards`. */
    readonly rewards?: RewardScale;
    /** Names of the components that each scored verdict carries; default none. kebab-case, not `verdict`. */
    readonly components?: readonly string[];
}

/** A task: three questions, all deterministic. `verifiers/<task>/src/index.ts` exports one as `default`. */
interface TaskVerifier<Data extends Json = Json> {
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
declare const standardLevels: readonly ['tiny', 'easy', 'medium', 'hard', 'very_hard'];

type StandardLevel = (typeof standardLevels)[number];

/** What the conformance kit says: findings as data, like a linter's. It knows no check's inner working and prints nothing. */
type Severity = 'error' | 'warning';

/** Every check by its stable id. */
declare const conformanceChecks: {
    readonly manifest: {
        readonly severity: 'error';
        readonly title: 'the manifest has the fields of the contract';
        readonly mend: 'mend the field in the manifest';
    };
    readonly 'generate-throws': {
        readonly severity: 'error';
        readonly title: 'generate() and prompt() give a puzzle for each level, split, seed and index';
        readonly mend: 'mend generate() or prompt() for this query; draw with drawInSplit()';
    };
    readonly 'puzzle-shape': {
        readonly severity: 'error';
        readonly title: 'a puzzle is plain JSON with an id and its level';
        readonly mend: 'give { id, level, data, groundTruth } with JSON values only, an id of 1 to 64 characters';
    };
    readonly 'generate-repeatable': {
        readonly severity: 'error';
        readonly title: 'the same query gives the same puzzle, whatever was asked before, in any process';
        readonly mend: 'draw only from the random generator that drawInSplit() hands over; keep no state, read no clock';
    };
    readonly 'unknown-level': {
        readonly severity: 'error';
        readonly title: 'generate() refuses an unknown level';
        readonly mend: "throw a RangeError where query.level is none of the manifest's levels";
    };
    readonly 'splits-apart': {
        readonly severity: 'error';
        readonly title: 'no puzzle is in two splits';
        readonly mend: 'draw with drawInSplit(), with a key that is the same for puzzles that are the same; make the id from that key';
    };
    readonly 'puzzles-vary': {
        readonly severity: 'warning';
        readonly title: 'other seeds and indices give other puzzles';
        readonly mend: 'use the random generator for what makes the puzzle; make the space of puzzles larger';
    };
    readonly 'levels-differ': {
        readonly severity: 'error';
        readonly title: 'no level generates the puzzles of another';
        readonly mend: 'let query.level change what is drawn, or take the level out of the manifest';
    };
    readonly 'levels-alike': {
        readonly severity: 'warning';
        readonly title: 'levels can be told apart by what they generate';
        readonly mend: 'let the levels differ in size, range or number of parts, or take one of them out of the manifest';
    };
    readonly 'golden-missing': {
        readonly severity: 'error';
        readonly title: 'what this version generates is recorded';
        readonly mend: 'run: evenkeel verifier test PATH --update-golden';
    };
    readonly 'golden-changed': {
        readonly severity: 'error';
        readonly title: 'generation is stable under its version';
        readonly mend: 'raise the version in the manifest and package.json, then: evenkeel verifier test PATH --update-golden; or undo the change';
    };
    readonly 'prompt-empty': {
        readonly severity: 'error';
        readonly title: 'a prompt says something, in both styles';
        readonly mend: 'return a text for both styles, chat and compact';
    };
    readonly 'prompt-ambiguous': {
        readonly severity: 'error';
        readonly title: 'a prompt has one question: the same text is not asked with other answers';
        readonly mend: 'put into the prompt whatever the answer depends on';
    };
    readonly 'prompt-tells-answer': {
        readonly severity: 'error';
        readonly title: 'the prompt does not hold the gold answer';
        readonly mend: 'take the answer out of the prompt';
    };
    readonly 'answer-throws': {
        readonly severity: 'error';
        readonly title: 'gold() and decoy() give a text for each puzzle, style and variant';
        readonly mend: 'mend gold() or decoy() for this puzzle; any whole number is a variant';
    };
    readonly 'gold-is-right': {
        readonly severity: 'error';
        readonly title: 'a gold answer scores the largest reward';
        readonly mend: 'mend gold() or score(): one of them has the wrong answer';
    };
    readonly 'decoy-is-wrong': {
        readonly severity: 'error';
        readonly title: 'a decoy is in the form, but wrong';
        readonly mend: 'let decoy() give another answer than the right one, in the form of gold(), for every variant';
    };
    readonly 'cut-gold-is-none': {
        readonly severity: 'error';
        readonly title: 'a gold answer that is cut off is no answer';
        readonly mend: 'take an answer only from a complete \\boxed{…}: lastBoxed(completion) gives it';
    };
    readonly 'last-box-counts': {
        readonly severity: 'error';
        readonly title: 'the last complete box is the answer';
        readonly mend: 'read the answer with lastBoxed(completion)';
    };
    readonly 'mutations-are-wrong': {
        readonly severity: 'error';
        readonly title: 'gold answers with a change in them are wrong';
        readonly mend: 'compare the whole answer with the right one, not a part of it';
    };
    readonly 'never-throws': {
        readonly severity: 'error';
        readonly title: 'score() gives a verdict on any text';
        readonly mend: 'mend score() for this text; whatever a model writes is data';
    };
    readonly 'verdict-shape': {
        readonly severity: 'error';
        readonly title: 'a verdict has the fields of the contract';
        readonly mend: 'return { kind: "scored", reward, correct, formatted, answer, reason }, answer at most 200 characters or null';
    };
    readonly 'reward-scale': {
        readonly severity: 'error';
        readonly title: "rewards come from the manifest's scale";
        readonly mend: "give one of the scale's rewards, the largest if and only if correct; or declare another scale: manifest.rewards";
    };
    readonly components: {
        readonly severity: 'error';
        readonly title: 'each verdict has the components that the manifest names, and no others';
        readonly mend: 'give every name of manifest.components a finite number in each scored verdict';
    };
    readonly 'ground-truth': {
        readonly severity: 'error';
        readonly title: 'a malformed ground truth fails and is no zero';
        readonly mend: 'return { kind: "failed", error: { code: "ground-truth", message } } where the ground truth is not what generate() makes';
    };
    readonly 'ground-truth-lax': {
        readonly severity: 'warning';
        readonly title: 'a ground truth with a field missing or of another type fails';
        readonly mend: 'check every field of the ground truth that score() uses before scoring';
    };
    readonly 'same-verdict': {
        readonly severity: 'error';
        readonly title: 'the same input gives the same verdict, in any order, in any process';
        readonly mend: 'keep no state between calls; read no clock; a regular expression with the flag g keeps its lastIndex';
    };
    readonly 'within-limits': {
        readonly severity: 'error';
        readonly title: "a call keeps within the manifest's limits of time and memory";
        readonly mend: "make score() linear in the text's length (mind regular expressions that backtrack), or raise manifest.limits";
    };
    readonly slow: {
        readonly severity: 'warning';
        readonly title: 'a call takes at most half of its time limit';
        readonly mend: 'make this call faster, or raise manifest.limits.timeMs: a slower machine would make it a failure';
    };
};

/** What was checked; stable. */
type ConformanceCheck = keyof typeof conformanceChecks;

/** Where it was seen, as far as there is such a place. */
interface FindingPlace {
    readonly query?: PuzzleQuery;
    readonly style?: PromptStyle;
    /** What was scored, shortened. */
    readonly completion?: string;
}

interface ConformanceFinding extends FindingPlace {
    readonly check: ConformanceCheck;
    readonly severity: Severity;
    /** What was seen. */
    readonly message: string;
    readonly expected: string;
    /** What to do about it, in one line. */
    readonly mend: string;
}

/** Collects findings; of each check the first few, and how many more there were. */
declare class Findings {
    #private;
    readonly list: ConformanceFinding[];
    /** How many were left out, by check. */
    readonly omitted: Map<"answer-throws" | "components" | "cut-gold-is-none" | "decoy-is-wrong" | "generate-repeatable" | "generate-throws" | "gold-is-right" | "golden-changed" | "golden-missing" | "ground-truth" | "ground-truth-lax" | "last-box-counts" | "levels-alike" | "levels-differ" | "manifest" | "mutations-are-wrong" | "never-throws" | "prompt-ambiguous" | "prompt-empty" | "prompt-tells-answer" | "puzzle-shape" | "puzzles-vary" | "reward-scale" | "same-verdict" | "slow" | "splits-apart" | "unknown-level" | "verdict-shape" | "within-limits", number>;
    constructor(mostPerCheck: number);
    add(check: ConformanceCheck, message: string, expected: string, place?: FindingPlace): void;
}

/** A text that fits into a line: quoted, its beginning, and how much there is of it. */
declare function excerpt(text: string): string;

/** A puzzle and its words; `gold` and `decoy` are variants. */
interface DrawRequest {
    readonly query: PuzzleQuery;
    readonly style: PromptStyle;
    readonly gold?: number;
    readonly decoy?: number;
}

interface Drawn {
    readonly puzzle: Puzzle;
    readonly prompt: string;
    readonly gold?: string;
    readonly decoy?: string;
}

type DrawAnswer = {
    readonly kind: 'drawn';
    readonly drawn: Drawn;
} | {
    readonly kind: 'failed';
    readonly error: VerifierFailure;
    /** Whether it was a RangeError, where that can be told. */
    readonly isRangeError?: boolean;
};

interface ConformanceSubject {
    readonly manifest: VerifierManifest;
    /** One answer per request, in order. */
    draw(requests: readonly DrawRequest[]): Promise<readonly DrawAnswer[]>;
    /** One verdict per submission, in order; a throw is `failed` with `crash`, what is no verdict `failed` with `contract`. */
    score(submissions: readonly Submission[]): Promise<readonly Verdict[]>;
}

/** A verifier of this process. It sets no limits: a call that hangs, hangs. */
declare function subjectOf(verifier: TaskVerifier, context?: VerifierContext): ConformanceSubject;

interface GoldenRecord {
    /** The manifest's version that it was recorded for. */
    readonly version: string;
    /** Over all levels. */
    readonly digest: string;
    /** By level, so that a change can be said to be in one. */
    readonly levels: Readonly<Record<string, string>>;
}

/** @throws {Error} where a puzzle could not be drawn */
declare function goldenOf(subject: ConformanceSubject): Promise<GoldenRecord>;

/** Whether a parsed file is such a record. */
declare function isGoldenRecord(value: unknown): value is GoldenRecord;

/** The puzzles that the kit looks at: each level and split, with prompts and answers in both styles. */
declare const splits: readonly Split[];

declare const styles: readonly PromptStyle[];

interface SlowestCall {
    readonly ms: number;
    readonly completion: string;
}

/**
 * The conformance kit: what every task package must keep, checked on any verifier, in this process or behind a sandbox. It reports
 * findings and does not throw, so that a command line and a test can both show all of them. It knows no task; that gold answers are
 * right for the right reason, and that the puzzles are good ones, is for the task's own tests.
 */
interface ConformanceOptions {
    /** Of each level and split; default 20. */
    readonly puzzles?: number;
    /** Completions made of pieces of answers, prompts and hostile text; default 2000. */
    readonly fuzzed?: number;
    /** Hostile texts of more characters are left out; default: none is, the longest has two million. */
    readonly longestText?: number;
    /** Default 0. */
    readonly seed?: number;
    /** Findings of one check that are told; default 5. */
    readonly mostPerCheck?: number;
}

interface InspectionOptions extends ConformanceOptions {
    /** The same verifier in another process: it must give the same. */
    readonly another?: ConformanceSubject;
    /** What `golden.json` holds; null where there is none. Left out, it is not looked at. */
    readonly golden?: GoldenRecord | null;
    /** Milliseconds. Left out, no call is timed. */
    readonly clock?: () => number;
}

interface ConformanceReport {
    readonly findings: readonly ConformanceFinding[];
    /** Findings beyond those told, by check. */
    readonly omitted: ReadonlyMap<ConformanceCheck, number>;
    /** Puzzles that were looked at. */
    readonly puzzles: number;
    /** Where calls were timed. */
    readonly slowest: SlowestCall | null;
}

/** Everything that the kit has to say about a verifier. */
declare function inspectConformance(subject: ConformanceSubject, options?: InspectionOptions): Promise<ConformanceReport>;

/**
 * All findings about a verifier of this process; none means that it conforms. At most five of each check.
 *
 * Not seen here, as it takes a sandbox: limits of time and memory, and another process. `evenkeel verifier test` sees all.
 */
declare function conformanceFindings(verifier: TaskVerifier, options?: ConformanceOptions): Promise<readonly ConformanceFinding[]>;

/** What breaks the contract in what `score` gave, as `field: what is wrong`; null where nothing does. */
declare function verdictFault(value: unknown, manifest: VerifierManifest): string | null;

/**
 * One hash over what a verifier generates: puzzles, prompts and answers, of its levels and of each split. A test compares it with a
 * recorded one; if it changes, the manifest's version has to change.
 *
 * @param puzzlesPerDraw how many puzzles of each level and split
 */
declare function generationDigest(verifier: TaskVerifier, puzzlesPerDraw: number, levels?: readonly string[]): string;

/** A manifest's reward scale as questions. It knows no verdict but its reward. */
interface RewardBounds {
    /** Of a correct answer. */
    readonly largest: number;
    /** Of no answer in the form. */
    readonly smallest: number;
    /** Whether an answer in the form but wrong has a reward of its own: three values or more, or a range. */
    readonly hasMiddle: boolean;
    /** For messages: `1, 0.1, 0`, or `-1 to 1`. */
    readonly text: string;
    allows(reward: number): boolean;
}

/**
 * @param scale the manifest's `rewards`; left out, the standard one
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(rewardBounds().allows(0.5), false);
 * equal(rewardBounds({ min: 0, max: 1 }).allows(0.5), true);
 * ```
 */
declare function rewardBounds(scale?: RewardScale): RewardBounds;

/**
 * The split a puzzle belongs to, decided by its content alone: 10 % held out, 10 % for tuning, the rest for training.
 *
 * @param key what makes two puzzles the same one (for Countdown the target and the sorted numbers, say)
 */
declare function splitOf(key: string): Split;

/**
 * Draws candidates under keys (seed, index, attempt) until one lies in the wanted split and is a valid puzzle.
 *
 * @param stream names the task and its generator's version
 * @param draw a candidate, or null where the draw gave no valid puzzle
 * @param keyOf the candidate's identity, see `splitOf`
 * @throws {RangeError} if 10,000 draws gave none: the level has no puzzle in this split
 */
declare function drawInSplit<T>(query: PuzzleQuery, stream: string, draw: (random: KeyedRandom) => T | null, keyOf: (candidate: T) => string): T;

export {
  type ConformanceCheck,
  type ConformanceFinding,
  type ConformanceOptions,
  type ConformanceReport,
  type ConformanceSubject,
  type ContextRequest,
  type ContextResponse,
  type DrawAnswer,
  type DrawRequest,
  type Drawn,
  type FindingPlace,
  type GoldenRecord,
  type InspectionOptions,
  type Json,
  type KeyedRandom,
  type PromptStyle,
  type Puzzle,
  type PuzzleQuery,
  type RewardBounds,
  type RewardScale,
  type Severity,
  type Split,
  type StandardLevel,
  type Submission,
  type TaskVerifier,
  type Verdict,
  type VerifierContext,
  type VerifierFailure,
  type VerifierFailureCode,
  type VerifierManifest,
  type VerifierPermissions,
  canonicalJson,
  conformanceChecks,
  conformanceFindings,
  drawInSplit,
  excerpt,
  generationDigest,
  goldenOf,
  inspectConformance,
  isGoldenRecord,
  keyedRandom,
  lastBoxed,
  rewardBounds,
  sha256Hex,
  splitOf,
  standardLevels,
  standardRewards,
  subjectOf,
  verdictFault,
};
