/**
 * Keeps a home within its disk budget while its processes are at work: looks every minute, and collects what no run needs where the home
 * takes more than it may. What a run needs is never touched, budget or not: where that alone is too much, it says so.
 */
import { join } from 'node:path';
import { collectGarbage, type GarbageReport, homeParts, NamedArtefacts } from '@evenkeel/activities';
import type { Logger } from '@evenkeel/core';
import { openFolderStore } from '@evenkeel/store';
import { type Flag, type Invocation, UsageError } from '../command.ts';
import { textFlag, wholeFlag } from '../flag-values.ts';
import { bytesText } from '../view/bytes-text.ts';
import { tidyLogs } from './tidy-logs.ts';

/** What stays of each run where nothing else is said. */
export const retentionDefaults = { keepLast: 10, keepEvery: 0, graceMinutes: 60 } as const;

export const keepFlags: Readonly<Record<'keep-last' | 'keep-every', Flag>> = {
  'keep-last': {
    ...{ type: 'string', value: 'N' },
    help: `the last N states of each run stay (default: ${retentionDefaults.keepLast})`,
  },
  'keep-every': {
    ...{ type: 'string', value: 'M' },
    help: 'the states of every M-th step stay; 0: none for that (default: 0)',
  },
};

export const roomFlags: Readonly<Record<'disk-budget' | keyof typeof keepFlags, Flag>> = {
  'disk-budget': {
    ...{ type: 'string', value: 'SIZE' },
    help: 'what the home may take of the disk before it is tidied, as evenkeel gc does; none: never (default: 20GB)',
  },
  'keep-last': { ...keepFlags['keep-last'], help: `of --disk-budget: ${keepFlags['keep-last'].help}` },
  'keep-every': { ...keepFlags['keep-every'], help: `of --disk-budget: ${keepFlags['keep-every'].help}` },
};

/** How much room a home has, and what of its runs stays beyond what they need. */
export interface Room {
  /** Null: as much as there is. */
  readonly budgetBytes: number | null;
  readonly keepLast: number;
  readonly keepEvery: number;
}

const DEFAULT_BUDGET = '20GB';
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ...{ k: 1e3, m: 1e6, g: 1e9, t: 1e12 },
  ...{ ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 },
};

/**
 * A size of the disk in words: `20GB`, `1.5 TB`, `512MiB`; null for `none`.
 *
 * @throws {UsageError}
 */
export function diskSize(text: string): number | null {
  if (text.trim().toLowerCase() === 'none') return null;
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(|[kmgt]i?)b?$/.exec(text.trim().toLowerCase()) ?? [];
  const bytes = Number(number) * UNITS[unit]!;
  if (number !== '' && bytes > 0) return bytes;
  throw new UsageError(`Cannot read --disk-budget: it is "${text}", expected a size such as 20GB, or none`);
}

/** @throws {UsageError} */
export function keepFrom({ flags }: Pick<Invocation, 'flags'>): Pick<Room, 'keepLast' | 'keepEvery'> {
  return {
    keepLast: wholeFlag(flags, 'keep-last', retentionDefaults.keepLast, 1),
    keepEvery: wholeFlag(flags, 'keep-every', retentionDefaults.keepEvery),
  };
}

/** @throws {UsageError} */
export function roomFrom({ flags }: Pick<Invocation, 'flags'>): Room {
  return { budgetBytes: diskSize(textFlag(flags, 'disk-budget') ?? DEFAULT_BUDGET), ...keepFrom({ flags }) };
}

export interface TidyOptions extends Room {
  readonly home: string;
  readonly log: Logger;
  /** Between two looks. */
  readonly everyMs?: number;
  /** What was used so shortly before stays. */
  readonly graceMs?: number;
}

const EVERY_MS = 60_000;
/**
 * Shorter than that of `evenkeel gc`: what runs under way use is known without it. Longer than what a power cut takes of the history of a
 * run: its last half minute.
 */
const GRACE_MS = 2 * 60_000;
/** A look costs at most this share of the time. */
const LOOK_SHARE = 0.01;
/** Where there was nothing to remove, the next attempt waits. */
const NOTHING_MS = 10 * 60_000;

/** Tidies a home from now on. Never throws: what goes wrong is logged, and tried again. */
export function startTidy(options: TidyOptions): { readonly stop: () => Promise<void> } {
  const { budgetBytes, everyMs = EVERY_MS } = options;
  if (budgetBytes === null) return { stop: async () => {} };
  const stopping = new AbortController();
  const tidy = new Tidy({ ...options, budgetBytes }, stopping.signal);
  let timer: NodeJS.Timeout;
  let looking: Promise<void> = Promise.resolve();
  const wait = (ms: number) => {
    timer = setTimeout(() => {
      looking = tidy.look().then((pauseMs) => {
        if (!stopping.signal.aborted) wait(Math.max(everyMs, pauseMs));
      });
    }, ms);
    timer.unref();
  };
  wait(everyMs);
  return {
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await looking;
    },
  };
}

class Tidy {
  readonly #options: TidyOptions & { readonly budgetBytes: number };
  readonly #signal: AbortSignal;
  #memory: NamedArtefacts | undefined;
  /** What was last said of a home that stays too large. */
  #told = '';

  constructor(options: TidyOptions & { readonly budgetBytes: number }, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Looks once, tidies where it must. @returns how long to wait before the next look, at the least */
  async look(): Promise<number> {
    const { home, log, budgetBytes, everyMs = EVERY_MS } = this.#options;
    const begun = performance.now();
    try {
      await tidyLogs(home);
      const before = await homeBytes(home);
      const waitMs = (performance.now() - begun) / LOOK_SHARE;
      if (before <= budgetBytes || this.#signal.aborted) {
        this.#told = '';
        return waitMs;
      }
      const report = await this.#collect();
      const after = await homeBytes(home);
      const room = `the home takes ${bytesText(after)} of ${bytesText(budgetBytes)}`;
      if (report.goneBytes > 0) log.info(`Made room: removed ${goneText(report)}; ${room}`);
      const damaged = report.runs.flatMap((run) => run.damaged.map(({ file }) => file));
      const kept = `${room}, and what is there is needed, or young: give it more (--disk-budget), keep less (--keep-last), or see evenkeel du`;
      const why =
        damaged.length === 0
          ? kept
          : `${kept}; nothing was removed of the runs of ${damaged.join(', ')}, which cannot be read`;
      if (after > budgetBytes && why !== this.#told && !this.#signal.aborted) log.warn(why);
      this.#told = after > budgetBytes ? why : '';
      // Nothing to be had now: what is young grows old by and by.
      return report.goneBytes === 0 ? Math.max(waitMs, 10 * everyMs, everyMs < EVERY_MS ? 0 : NOTHING_MS) : waitMs;
    } catch (thrown) {
      log.warn(`Cannot tidy ${home}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      return NOTHING_MS;
    }
  }

  async #collect(): Promise<GarbageReport> {
    const { home, keepLast, keepEvery, graceMs = GRACE_MS } = this.#options;
    const store = await openFolderStore(join(home, 'store'));
    try {
      this.#memory ??= new NamedArtefacts(store);
      const memory = this.#memory;
      return await collectGarbage({ home, store, keepLast, keepEvery, graceMs, memory, signal: this.#signal });
    } finally {
      await store.close();
    }
  }
}

/** The installed server is not counted: it is no run's. */
async function homeBytes(home: string): Promise<number> {
  const { tools: _tools, ...parts } = await homeParts(home);
  return Object.values(parts).reduce((sum, { bytes }) => sum + bytes, 0);
}

function goneText({ gone, goneBytes }: GarbageReport): string {
  const largest = Object.entries(gone).sort(([, a], [, b]) => b.bytes - a.bytes);
  const kinds = largest.slice(0, 3).map(([kind, { bytes }]) => `${kind} ${bytesText(bytes)}`);
  return `${bytesText(goneBytes)} (${kinds.join(', ')})`;
}
