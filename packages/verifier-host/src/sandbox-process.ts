/**
 * The program of the sandboxed process: started under the permission model with no grants and an empty environment, it reads
 * frames from its standard input and answers on its standard output, and ends at the end of its input. The verifier's script
 * runs in vm2 inside it; only strings cross. Everything is synchronous: there is no event loop in which something could go on
 * after a call, and nothing here reads a file.
 *
 * Frames in: first the load order (JSON), then batches: a line of JSON (`BatchHeader`), then one payload a line.
 * Frames out: the nonce, a line of JSON (`ReplyHeader`), then one answer a line (`=` value, `!` failure or `?` request, as JSON).
 *
 * The time limit is on the thread's CPU time, so that a busy machine makes no timeouts; the clock on the wall only stops what
 * uses no CPU. The watchdog for what cannot be stopped from within is in the host's process.
 */
import { Buffer } from 'node:buffer';
import { readSync, writeSync } from 'node:fs';
import { createContext, Script } from 'node:vm';
import { VM, VMScript } from 'vm2';
import { encodeFrame } from './frame.ts';
import type { BatchHeader, LoadOrder, ReplyHeader } from './sandbox-messages.ts';
import { stripRealm } from './strip-realm.ts';
import type { Dispatch } from './vm-driver.ts';

// Taken before the realm is stripped.
const { memoryUsage, threadCpuUsage } = process;
const clock = performance;
const FLUSH_MS = 20;
/** Items run on end before the clock is looked at: few enough that a death has few suspects. */
const STRETCH_MS = 50;
/** Items that ran out of time, and the characters of one: their like is not run again in this process. */
const REMEMBERED = 256;
const LONGEST_REMEMBERED = 16_384;
const MANIFEST_CHARS = 65_536;

/** Runs a function, ended by the runtime after so many milliseconds: vm2's own way, without its recompilation. */
const timed = new Script('run()', { filename: 'timed.js' });
const timedContext = createContext({ run: null });

/** @returns false if the time was over before the function was done */
function within(timeoutMs: number, run: () => void): boolean {
  timedContext.run = run;
  try {
    timed.runInContext(timedContext, { timeout: timeoutMs, displayErrors: false });
    return true;
  } catch (thrown) {
    if ((thrown as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw thrown;
  } finally {
    timedContext.run = null;
  }
}

function readExactly(buffer: Buffer): boolean {
  for (let at = 0; at < buffer.length; ) {
    const read = readSync(0, buffer, at, buffer.length - at, null);
    if (read === 0) return false;
    at += read;
  }
  return true;
}

const header = Buffer.alloc(4);

/** The next frame's text; null at the end of the input. */
function readFrame(): string | null {
  if (!readExactly(header)) return null;
  const body = Buffer.allocUnsafe(header.readUInt32LE(0));
  return readExactly(body) ? body.toString('utf8') : null;
}

function writeFrame(text: string): void {
  const frame = encodeFrame(text);
  for (let at = 0; at < frame.length; ) at += writeSync(1, frame, at, frame.length - at);
}

function failure(code: string, message: string): string {
  return `!${JSON.stringify({ code, message })}`;
}

function loaderOf({ isolation, script }: LoadOrder): () => unknown {
  if (isolation !== 'vm2') {
    const bare = new Script(script, { filename: 'verifier.js' });
    return () => bare.runInThisContext();
  }
  const compiled = new VMScript(script, 'verifier.js');
  return () => new VM({ allowAsync: false, eval: false, wasm: false }).run(compiled);
}

/** One verifier in its virtual machine, made anew after each interruption: what was stopped half-way is not used again. */
class Machine {
  #load: () => unknown;
  #loadMs: number;
  #context: string | null;
  #dispatch: Dispatch | null = null;
  readonly #outOfTime = new Map<string, string>();

  constructor(order: LoadOrder) {
    this.#load = loaderOf(order);
    this.#loadMs = order.loadMs;
    this.#context = order.context;
    this.renew();
  }

  renew(): void {
    this.#dispatch = null;
    const done = within(this.#loadMs, () => {
      this.#dispatch = this.#load() as Dispatch;
      if (this.#context !== null) this.#dispatch('context', this.#context);
    });
    if (!done || typeof this.#dispatch !== 'function') {
      throw new Error(`the verifier's module did not load within ${this.#loadMs} ms`);
    }
  }

  /** The failure of an item whose like ran out of time before. */
  outOfTime(payload: string): string | undefined {
    return this.#outOfTime.size === 0 ? undefined : this.#outOfTime.get(payload);
  }

  rememberOutOfTime(payload: string, line: string): void {
    if (payload.length <= LONGEST_REMEMBERED && this.#outOfTime.size < REMEMBERED) this.#outOfTime.set(payload, line);
  }

  /** The answer's line. What is thrown out of the driver (there is no such thing but a full stack) is not looked at. */
  answer(method: string, payload: string, maxChars: number): string {
    let answer: unknown;
    try {
      answer = this.#dispatch!(method, payload);
    } catch {
      return failure('crash', 'the verifier broke out of its call');
    }
    if (typeof answer !== 'string' || answer.includes('\n')) return failure('contract', 'the answer is not one line');
    if (answer.length > maxChars) {
      return failure('contract', `the answer has ${answer.length} characters, expected at most ${maxChars}`);
    }
    return answer;
  }
}

function runBatch(machine: Machine, order: LoadOrder, text: string): void {
  const lines = text.split('\n');
  const batch = JSON.parse(lines[0]!) as BatchHeader;
  const count = lines.length - 1;
  const stretchMs = batch.single ? 0 : Math.min(STRETCH_MS, Math.ceil(order.timeMs / 8));
  let answers: string[] = [];
  let next = 0;
  let flushedAt = clock.now();
  let wallMs = order.timeMs;
  const reply = (header: ReplyHeader): void => {
    writeFrame([order.nonce + JSON.stringify(header), ...answers].join('\n'));
    answers = [];
    flushedAt = clock.now();
  };
  const flush = (): void => reply({ id: batch.id, from: next - answers.length, count: answers.length });
  while (next < count) {
    const first = next;
    const answered = answers.length;
    const cpuBefore = threadCpuUsage();
    const startedAt = clock.now();
    let answeredAt = startedAt;
    const done = within(wallMs + stretchMs, () => {
      do {
        const payload = lines[++next]!;
        answers.push(machine.outOfTime(payload) ?? machine.answer(batch.method, payload, batch.maxChars));
        answeredAt = clock.now();
      } while (next < count && answeredAt - startedAt < stretchMs);
    });
    next = first + answers.length - answered;
    if (done) {
      wallMs = order.timeMs;
    } else {
      // Only what had the whole of its own time is found guilty: the thread's, less all that others before it may have had of it.
      const cpu = threadCpuUsage(cpuBefore);
      const cpuMs = (cpu.user + cpu.system) / 1000 - (answeredAt - startedAt);
      if (cpuMs >= order.timeMs * 0.95 || (next === first && wallMs >= order.wallMs)) {
        const guilty = failure('timeout', `no answer within ${order.timeMs} ms of computing time`);
        answers.push(guilty);
        machine.rememberOutOfTime(lines[++next]!, guilty);
        wallMs = order.timeMs;
      } else if (next === first) {
        wallMs = Math.min(wallMs * 2, order.wallMs);
      }
      machine.renew();
      if (next < count) {
        // Who watches from outside need not wait as long as all attempts of an item may take together.
        if (answers.length > 0) flush();
        reply({ id: batch.id, from: next, count: 0, windowMs: wallMs + stretchMs });
      }
    }
    if (answers.length > 0 && (next === count || clock.now() - flushedAt > FLUSH_MS)) flush();
  }
}

/** What the verifier's module threw, as far as it lets itself be read. */
function describe(thrown: unknown): string {
  try {
    return String((thrown as { message?: unknown } | null)?.message).slice(0, 300);
  } catch {
    return 'threw something that cannot be described';
  }
}

function main(): void {
  const loadText = readFrame();
  if (loadText === null) return;
  const order = JSON.parse(loadText) as LoadOrder;
  const ready = order.nonce + JSON.stringify({ rssBytes: memoryUsage.rss() });
  // No memory that several buffers share: whoever gets hold of one sees nothing of another.
  Buffer.poolSize = 0;
  if (order.isolation !== 'bare') stripRealm();
  let machine: Machine;
  try {
    machine = new Machine(order);
  } catch (thrown) {
    writeFrame(`${ready}\n${failure('crash', describe(thrown))}`);
    return;
  }
  writeFrame(`${ready}\n${machine.answer('manifest', 'null', MANIFEST_CHARS)}`);
  for (let frame = readFrame(); frame !== null; frame = readFrame()) runBatch(machine, order, frame);
}

main();
