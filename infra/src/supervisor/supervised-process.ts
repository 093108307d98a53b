/**
 * One process that is kept alive: started, listened to over its channel, started anew when it dies. What the processes do, and which
 * one it is, it does not know.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookIntervalMs, Silence } from '@evenkeel/protocol';
import { FULL_DISK_DELAY_MS, isDiskFull } from '../disk-watch.ts';
import { createBackoff } from '../process/backoff.ts';
import { childMessageSchema, ping } from '../process/child-channel.ts';
import { lastLines, logBytes, openLog } from '../process/log-file.ts';
import { identifyProcess, signalGroup } from '../process/process-identity.ts';
import type { ProcessList } from './process-list.ts';

export type ProcessRole = 'rollout' | 'trainer' | 'verifier' | 'workflow';

/** A process that the supervisor keeps alive. */
export interface ProcessSpec {
  /** Unique among the home's processes; names its log. */
  readonly name: string;
  readonly role: ProcessRole;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; default: the supervisor's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export type ProcessState = 'starting' | 'up' | 'backing-off' | 'gave-up' | 'stopped';

/** How one process is. */
export interface ProcessStatus {
  readonly name: string;
  readonly role: ProcessRole | 'temporal';
  readonly pid: number | null;
  readonly state: ProcessState;
  /** Where it takes connections; null where it takes none, or not yet. */
  readonly url: string | null;
  /** How often it was started again. */
  readonly restarts: number;
}

/** What happens to the processes of a home. */
export type SupervisorEvent =
  | { readonly kind: 'started'; readonly name: string; readonly role: ProcessStatus['role']; readonly pid: number }
  | { readonly kind: 'up'; readonly name: string; readonly role: ProcessStatus['role']; readonly url: string | null }
  | {
      readonly kind: 'died';
      readonly name: string;
      readonly role: ProcessStatus['role'];
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly restartInMs: number;
    }
  | {
      readonly kind: 'gave-up';
      readonly name: string;
      readonly role: ProcessStatus['role'];
      readonly lastLines: readonly string[];
    }
  /** It did not answer for so long, and is killed. */
  | {
      readonly kind: 'hung';
      readonly name: string;
      readonly role: ProcessStatus['role'];
      readonly pid: number;
      readonly silentMs: number;
    }
  | { readonly kind: 'message'; readonly name: string; readonly message: unknown };

/** A process with what keeps it alive. */
export interface SupervisedProcess {
  status(): ProcessStatus;
  start(): void;
  /** Ends it once more than the usual way: it is started again at once. */
  restart(): void;
  kill(signal: NodeJS.Signals): void;
  /** The machine is about to be taken away: where it now ends in good order, it is not started again. */
  notice(): void;
  /** Lets it end what is under way; it is not started again. */
  drain(): void;
  /** Ends it for good, and at once: what is under way is lost. */
  stop(graceMs: number): Promise<void>;
}

export interface SuperviseOptions {
  readonly home: string;
  readonly list: ProcessList;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** A process that answers nothing for so long is killed. */
  readonly stallMs: number;
}

const LAST_LINES = 12;
/** The least that a process is given to report for the first time: on a busy machine it takes seconds to load. */
const STARTING_MS = 60_000;

export function superviseProcess(
  spec: ProcessSpec,
  { home, list, onEvent, stallMs }: SuperviseOptions,
): SupervisedProcess {
  const { name, role } = spec;
  const logPath = join(home, 'logs', `${name}.log`);
  const backoff = createBackoff();
  let child: ChildProcess | null = null;
  let state: ProcessState = 'stopped';
  let url: string | null = null;
  let restarts = -1;
  let stopping = false;
  let noticed = false;
  let draining = false;
  let timer: NodeJS.Timeout | undefined;

  function start(): void {
    if (stopping || draining || child !== null) return;
    state = 'starting';
    url = null;
    restarts += 1;
    const logFile = openLog(logPath);
    const logFrom = logBytes(logPath);
    const started = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env ?? process.env,
      stdio: ['ignore', logFile, logFile, 'ipc'],
      // A process group of its own: Ctrl-C reaches the supervisor alone, and a signal to the group takes its children along.
      detached: true,
    });
    closeSync(logFile);
    child = started;
    const identity = started.pid === undefined ? null : identifyProcess(started.pid);
    if (identity !== null) {
      list.add(name, identity);
      onEvent({ kind: 'started', name, role, pid: identity.pid });
    }
    const watch = watchSilence(started);
    started.on('message', (message) => {
      receive(message);
      watch.heard();
    });
    let over = false;
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (over) return;
      over = true;
      watch.end();
      if (started.pid !== undefined) signalGroup(started.pid, 'SIGKILL');
      died(code, signal, logFrom);
    };
    started.once('exit', end);
    started.once('error', () => started.pid === undefined && end(null, null));
  }

  /** Liveness is not enough: a stopped process, or one in an endless loop, lives. One ping is under way at a time. */
  function watchSilence(watched: ChildProcess): { heard(): void; end(): void } {
    let silence = new Silence(Math.max(stallMs, STARTING_MS));
    let isUp = false;
    let isAsked = false;
    const looks = setInterval(() => {
      if (silence.look()) {
        clearInterval(looks);
        onEvent({ kind: 'hung', name, role, pid: watched.pid ?? 0, silentMs: silence.boundMs });
        // It works on a stopped process too.
        watched.kill('SIGKILL');
      } else if (isUp && !isAsked && watched.connected) {
        isAsked = true;
        watched.send(ping, () => {});
      }
    }, lookIntervalMs(stallMs));
    return {
      heard() {
        isAsked = false;
        silence.heard();
        if (isUp || state !== 'up') return;
        isUp = true;
        silence = new Silence(stallMs);
      },
      end: () => clearInterval(looks),
    };
  }

  function receive(message: unknown): void {
    const parsed = childMessageSchema.safeParse(message);
    if (parsed.success && parsed.data.kind === 'pong') return;
    if (!parsed.success) {
      onEvent({ kind: 'message', name, message });
      return;
    }
    state = 'up';
    url = parsed.data.kind === 'listening' ? parsed.data.url : null;
    backoff.up(performance.now());
    onEvent({ kind: 'up', name, role, url });
  }

  function died(code: number | null, signal: NodeJS.Signals | null, logFrom: number): void {
    child = null;
    url = null;
    state = 'stopped';
    list.remove(name);
    if (stopping || draining || (noticed && code === 0)) return;
    const delayMs = isDiskFull(home) ? FULL_DISK_DELAY_MS : backoff.died(performance.now());
    if (delayMs === 'gave-up') {
      state = 'gave-up';
      onEvent({ kind: 'gave-up', name, role, lastLines: lastLines(logPath, LAST_LINES, logFrom) });
      return;
    }
    state = 'backing-off';
    onEvent({ kind: 'died', name, role, code, signal, restartInMs: delayMs });
    timer = setTimeout(start, delayMs);
  }

  return {
    start,
    status: () => ({ name, role, pid: child?.pid ?? null, state, url, restarts: Math.max(0, restarts) }),
    restart: () => child !== null && askToEnd(child),
    notice() {
      noticed = true;
    },
    drain() {
      draining = true;
      clearTimeout(timer);
      child?.kill('SIGTERM');
    },
    kill: (signal) => void child?.kill(signal),
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      const last = child;
      if (last === null) {
        if (state !== 'gave-up') state = 'stopped';
        return;
      }
      const exited = new Promise<void>((resolve) => {
        last.once('exit', () => resolve());
        if (last.exitCode !== null || last.signalCode !== null) resolve();
      });
      askToEnd(last);
      await Promise.race([exited, sleep(graceMs, undefined, { ref: false })]);
      if (last.exitCode === null && last.signalCode === null && last.pid !== undefined)
        signalGroup(last.pid, 'SIGKILL');
      await exited;
    },
  };
}

/** The end of its channel tells a child to leave at once; SIGTERM is for one that listens to nothing else. */
function askToEnd(child: ChildProcess): void {
  if (child.connected) child.disconnect();
  child.kill('SIGTERM');
}
