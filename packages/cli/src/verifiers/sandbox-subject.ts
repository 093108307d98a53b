/** A verifier behind the sandbox as the conformance kit asks it. It knows no check. */
import { EvenkeelError } from '@evenkeel/core';
import type {
  ConformanceSubject,
  DrawAnswer,
  DrawRequest,
  PuzzleQuery,
  Submission,
  Verdict,
  VerifierFailure,
  VerifierManifest,
} from '@evenkeel/verifier';
import type { DrawnPuzzle, DrawOptions } from '@evenkeel/verifier-host';

/** What is needed of an open verifier. */
export interface AskedVerifier {
  readonly manifest: VerifierManifest;
  score(submissions: readonly Submission[]): Promise<Verdict[]>;
  draw(queries: readonly PuzzleQuery[], options: DrawOptions): Promise<DrawnPuzzle[]>;
}

const MOST_DRAWS = 256;

/** @returns a subject whose draws that fail are asked again one by one: the sandbox refuses a whole batch for one of them */
export function sandboxSubject(verifier: AskedVerifier): ConformanceSubject {
  return {
    manifest: verifier.manifest,
    score: (submissions) => verifier.score(submissions),
    async draw(requests) {
      const answers: DrawAnswer[] = new Array(requests.length);
      for (const places of batchesOf(requests)) {
        const drawn = await drawBatch(
          verifier,
          places.map((place) => requests[place]!),
        );
        for (const [at, place] of places.entries()) answers[place] = drawn[at]!;
      }
      return answers;
    },
  };
}

/** Places of requests that go in one batch: of one style and the same variants. */
function batchesOf(requests: readonly DrawRequest[]): number[][] {
  const open = new Map<string, number[]>();
  const batches: number[][] = [];
  for (const [place, { style, gold, decoy }] of requests.entries()) {
    const key = `${style} ${gold} ${decoy}`;
    const batch = open.get(key);
    if (batch !== undefined && batch.length < MOST_DRAWS) {
      batch.push(place);
      continue;
    }
    const begun = [place];
    open.set(key, begun);
    batches.push(begun);
  }
  return batches;
}

async function drawBatch(verifier: AskedVerifier, requests: readonly DrawRequest[]): Promise<DrawAnswer[]> {
  const { style, gold, decoy } = requests[0]!;
  const options: DrawOptions = {
    style,
    ...(gold === undefined ? {} : { gold }),
    ...(decoy === undefined ? {} : { decoy }),
  };
  try {
    const drawn = await verifier.draw(
      requests.map(({ query }) => query),
      options,
    );
    return drawn.map((each): DrawAnswer => ({ kind: 'drawn', drawn: each }));
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    if (requests.length === 1) return [{ kind: 'failed', error: failureOf(error) }];
    const answers: DrawAnswer[] = [];
    for (const request of requests) answers.push(...(await drawBatch(verifier, [request])));
    return answers;
  }
}

/** What stands in the brackets of the sandbox's message: `… failed on {…} (crash: out of range), expected a puzzle`. */
function failureOf({ message }: EvenkeelError): VerifierFailure {
  const found = /\((timeout|memory|crash|contract): (.*)\), expected/s.exec(message);
  if (found === null) return { code: 'crash', message };
  return { code: found[1] as VerifierFailure['code'], message: found[2]! };
}
