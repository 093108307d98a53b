/** Reading the work journal: JSON lines, of which a kill may have cut off the last one of each file. */
import { z } from 'zod';
import { StoreError } from './errors.ts';
import type { JournalEvent, ListedCommit } from './store.ts';

const eventSchema = z.strictObject({
  key: z.string(),
  kind: z.enum(['started', 'committed', 'found']),
  worker: z.string(),
  pid: z.number().int(),
  at: z.number(),
});

/**
 * The events of one journal file.
 *
 * @throws {StoreError} `journal-corrupt` where a line that is not the last is no event
 */
export function parseJournal(path: string, text: string): JournalEvent[] {
  const lines = text.split('\n');
  // What stands after the last line feed was being written when its process died.
  const cut = lines.pop();
  if (cut === undefined) return [];
  return lines.map((line, index) => {
    const event = parseJournalLine(line);
    if (event !== null) return event;
    throw new StoreError(
      `Cannot read journal ${path}: line ${index + 1} is no event, expected one JSON object a line; evenkeel check --repair takes it out`,
      { code: 'journal-corrupt' },
    );
  });
}

/** One line; null where it is no event. */
export function parseJournalLine(line: string): JournalEvent | null {
  try {
    return eventSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/** File systems stamp with the kernel's coarse clock, which is up to a tick of 100 Hz behind the clock of the events. */
const CLOCK_TICK_MS = 10;

/**
 * The events that must not be: work that was started on a key after its commit. Empty, or the promise "committed, never
 * repeated" is broken. A commit is known by its file's time, and by its own event where its worker lived to write it.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * import { repeatedWork } from '@evenkeel/store';
 *
 * const event = { key: 'a', worker: 'w', pid: 1 };
 * const events = [{ ...event, kind: 'started', at: 1 }, { ...event, kind: 'started', at: 30 }] as const;
 * equal(repeatedWork(events, [{ key: 'a', committedAt: 2 }]).length, 1);
 * ```
 */
export function repeatedWork(
  events: readonly JournalEvent[],
  commits: readonly Pick<ListedCommit, 'key' | 'committedAt'>[],
): JournalEvent[] {
  const committedAt = new Map(commits.map((commit) => [commit.key, commit.committedAt + CLOCK_TICK_MS]));
  for (const { key, kind, at } of events) {
    if (kind === 'committed') committedAt.set(key, Math.min(at, committedAt.get(key) ?? Infinity));
  }
  return events.filter((event) => event.kind === 'started' && event.at > (committedAt.get(event.key) ?? Infinity));
}
