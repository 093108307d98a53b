/**
 * A verifier as the conformance kit asks it: in batches, asynchronously, wherever it runs. Nothing throws: what went wrong is an
 * answer. `subjectOf` asks a `TaskVerifier` of this process; the command line asks one behind the sandbox.
 */
import type {
  PromptStyle,
  Puzzle,
  PuzzleQuery,
  Submission,
  TaskVerifier,
  Verdict,
  VerifierContext,
  VerifierFailure,
  VerifierManifest,
} from '../contract.ts';
import { verdictFault } from './verdict-fault.ts';

/** A puzzle and its words; `gold` and `decoy` are variants. */
export interface DrawRequest {
  readonly query: PuzzleQuery;
  readonly style: PromptStyle;
  readonly gold?: number;
  readonly decoy?: number;
}

export interface Drawn {
  readonly puzzle: Puzzle;
  readonly prompt: string;
  readonly gold?: string;
  readonly decoy?: string;
}

export type DrawAnswer =
  | { readonly kind: 'drawn'; readonly drawn: Drawn }
  | {
      readonly kind: 'failed';
      readonly error: VerifierFailure;
      /** Whether it was a RangeError, where that can be told. */
      readonly isRangeError?: boolean;
    };

export interface ConformanceSubject {
  readonly manifest: VerifierManifest;
  /** One answer per request, in order. */
  draw(requests: readonly DrawRequest[]): Promise<readonly DrawAnswer[]>;
  /** One verdict per submission, in order; a throw is `failed` with `crash`, what is no verdict `failed` with `contract`. */
  score(submissions: readonly Submission[]): Promise<readonly Verdict[]>;
}

/** A verifier of this process. It sets no limits: a call that hangs, hangs. */
export function subjectOf(verifier: TaskVerifier, context?: VerifierContext): ConformanceSubject {
  const { manifest } = verifier;
  return {
    manifest,
    async draw(requests) {
      let last: { readonly query: PuzzleQuery; readonly puzzle: Puzzle } | null = null;
      return requests.map((request): DrawAnswer => {
        const { query, style, gold, decoy } = request;
        try {
          // Several requests in a row for one puzzle make it once.
          const puzzle: Puzzle = last?.query === query ? last.puzzle : verifier.generate(query, context);
          last = { query, puzzle };
          const drawn: Drawn = {
            puzzle,
            prompt: verifier.prompt(puzzle, style),
            ...(gold === undefined ? {} : { gold: verifier.gold(puzzle, style, gold) }),
            ...(decoy === undefined ? {} : { decoy: verifier.decoy(puzzle, style, decoy) }),
          };
          return { kind: 'drawn', drawn };
        } catch (thrown) {
          return { kind: 'failed', error: crash(thrown), isRangeError: thrown instanceof RangeError };
        }
      });
    },
    async score(submissions) {
      return submissions.map((submission): Verdict => {
        try {
          const verdict = verifier.score(submission, context);
          const fault = verdictFault(verdict, manifest);
          return fault === null ? verdict : { kind: 'failed', error: { code: 'contract', message: fault } };
        } catch (thrown) {
          return { kind: 'failed', error: crash(thrown) };
        }
      });
    },
  };
}

function crash(thrown: unknown): VerifierFailure {
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: 'crash', message: message.slice(0, 300) };
}
