/**
 * The host's end of one sandboxed process: starts it, gives it batches, reads answers, watches over it from outside, and tells how
 * it died. It knows no verdicts, and does not start anything again.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse as parsePath } from 'node:path';
import type { VerifierFailure } from '@evenkeel/verifier';
import { encodeFrame, FrameReader } from './frame.ts';
import {
  type BatchHeader,
  type Isolation,
  type LoadOrder,
  readySchema,
  replySchema,
  type SandboxMethod,
} from './sandbox-messages.ts';

/** How a process ended; `found` where it is known what in it was to blame, not only that it is gone. */
export interface Death {
  readonly code: Extract<VerifierFailure['code'], 'timeout' | 'memory' | 'crash' | 'contract'>;
  readonly message: string;
  readonly found: boolean;
}

/** The answers' lines, in order of the payloads; fewer than payloads where the process died. */
export interface BatchOutcome {
  readonly answers: readonly string[];
  readonly death: Death | null;
}

export interface LinkOptions {
  readonly program: string;
  readonly script: string;
  /** `HandedOver` as JSON, where something is granted. */
  readonly context?: string | null | undefined;
  readonly timeMs: number;
  readonly memoryMb: number;
  /**
   * A process that computed for so long without a sign of life is killed; one that did not compute, when there was none for three
   * times as long: on a busy machine it may only have been waiting for its turn. Default: more than an item may take within.
   */
  readonly stallMs?: number | undefined;
  /** For tests alone: `none` leaves out vm2, so that only the process holds. */
  readonly isolation?: Isolation | undefined;
}

interface Pending {
  readonly id: number;
  readonly expected: number;
  readonly maxChars: number;
  readonly answers: string[];
  readonly settle: (outcome: BatchOutcome) => void;
}

/** Time for a verifier's module to load. */
const LOAD_MS = 10_000;
/** What the sandbox itself and a long text in transit need on top of the manifest's memory. */
const HEAP_ALLOWANCE_MB = 48;
const RSS_ALLOWANCE_MB = 96;
/** What is handed over lies in the process as a frame, as an order, as JSON and as the verifier's own, of two bytes a character. */
const CONTEXT_COPIES = 6;
/** A failure's line may be longer than the answer that it stands for was allowed to be. */
const FAILURE_CHARS = 4000;
const WATCH_MS = 50;
/** What does not even compute for so long is not waiting for its turn. */
const PATIENCE_MS = 10_000;
/** Signs of life without an answer: as many as an item has attempts. */
const MOST_SIGNS = 16;
const STDERR_CHARS = 8000;
/** Nothing well says so much there; to read it would cost the host its time. */
const MOST_STDERR_BYTES = 1_000_000;
/** What the runtime may compute by itself, collecting and compiling, while nothing is asked. */
const IDLE_CPU_MS = 1000;
const IDLE_LOOK_TICKS = 10;

/**
 * Runs the program that comes as the first frame: no file has to be readable, not even the program's own. What the permission
 * model leaves open between processes of one user (signals, which also open an inspector, and priorities) is taken away before.
 */
const bootstrap = `
for (const name of ['kill', '_kill', '_debugProcess', '_debugEnd', '_startProfilerIdleNotifier']) delete process[name];
delete require('os').setPriority;
const { readSync } = require('fs');
const read = (bytes) => { const b = Buffer.alloc(bytes); for (let at = 0; at < bytes; ) { const n = readSync(0, b, at, bytes - at, null); if (n === 0) process.exit(0); at += n; } return b; };
const program = read(read(4).readUInt32LE(0)).toString();
new (require('vm').Script)('(function (require) {' + program + '\\n})', { filename: 'sandbox.js' }).runInThisContext()(require);
`;

/**
 * Starts a process and loads the verifier's script in it.
 *
 * @returns the link, and the manifest's line as the verifier gave it; or the death, where it did not come so far
 */
export async function startLink(options: LinkOptions): Promise<SandboxLink | Death> {
  const link = new SandboxLink(options);
  const death = await link.ready;
  return death ?? link;
}

export class SandboxLink {
  readonly ready: Promise<Death | null>;
  /** Settles when the process is gone. */
  readonly gone: Promise<void>;
  readonly pid: number | undefined;
  manifestLine = '';
  #child: ChildProcessWithoutNullStreams;
  #nonce = randomBytes(16).toString('hex');
  #reader = new FrameReader();
  #pending: Pending[] = [];
  #nextId = 0;
  #stderr = '';
  #stderrBytes = 0;
  #death: Death | null = null;
  /** Why this end killed the process. */
  #sentence: Death | null = null;
  #settleReady!: (death: Death | null) => void;
  #isReady = false;
  #watch: NodeJS.Timeout;
  #quietTicks = 0;
  #cpuMsBeforeQuiet = 0;
  #idleTicks = 0;
  #cpuMsBeforeIdle = 0;
  #signs = 0;
  /** Batches that were sent: none, and what the verifier keeps in memory is as it was loaded. */
  #asked = 0;
  #stallMs: number | undefined;
  #timeMs: number;
  #wallMs: number;
  /** Time on the wall that the process gives to what it runs now. */
  #windowMs: number;
  /** Computing time until the verifier was loaded: what it takes at most to load it again. */
  #loadCpuMs = LOAD_MS;
  #cpuMsAtStart: number;
  #rssLimitBytes = Number.POSITIVE_INFINITY;
  /** A long text lies in the process as bytes, as a frame's text and as the verifier's, and is not collected at once. */
  #longestFrameBytes = 0;
  #memoryMb: number;
  #contextMb: number;

  constructor({ program, script, context = null, timeMs, memoryMb, stallMs, isolation = 'vm2' }: LinkOptions) {
    const wallMs = 4 * timeMs + 1000;
    this.#memoryMb = memoryMb;
    this.#contextMb = CONTEXT_COPIES * Math.ceil((context?.length ?? 0) / 1e6);
    this.#stallMs = stallMs;
    this.#timeMs = timeMs;
    this.#wallMs = wallMs;
    this.#windowMs = timeMs;
    this.#child = spawn(
      process.execPath,
      [
        '--permission',
        '--disallow-code-generation-from-strings',
        `--max-old-space-size=${memoryMb + this.#contextMb + HEAP_ALLOWANCE_MB}`,
        '--max-semi-space-size=2',
        '-e',
        bootstrap,
      ],
      {
        // No environment, and a folder to which nobody writes core files.
        env: {},
        cwd: parsePath(process.execPath).root,
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: a signal to its group does not reach the host, nor one from the terminal it, while it has work.
        detached: process.platform !== 'win32',
      },
    );
    this.pid = this.#child.pid;
    this.#cpuMsAtStart = cpuMs(this.pid);
    this.ready = new Promise((settle) => {
      this.#settleReady = settle;
    });
    this.gone = new Promise((settle) => {
      this.#child.once('close', (code, signal) => {
        this.#bury(code, signal);
        settle();
      });
    });
    this.#child.once('error', (error) => this.condemn('crash', `the process did not start: ${error.message}`));
    // A dead process's pipe: told by its end, not by the pipe.
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < STDERR_CHARS) this.#stderr += chunk.toString('latin1').slice(0, STDERR_CHARS);
      this.#stderrBytes += chunk.length;
      if (this.#stderrBytes > MOST_STDERR_BYTES) this.condemn('contract', 'the sandbox floods its error output');
    });
    const order: LoadOrder = { isolation, nonce: this.#nonce, script, context, loadMs: LOAD_MS, timeMs, wallMs };
    this.#child.stdin.write(encodeFrame(program));
    this.#child.stdin.write(encodeFrame(JSON.stringify(order)));
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  /** Sends a batch; it may be sent before the last one is answered. Never rejects. */
  run(
    method: SandboxMethod,
    payloads: readonly string[],
    { maxChars, single = false }: { readonly maxChars: number; readonly single?: boolean },
  ): Promise<BatchOutcome> {
    if (this.#death !== null) return Promise.resolve({ answers: [], death: this.#death });
    this.#asked++;
    const header: BatchHeader = { id: this.#nextId++, method, maxChars, single };
    return new Promise((settle) => {
      if (this.#pending.length === 0) this.#quietTicks = 0;
      this.#idleTicks = 0;
      this.#pending.push({ id: header.id, expected: payloads.length, maxChars, answers: [], settle });
      const frame = encodeFrame([JSON.stringify(header), ...payloads].join('\n'));
      this.#longestFrameBytes = Math.max(this.#longestFrameBytes, frame.length);
      this.#child.stdin.write(frame);
    });
  }

  /** Whether it is still worth asking. */
  get alive(): boolean {
    return this.#death === null && this.#sentence === null;
  }

  /** Whether nothing was asked of it yet. */
  get fresh(): boolean {
    return this.alive && this.#asked === 0;
  }

  /** Lets the process end by itself, and kills it if it does not. */
  async close(): Promise<void> {
    if (this.#death === null) {
      this.#child.stdin.end();
      const patience = setTimeout(() => this.#child.kill('SIGKILL'), 500);
      await this.gone;
      clearTimeout(patience);
    }
  }

  /** Kills the process for a reason. */
  condemn(code: Death['code'], message: string, found = true): void {
    this.#sentence ??= { code, message, found };
    if (!this.#child.kill('SIGKILL') && this.#child.pid === undefined) this.#bury(null, null);
  }

  #receive(chunk: Buffer): void {
    if (this.#sentence !== null) return;
    try {
      for (const frame of this.#reader.push(chunk)) this.#accept(frame);
    } catch (thrown) {
      this.condemn('contract', `the sandbox wrote what is no answer: ${(thrown as Error).message}`);
    }
  }

  #accept(frame: string): void {
    const [head = '', ...lines] = frame.split('\n');
    if (!head.startsWith(this.#nonce)) throw new RangeError('a frame without the nonce');
    const header: unknown = JSON.parse(head.slice(this.#nonce.length));
    if (!this.#isReady) {
      const { rssBytes } = readySchema.parse(header);
      this.#rssLimitBytes = rssBytes + (this.#memoryMb + this.#contextMb + RSS_ALLOWANCE_MB) * 1024 * 1024;
      this.#isReady = true;
      this.#loadCpuMs = cpuMs(this.pid) - this.#cpuMsAtStart;
      this.manifestLine = lines[0] ?? '';
      this.#settleReady(null);
      return;
    }
    const { id, from, count, windowMs } = replySchema.parse(header);
    const batch = this.#pending[0];
    if (batch?.id !== id || batch.answers.length !== from || lines.length !== count || from + count > batch.expected) {
      throw new RangeError('a frame that was not asked for');
    }
    // The program in the process looks at this too; but whoever got out of vm2 may be the program.
    if (lines.some((line) => line.length > batch.maxChars + FAILURE_CHARS)) {
      throw new RangeError(`an answer of more than ${batch.maxChars} characters`);
    }
    // A whole frame: single bytes are no sign of life, they could be sent for ever.
    this.#quietTicks = 0;
    if (count === 0 && ++this.#signs > MOST_SIGNS) throw new RangeError('signs of life without an answer');
    if (count > 0) this.#signs = 0;
    this.#windowMs = Math.min(windowMs ?? this.#timeMs, this.#wallMs);
    for (const line of lines) batch.answers.push(line);
    if (batch.answers.length === batch.expected) {
      this.#pending.shift();
      batch.settle({ answers: batch.answers, death: null });
    }
  }

  /** Counts its own ticks, not the clock: where the host itself was busy, answers lie unread and nobody is late. */
  #look(): void {
    if (this.#isReady && this.#pending.length === 0) {
      this.#lookAtIdle();
      return;
    }
    if (this.#quietTicks++ === 0) this.#cpuMsBeforeQuiet = cpuMs(this.pid);
    const quietMs = this.#quietTicks * WATCH_MS;
    const stallMs = this.#stallMs ?? this.#mostComputingMs();
    const computed = quietMs > stallMs / 2 && cpuMs(this.pid) - this.#cpuMsBeforeQuiet >= stallMs;
    if (computed || quietMs > (this.#stallMs === undefined ? this.#mostWaitingMs() : 3 * this.#stallMs)) {
      this.condemn('timeout', 'no answer, and not to be interrupted from within: killed by the watchdog');
    } else if (residentBytes(this.pid) > this.#rssLimitBytes + 4 * this.#longestFrameBytes) {
      this.condemn('memory', `more than ${this.#memoryMb} MB of memory: killed by the watchdog`);
    }
  }

  /** Nothing is asked of it: it should wait for its input. Told only where the system tells computing time by process. */
  #lookAtIdle(): void {
    if (process.platform !== 'linux' || this.#idleTicks++ % IDLE_LOOK_TICKS !== 0) return;
    const spentMs = cpuMs(this.pid);
    if (this.#idleTicks === 1) this.#cpuMsBeforeIdle = spentMs;
    if (spentMs - this.#cpuMsBeforeIdle > IDLE_CPU_MS) {
      this.condemn('contract', 'the sandbox computes while nothing is asked of it');
    } else if (residentBytes(this.pid) > this.#rssLimitBytes + 4 * this.#longestFrameBytes) {
      this.condemn('memory', `more than ${this.#memoryMb} MB of memory: killed by the watchdog`);
    }
  }

  /**
   * More computing than a process does that is well between two signs of life: an item that is stopped after its window, what the
   * runtime does beside it, a verifier that is loaded again, and frames that are read.
   */
  #mostComputingMs(): number {
    const readingMs = this.#longestFrameBytes / 50_000;
    return 2 * this.#windowMs + 2 * this.#loadCpuMs + readingMs + 250;
  }

  /** Longer than a process that does not compute waits for its turn, or to load the verifier, on a busy machine. */
  #mostWaitingMs(): number {
    return 2 * this.#windowMs + (this.#isReady ? PATIENCE_MS : 3 * LOAD_MS);
  }

  #bury(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#death !== null) return;
    clearInterval(this.#watch);
    const outOfMemory = /heap out of memory|Reached heap limit|allocation failed|Array buffer allocation/i.test(
      this.#stderr,
    );
    const death: Death =
      this.#sentence ??
      (outOfMemory
        ? { code: 'memory', message: `more than ${this.#memoryMb} MB of memory`, found: true }
        : { code: 'crash', message: describeEnd(code, signal, this.#stderr), found: false });
    this.#death = death;
    this.#settleReady(death);
    for (const { answers, settle } of this.#pending.splice(0)) settle({ answers, death });
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  // It goes into logs and onto terminals: no control characters, which latin1 has two ranges of.
  const said = stderr
    .split('\n')
    .find((line) => /Error|Fatal/.test(line))
    ?.replace(/\p{Cc}/gu, ' ');
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return `the process ended with ${how}${said === undefined ? '' : `: ${said.trim().slice(0, 300)}`}`;
}

/** Computing time that a process has used, where the system tells it in a file; the clock elsewhere. */
function cpuMs(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return process.uptime() * 1000;
  try {
    // Behind the name in parentheses, which may hold anything: state, then utime and stime as the 12th and 13th, in 1/100 s.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

/** Resident memory of a process where the system tells it in a file; 0 elsewhere, where only the heap's own limit holds. */
function residentBytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}
