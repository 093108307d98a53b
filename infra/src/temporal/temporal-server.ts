/**
 * The Temporal development server of one home: its SQLite file lies at `<home>/temporal/temporal.db`, its ports are the same as last
 * time where they are free. It ends when the process that started it ends, even by SIGKILL. It does not start itself anew: the
 * supervisor does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@evenkeel/core';
import { makeFolder, writeAtomically } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';
import { lastLines, logBytes, openLog } from '../process/log-file.ts';
import { identifyProcess, type ProcessIdentity, signalGroup } from '../process/process-identity.ts';
import { databaseFile, setAsideDamaged } from './database-file.ts';
import { freePort, isPortFree } from './free-port.ts';
import { describeNamespace, prepareNamespace, SEARCH_ATTRIBUTES, TEMPORAL_NAMESPACE } from './namespace.ts';
import { otherVersionAdvice, readServerRecord, type ServerRecord, serverRecordPath } from './server-record.ts';
import type { TemporalBinary } from './temporal-binary.ts';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running server that answers. */
export interface TemporalServer {
  /** Of the gRPC frontend, for example `127.0.0.1:7233`. */
  readonly address: string;
  readonly namespace: typeof TEMPORAL_NAMESPACE;
  /** Of the Web UI. */
  readonly ui: string;
  readonly ports: TemporalPorts;
  readonly identity: ProcessIdentity;
  readonly exited: Promise<Exit>;
  /** SIGTERM, then SIGKILL after the grace. */
  stop(graceMs?: number): Promise<void>;
}

export interface TemporalPorts {
  readonly frontend: number;
  readonly ui: number;
}

export interface StartTemporalOptions {
  readonly binary: TemporalBinary;
  readonly home: string;
  readonly log: Logger;
  /** Exactly these ports; default: those of last time, or the usual ones, or others that are free. */
  readonly ports?: TemporalPorts;
  /** Called with the process as soon as it exists, before it answers: who keeps a list of processes writes it down here. */
  readonly onSpawn?: (identity: ProcessIdentity) => void;
}

const USUAL_PORTS: TemporalPorts = { frontend: 7233, ui: 8233 };
const ANSWER_MS = 30_000;
const ATTEMPTS = 5;

/**
 * Flags that make a step three times as fast: the transfer queue wakes at 2000 Hz in place of 20, timers (retries, sleeps, timeouts)
 * are looked for every 10 ms in place of every second, and SQLite writes ahead. NORMAL survives every killed process; after a power cut
 * the last moments may be missing, and the run's commits make them good.
 */
const SPEED_FLAGS = [
  ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
  // Only the two together have an effect: a timer of 5 ms fires after 80 ms in place of 1005.
  ['--dynamic-config-value', 'history.timerProcessorMaxTimeShift="10ms"'],
  ['--dynamic-config-value', 'history.timerProcessorMaxPollRPS=2000'],
  ['--sqlite-pragma', 'journal_mode=WAL'],
  ['--sqlite-pragma', 'synchronous=NORMAL'],
].flat();

/**
 * `exec` makes the server the direct child; the shell that stays beside it waits for the end of its standard input, which comes when
 * the starting process ends in whatever way, and then ends the server, if that pid is still a server.
 */
const GUARD = `
exec 3<&0
( cat <&3 >/dev/null
  case "$({ tr '\\0' ' ' </proc/$$/cmdline || ps -o command= -p $$; } 2>/dev/null)" in
    *start-dev*) kill -KILL $$ ;;
  esac ) &
exec "$0" "$@" 3<&- </dev/null
`;

/**
 * Starts the server and waits until it answers for its namespace.
 *
 * @throws {InfraError} `temporal-refused`, with the end of its log
 */
export async function startTemporalServer(options: StartTemporalOptions): Promise<TemporalServer> {
  const { home, binary, log } = options;
  const folder = join(home, 'temporal');
  makeFolder(folder);
  setAsideDamaged(home, log);
  const record = readServerRecord(home);
  const advice = otherVersionAdvice(home, record?.serverVersion, binary.serverVersion);
  if (advice !== null) log.warn(advice);
  for (let attempt = 1; ; attempt++) {
    const ports = options.ports ?? (await choosePorts(attempt === 1 ? record?.ports : undefined, attempt === 1));
    const outcome = await tryToStart(options, ports);
    if ('server' in outcome) {
      remember(serverRecordPath(home), { ports, serverVersion: binary.serverVersion }, log);
      return outcome.server;
    }
    const portTaken = outcome.lines.some((line) => line.includes('address already in use'));
    if (!portTaken || attempt === ATTEMPTS || options.ports !== undefined) {
      throw new InfraError(
        `Cannot start the Temporal server: ${outcome.state}, expected an answer; its log ends with\n  ${[...outcome.lines, ...(advice === null ? [] : [advice])].join('\n  ')}`,
        { code: 'temporal-refused', retryable: true },
      );
    }
    log.warn(`A port of the Temporal server is taken (${ports.frontend}, ${ports.ui}): choosing others`);
  }
}

/** A convenience: where the disk is full, other ports may be chosen next time. */
function remember(path: string, record: ServerRecord, log: Logger): void {
  try {
    writeAtomically(path, JSON.stringify(record));
  } catch (error) {
    if (!(error instanceof InfraError) || error.code !== 'disk-full') throw error;
    log.warn(error.message);
  }
}

async function choosePorts(recorded: TemporalPorts | undefined, stable: boolean): Promise<TemporalPorts> {
  const wanted = [recorded, USUAL_PORTS].filter((ports) => ports !== undefined);
  const frontend = await freePort(stable ? wanted.map((ports) => ports.frontend) : []);
  const ui = await freePort(stable ? wanted.map((ports) => ports.ui) : []);
  return ui === frontend ? choosePorts(undefined, false) : { frontend, ui };
}

/** Whether both ports can be had. */
export async function arePortsFree(ports: TemporalPorts): Promise<boolean> {
  return (await isPortFree(ports.frontend)) && (await isPortFree(ports.ui));
}

type Outcome = { readonly server: TemporalServer } | { readonly state: string; readonly lines: readonly string[] };

async function tryToStart(options: StartTemporalOptions, ports: TemporalPorts): Promise<Outcome> {
  const { binary, home, log } = options;
  const logPath = join(home, 'logs', 'temporal.log');
  const logFile = openLog(logPath);
  const logFrom = logBytes(logPath);
  const child = spawn('/bin/sh', ['-c', GUARD, binary.path, ...serverArgs(home, ports)], {
    stdio: ['pipe', logFile, logFile],
    detached: true,
  });
  closeSync(logFile);
  const exited = exitOf(child);
  const identity = child.pid === undefined ? null : identifyProcess(child.pid);
  if (identity !== null) options.onSpawn?.(identity);

  const address = `127.0.0.1:${ports.frontend}`;
  const server = { cli: binary.path, address };
  const ended = exited.then(() => 'ended' as const);
  const namespace = await Promise.race([ended, untilAnswered(server, ports.frontend)]);
  if (namespace === 'ended' || namespace === null || identity === null) {
    await stopGroup(child, exited, 0);
    const { code, signal } = await exited;
    const state = namespace === null ? `no answer within ${ANSWER_MS / 1000} s` : `it ended with ${signal ?? code}`;
    return { state, lines: lastLines(logPath, 5, logFrom) };
  }
  const changes = await prepareNamespace(server, namespace).catch(async (error: unknown) => {
    await stopGroup(child, exited, 0);
    throw error;
  });
  if (changes.length > 0) log.debug(`Temporal namespace prepared: ${changes.join('; ')}`);
  return {
    server: {
      address,
      namespace: TEMPORAL_NAMESPACE,
      ui: `http://127.0.0.1:${ports.ui}`,
      ports,
      identity,
      exited,
      stop: (graceMs = 5_000) => stopGroup(child, exited, graceMs),
    },
  };
}

function serverArgs(home: string, ports: TemporalPorts): string[] {
  return [
    ...['server', 'start-dev', '--db-filename', databaseFile(home)],
    ...['--namespace', TEMPORAL_NAMESPACE, '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1'],
    ...['--port', String(ports.frontend), '--ui-port', String(ports.ui), '--log-level', 'warn'],
    ...SPEED_FLAGS,
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => {
      // The end of the guard's input: it finds no server any more and ends too.
      child.stdin?.destroy();
      resolve({ code, signal });
    });
  });
}

async function stopGroup(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (graceMs > 0) {
    child.kill('SIGTERM');
    await Promise.race([exited, sleep(graceMs, undefined, { ref: false })]);
  }
  if (child.exitCode === null && child.signalCode === null) signalGroup(child.pid, 'SIGKILL');
  await exited;
}

/** What the server says of its namespace, once it says it; null where it does not within the time. */
async function untilAnswered(server: { readonly cli: string; readonly address: string }, port: number) {
  const deadline = performance.now() + ANSWER_MS;
  while (performance.now() < deadline) {
    if (await accepts(port)) {
      const namespace = await describeNamespace(server);
      if (namespace !== null) return namespace;
    }
    await sleep(20);
  }
  return null;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
