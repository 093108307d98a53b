/**
 * Sandboxed processes of one verifier: items in, one answer an item out, whatever becomes of the processes. It knows no verdicts.
 *
 * Invariants: an item is answered `!` for a death only where a process died while it ran alone; a death touches only the items that
 * this process had, and at most one process at a time is busy with those, so that the others go on with the rest; calls take turns.
 */
import { availableParallelism } from 'node:os';
import { type Logger, silentLogger } from '@evenkeel/core';
import { VerifierHostError } from './errors.ts';
import { SandboxCell } from './sandbox-cell.ts';
import type { Death, SandboxLink } from './sandbox-link.ts';
import type { SandboxMethod } from './sandbox-messages.ts';

export interface PoolOptions {
  readonly id: string;
  /** Starts a process; rejects where that cannot be done at all. */
  readonly start: () => Promise<SandboxLink>;
  /** A process that runs already. */
  readonly link?: SandboxLink | null;
  /** Most processes at once. */
  readonly processes?: number;
  readonly logger?: Logger;
}

/** One line per payload, as `Dispatch` gives it. */
export interface PoolAnswers {
  readonly lines: readonly string[];
  /** Items that were asked twice already: they were there when a process died, and another died of them alone. */
  readonly proven: ReadonlySet<number>;
}

const BATCH_ITEMS = 512;
const BATCH_CHARS = 1_000_000;
const BATCH_MS = 100;
/** Batches of a process under way at once: one is being answered while the next is being written. */
const WINDOW = 2;
/** Batches after which a process looks whether there are suspects to be asked. */
const TURN_BATCHES = 8;
/** Another process is started where work waits for so long, or there is so much of it. */
const GROW_MS = 100;
const GROW_ITEMS = 4096;
const IDLE_MS = 10_000;
/** Items that killed alone, and the characters of one: longer ones are asked again. */
const REMEMBERED = 1024;
const LONGEST_REMEMBERED = 16_384;

/** Items that were asked for together. */
interface Call {
  readonly method: SandboxMethod;
  readonly payloads: readonly string[];
  readonly maxChars: number;
  readonly lines: string[];
  readonly proven: Set<number>;
  left: number;
  readonly settle: (answers: PoolAnswers) => void;
  readonly fail: (error: unknown) => void;
}

/** A stretch of a call's items. */
interface Stretch {
  readonly call: Call;
  from: number;
  readonly to: number;
}

interface Again {
  readonly method: SandboxMethod;
  readonly payload: string;
  readonly maxChars: number;
  readonly settle: (line: string) => void;
  readonly fail: (error: unknown) => void;
}

/** For those who are not told how many: one process for each core, at most four, beyond which the host itself is the slower part. */
export function usualProcesses(): number {
  return Math.min(4, availableParallelism());
}

export class VerifierPool {
  /** Processes that died, and processes in place of those. */
  kills = 0;
  restarts = 0;
  readonly #options: PoolOptions;
  readonly #most: number;
  readonly #logger: Logger;
  readonly #cells = new Set<SandboxCell>();
  readonly #idle = new Map<SandboxCell, NodeJS.Timeout | null>();
  readonly #calls = new Set<Call>();
  /** Not sent yet, in turns. */
  #waiting: Stretch[] = [];
  #waitingItems = 0;
  /** Sent to a process that died: one list for each death. */
  #suspects: Stretch[][] = [];
  #again: Again[] = [];
  #questioning = false;
  #questionsNext = true;
  #growing: NodeJS.Timeout | null = null;
  #itemMs = 0;
  /** Answers to what killed when it ran alone, oldest first: it is not asked again. */
  readonly #killers = new Map<string, string>();
  /** Answers to what ran out of time, oldest first: its like is asked again only alone. */
  readonly #slow = new Map<string, string>();
  /** Items to be asked alone, by payload: the same item waits for the same answer. */
  readonly #alone = new Map<string, Promise<string>>();
  #closing: Promise<void> | null = null;
  #open = 0;
  #whenQuiet: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#most = Math.max(1, options.processes ?? 1);
    this.#logger = options.logger ?? silentLogger;
    this.#addCell(options.link ?? null);
  }

  /** The processes that are running, for those who watch them. */
  get pids(): readonly number[] {
    return [...this.#cells].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /**
   * One answer per payload, in order.
   *
   * @throws {VerifierHostError} `verifier-start` (retryable) if no process can be kept running at all; `verifier-closed`
   */
  ask(method: SandboxMethod, payloads: readonly string[], maxChars: number): Promise<PoolAnswers> {
    if (payloads.length === 0) return Promise.resolve({ lines: [], proven: new Set() });
    return this.#enter((settle, fail) => {
      const count = payloads.length;
      const call: Call = {
        method,
        payloads,
        maxChars,
        lines: new Array<string>(count),
        proven: new Set(),
        left: count,
        settle,
        fail,
      };
      this.#calls.add(call);
      this.#waiting.push({ call, from: 0, to: count });
      this.#waitingItems += count;
    });
  }

  /** The answer to one item alone, in a process that was not asked anything before. */
  askAlone(method: SandboxMethod, payload: string, maxChars: number): Promise<string> {
    const asked = this.#alone.get(payload);
    if (asked !== undefined) return asked;
    const asking = this.#enter<string>((settle, fail) => {
      this.#again.push({ method, payload, maxChars, settle, fail });
    }).finally(() => this.#alone.delete(payload));
    this.#alone.set(payload, asking);
    return asking;
  }

  /** Ends the processes, after what was asked before. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((quiet) => this.#whenQuiet.push(quiet));
    if (this.#growing !== null) clearTimeout(this.#growing);
    for (const timer of this.#idle.values()) if (timer !== null) clearTimeout(timer);
    await Promise.all([...this.#cells].map((cell) => cell.close()));
    this.#cells.clear();
  }

  async #enter<T>(begin: (settle: (value: T) => void, fail: (error: unknown) => void) => void): Promise<T> {
    if (this.#closing !== null) {
      throw new VerifierHostError(
        `Cannot ask verifier "${this.#options.id}": its sandbox is closed, expected an open one`,
        { code: 'verifier-closed' },
      );
    }
    this.#open++;
    try {
      return await new Promise<T>((settle, fail) => {
        begin(settle, fail);
        this.#wake();
      });
    } finally {
      if (--this.#open === 0) for (const quiet of this.#whenQuiet.splice(0)) quiet();
    }
  }

  #addCell(link: SandboxLink | null): SandboxCell {
    const cell = new SandboxCell({
      link,
      start: this.#options.start,
      died: (death) => this.#mourn(death),
      restarted: () => {
        this.restarts++;
      },
    });
    this.#cells.add(cell);
    this.#rest(cell);
    return cell;
  }

  /** A process beyond the first ends when it has had nothing to do for a while. */
  #rest(cell: SandboxCell): void {
    const timer = setTimeout(() => {
      if (this.#cells.size === 1) return;
      this.#idle.delete(cell);
      this.#cells.delete(cell);
      void cell.close();
    }, IDLE_MS);
    timer.unref();
    this.#idle.set(cell, timer);
  }

  #mourn(death: Death): void {
    this.kills++;
    // A verifier that dies again and again does not fill the log.
    if ((this.kills & (this.kills - 1)) !== 0) return;
    this.#logger.warn('Verifier process died: its items are asked again one by one', {
      verifier: this.#options.id,
      code: death.code,
      message: death.message,
      deaths: this.kills,
    });
  }

  #wake(): void {
    for (const [cell, timer] of this.#idle) {
      if (!this.#hasWork()) return;
      if (timer !== null) clearTimeout(timer);
      this.#idle.delete(cell);
      void this.#work(cell);
    }
    this.#grow();
  }

  #hasQuestions(): boolean {
    return !this.#questioning && this.#suspects.length + this.#again.length > 0;
  }

  #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#hasQuestions();
  }

  /** Starts another process where what is there does not do. */
  #grow(): void {
    if (this.#growing !== null || this.#cells.size >= this.#most || !this.#hasWork()) return;
    const delayMs = this.#waitingItems > GROW_ITEMS ? 0 : GROW_MS;
    this.#growing = setTimeout(() => {
      this.#growing = null;
      if (this.#closing !== null && this.#open === 0) return;
      if (this.#hasWork() && this.#cells.size < this.#most) this.#addCell(null);
      this.#wake();
    }, delayMs);
  }

  async #work(cell: SandboxCell): Promise<void> {
    try {
      // Not within the call that brought the work.
      await null;
      while (this.#hasWork()) {
        const questions = this.#hasQuestions() && (this.#questionsNext || this.#waiting.length === 0);
        this.#questionsNext = !questions;
        if (questions) await this.#question(cell);
        else await this.#stream(cell);
      }
      this.#rest(cell);
    } catch (error) {
      this.#giveUp(cell, error);
    }
  }

  /** A process cannot be started: the others go on without it; where there is none, nothing can. */
  #giveUp(cell: SandboxCell, error: unknown): void {
    if (this.#cells.size > 1) {
      this.#cells.delete(cell);
      this.#wake();
      this.#logger.warn('Verifier process did not start: the others go on without it', { verifier: this.#options.id });
      return;
    }
    for (const call of this.#calls) call.fail(error);
    for (const { fail } of this.#again) fail(error);
    this.#calls.clear();
    this.#waiting = [];
    this.#waitingItems = 0;
    this.#suspects = [];
    this.#again = [];
    this.#rest(cell);
  }

  /** Batch after batch, until none is left, or there is a death: then those that were sent and not answered are suspects. */
  async #stream(cell: SandboxCell): Promise<void> {
    const link = await cell.living();
    const underWay: {
      readonly stretches: Stretch[];
      readonly items: number;
      readonly outcome: ReturnType<SandboxCell['run']>;
    }[] = [];
    for (let sent = 0; ; ) {
      while (underWay.length < WINDOW && !(sent >= TURN_BATCHES && this.#hasQuestions())) {
        const stretches = this.#nextBatch();
        if (stretches.length === 0) break;
        const { method, maxChars } = stretches[0]!.call;
        const payloads = stretches.flatMap(({ call, from, to }) => call.payloads.slice(from, to));
        underWay.push({ stretches, items: payloads.length, outcome: cell.run(link, method, payloads, { maxChars }) });
        sent++;
      }
      const first = underWay.shift();
      if (first === undefined) return;
      const startedAt = performance.now();
      const { answers, death } = await first.outcome;
      this.#itemMs = 0.8 * this.#itemMs + (0.2 * (performance.now() - startedAt)) / first.items;
      const unanswered = this.#accept(first.stretches, answers);
      if (death !== null) {
        this.#suspects.push([...unanswered, ...underWay.flatMap(({ stretches }) => stretches)]);
        this.#wake();
        return;
      }
    }
  }

  /** What goes into one frame: items of the same kind, of several calls where one does not fill it. */
  #nextBatch(): Stretch[] {
    const share = Math.ceil(this.#waitingItems / (WINDOW * this.#most));
    const quick = this.#itemMs === 0 ? BATCH_ITEMS : Math.ceil(BATCH_MS / this.#itemMs);
    const most = Math.min(BATCH_ITEMS, quick, Math.max(8, share));
    const batch: Stretch[] = [];
    let items = 0;
    let chars = 0;
    for (let next = this.#waiting[0]; next !== undefined && items < most; next = this.#waiting[0]) {
      const { call, from } = next;
      const kind = batch[0]?.call ?? call;
      if (call.method !== kind.method || call.maxChars !== kind.maxChars) break;
      if (this.#answerKnown(call, from)) {
        this.#waitingItems--;
        if (++next.from === next.to) this.#waiting.shift();
        continue;
      }
      let to = from;
      for (; to < next.to && items < most; to++, items++) {
        if (this.#isKnown(call.payloads[to]!)) break;
        chars += call.payloads[to]!.length;
        if (items > 0 && chars > BATCH_CHARS) break;
      }
      if (to === from) break;
      batch.push({ call, from, to });
      this.#waiting.shift();
      if (to < next.to) {
        // The next batch is somebody else's turn.
        next.from = to;
        this.#waiting.push(next);
        break;
      }
    }
    this.#waitingItems -= items;
    return batch;
  }

  #isKnown(payload: string): boolean {
    if (this.#killers.size + this.#slow.size === 0) return false;
    return this.#killers.has(payload) || this.#slow.has(payload);
  }

  /** Answers an item whose like has killed or run out of time before; false where there was none. */
  #answerKnown(call: Call, at: number): boolean {
    const payload = call.payloads[at]!;
    if (!this.#isKnown(payload)) return false;
    const killed = this.#killers.get(payload);
    if (killed !== undefined) call.proven.add(at);
    this.#accept([{ call, from: at, to: at + 1 }], [killed ?? this.#slow.get(payload)!]);
    return true;
  }

  /** Hands answers to their calls; returns what is left without. */
  #accept(stretches: readonly Stretch[], answers: readonly string[]): Stretch[] {
    let given = 0;
    const unanswered: Stretch[] = [];
    for (const { call, from, to } of stretches) {
      const until = Math.min(to, from + answers.length - given);
      for (let at = from; at < until; at++) {
        const line = answers[given++]!;
        call.lines[at] = line;
        if (isOutOfTime(line)) remember(this.#slow, call.payloads[at]!, line);
      }
      call.left -= until - from;
      if (call.left === 0) this.#settle(call);
      if (until < to) unanswered.push({ call, from: until, to });
    }
    return unanswered;
  }

  #settle(call: Call): void {
    this.#calls.delete(call);
    call.settle({ lines: call.lines, proven: call.proven });
  }

  /** What must be asked alone: suspects of one death, or one item that is asked again. */
  async #question(cell: SandboxCell): Promise<void> {
    this.#questioning = true;
    try {
      const suspects = this.#suspects.shift();
      if (suspects !== undefined) await this.#interrogate(cell, suspects);
      else await this.#askAgain(cell, this.#again.shift()!);
    } finally {
      this.#questioning = false;
    }
  }

  /** One at a time until one kills; those after it are asked as before. */
  async #interrogate(cell: SandboxCell, suspects: Stretch[]): Promise<void> {
    for (let suspect = suspects[0]; suspect !== undefined; suspect = suspects[0]) {
      const { call, from: at } = suspect;
      if (this.#answerKnown(call, at)) {
        if (++suspect.from === suspect.to) suspects.shift();
        continue;
      }
      let asked: Asked;
      try {
        asked = await askOne(cell, () => cell.living(), call, call.payloads[at]!);
      } catch (error) {
        this.#suspects.unshift(suspects);
        throw error;
      }
      if (asked.killed) {
        call.proven.add(at);
        remember(this.#killers, call.payloads[at]!, asked.line);
      }
      this.#accept([{ call, from: at, to: at + 1 }], [asked.line]);
      if (++suspect.from === suspect.to) suspects.shift();
      if (asked.killed) {
        this.#waiting.unshift(...suspects);
        for (const { from, to } of suspects) this.#waitingItems += to - from;
        return;
      }
    }
  }

  async #askAgain(cell: SandboxCell, again: Again): Promise<void> {
    try {
      const { line } = await askOne(cell, () => cell.fresh(), again, again.payload);
      if (!isOutOfTime(line)) this.#slow.delete(again.payload);
      again.settle(line);
    } catch (error) {
      this.#again.unshift(again);
      throw error;
    }
  }
}

function isOutOfTime(line: string): boolean {
  return line.startsWith('!{"code":"timeout"');
}

function remember(answers: Map<string, string>, payload: string, line: string): void {
  if (payload.length > LONGEST_REMEMBERED) return;
  answers.set(payload, line);
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value!);
}

interface Asked {
  readonly line: string;
  readonly killed: boolean;
}

/**
 * A death without a known reason (somebody else's signal, say) is believed the second time; so is one for memory in a process that
 * was asked something before, which may hold what another item left.
 */
async function askOne(
  cell: SandboxCell,
  process: () => Promise<SandboxLink>,
  { method, maxChars }: { readonly method: SandboxMethod; readonly maxChars: number },
  payload: string,
): Promise<Asked> {
  for (let attempt = 1; ; attempt++) {
    const link = await process();
    const { fresh } = link;
    const { answers, death } = await cell.run(link, method, [payload], { maxChars, single: true });
    if (death === null) return { line: answers[0]!, killed: false };
    if ((death.found && (fresh || death.code !== 'memory')) || attempt === 2) {
      return { line: `!${JSON.stringify({ code: death.code, message: death.message })}`, killed: true };
    }
  }
}
