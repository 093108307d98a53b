/** `<home>/runs/<run>/paused.json`: why a run paused by itself, for those who ask while nothing works on the home. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder, writeRunRecord } from '@evenkeel/activities';
import { EvenkeelError } from '@evenkeel/core';
import { z } from 'zod';

const pauseReasonSchema = z.object({
  /** Of the error that the step ended with. */
  code: z.string(),
  message: z.string(),
  /** Steps that were done. */
  step: z.number().int().nonnegative(),
});
export type PauseReason = z.infer<typeof pauseReasonSchema>;

/** Null where the run did not pause by itself, or goes on since. */
export async function readPauseReason(home: string, run: string): Promise<PauseReason | null> {
  try {
    const text = await readFile(join(runFolder(home, run), 'paused.json'), 'utf8');
    return pauseReasonSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

export async function writePauseReason(home: string, run: string, reason: PauseReason): Promise<void> {
  await writeRunRecord(home, run, 'paused.json', reason);
}

export async function clearPauseReason(home: string, run: string): Promise<void> {
  await rm(join(runFolder(home, run), 'paused.json'), { force: true });
}

/** A run that waits for a person: said by `train`, which has nothing more to wait for. */
export function runPausedError(run: string, { code, message, step }: PauseReason): EvenkeelError {
  return new EvenkeelError(
    `Cannot go on with run "${run}": it is paused after step ${step}: ${message} (${code}); expected that mended: then evenkeel train --run ${run} tries again; or end it with what it has: evenkeel train --run ${run} --stop; or go back: evenkeel rollback ${run} --to STEP`,
    { code: 'run-paused' },
  );
}
