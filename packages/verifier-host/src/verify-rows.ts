/**
 * Scores a stream of published rows: one JSON object a line, one verdict a line, in order. It holds a few batches at a time, and
 * hands one on when it is full or when no further line is there yet. Whose verifier it is opens and closes it.
 */
import type { Json } from '@evenkeel/core';
import type { Submission, Verdict } from '@evenkeel/verifier';
import { z } from 'zod';
import { explainIssue } from './contract-schemas.ts';
import type { OpenVerifier } from './open-verifier.ts';

const BATCH_ROWS = 512;
const BATCH_CHARS = 1_000_000;
/** Batches that are being scored at once: while one's verdicts are read, processes have the next. */
const WINDOW = 2;

/** `prompt`, `level`, `id` and whatever else published sets carry are allowed and not looked at. */
const rowSchema = z.looseObject({
  groundTruth: z.custom<Json>((value) => value !== undefined, 'is missing'),
  completion: z.string(),
});

/**
 * One verdict per line. A line that is not a row gets a `failed` verdict with the code `contract`, and the rest go on; empty lines
 * at the end are no lines.
 */
export async function* verifyRows(
  lines: AsyncIterable<string>,
  verifier: Pick<OpenVerifier, 'score'>,
): AsyncGenerator<Verdict> {
  const underWay: Promise<Verdict[]>[] = [];
  for await (const { batch, waiting } of batches(withoutTrailingBlanks(lines))) {
    const verdicts = scoreRows(batch, verifier);
    // Whoever gives up early looks at none of these.
    verdicts.catch(() => {});
    underWay.push(verdicts);
    while (underWay.length >= (waiting ? 1 : WINDOW)) yield* await underWay.shift()!;
  }
  for (const verdicts of underWay) yield* await verdicts;
}

async function scoreRows(batch: readonly string[], verifier: Pick<OpenVerifier, 'score'>): Promise<Verdict[]> {
  const rows = batch.map(readRow);
  const verdicts = await verifier.score(rows.flatMap((row) => ('kind' in row ? [] : [row])));
  let scored = 0;
  return rows.map((row) => ('kind' in row ? row : verdicts[scored++]!));
}

function readRow(line: string): Submission | Extract<Verdict, { kind: 'failed' }> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return notARow('the line is not JSON');
  }
  const row = rowSchema.safeParse(parsed);
  if (!row.success) return notARow(explainIssue(row.error));
  return { groundTruth: row.data.groundTruth, completion: row.data.completion };
}

function notARow(problem: string): Extract<Verdict, { kind: 'failed' }> {
  return {
    kind: 'failed',
    error: { code: 'contract', message: `Cannot read row: ${problem}, expected { groundTruth, completion }` },
  };
}

async function* withoutTrailingBlanks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let blanks = 0;
  for await (const line of lines) {
    if (line.trim() === '') {
      blanks++;
      continue;
    }
    for (; blanks > 0; blanks--) yield '';
    yield line;
  }
}

interface Batch {
  readonly batch: string[];
  /** No further line is there yet. */
  readonly waiting: boolean;
}

async function* batches(lines: AsyncGenerator<string>): AsyncGenerator<Batch> {
  let batch: string[] = [];
  let chars = 0;
  let next = lines.next();
  for (;;) {
    if (batch.length > 0) {
      const idle = await Promise.race([next.then(() => false), pause()]);
      if (idle || batch.length >= BATCH_ROWS || chars >= BATCH_CHARS) {
        yield { batch, waiting: idle };
        batch = [];
        chars = 0;
      }
    }
    const { done, value } = await next;
    if (done === true) break;
    batch.push(value);
    chars += value.length;
    next = lines.next();
  }
  if (batch.length > 0) yield { batch, waiting: false };
}

/** After all that is ready to run has run. */
function pause(): Promise<true> {
  return new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(true))));
}
