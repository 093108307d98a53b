/** The Temporal server, kept alive: on the same file and, where nobody took them meanwhile, on the same ports. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@evenkeel/core';
import { lookIntervalMs, Silence } from '@evenkeel/protocol';
import { FULL_DISK_DELAY_MS, isDiskFull } from '../disk-watch.ts';
import { createBackoff } from '../process/backoff.ts';
import { lastLines } from '../process/log-file.ts';
import { signalProcess } from '../process/process-identity.ts';
import type { TemporalBinary } from '../temporal/temporal-binary.ts';
import { arePortsFree, startTemporalServer, type TemporalServer } from '../temporal/temporal-server.ts';
import type { ProcessState, ProcessStatus, SuperviseOptions } from './supervised-process.ts';
import { temporalHealth } from './temporal-health.ts';

/** The server with what keeps it alive. */
export interface SupervisedTemporal {
  status(): ProcessStatus;
  /** The server that answers, or null while there is none. */
  server(): TemporalServer | null;
  kill(signal: NodeJS.Signals): void;
  /** The machine is about to be taken away: where it now ends in good order, it is not started again. */
  notice(): void;
  stop(graceMs: number): Promise<void>;
}

interface Options extends SuperviseOptions {
  readonly binary: TemporalBinary;
  readonly log: Logger;
}

const NAME = 'temporal';
/** How long the old ports are waited for before others are taken: clients come back to them by themselves. */
const PORTS_MS = 3_000;

/**
 * Starts the server and waits for its first answer.
 *
 * @throws {InfraError} `temporal-refused` where the first start fails
 */
export async function superviseTemporal(options: Options): Promise<SupervisedTemporal> {
  const { home, list, log, binary, onEvent, stallMs } = options;
  const backoff = createBackoff();
  let server: TemporalServer | null = null;
  let state: ProcessState = 'starting';
  let restarts = 0;
  let noticed = false;
  const stopping = new AbortController();

  async function start(): Promise<TemporalServer> {
    state = 'starting';
    const started = await startTemporalServer({
      binary,
      home,
      log,
      onSpawn(identity) {
        list.add(NAME, identity);
        onEvent({ kind: 'started', name: NAME, role: NAME, pid: identity.pid });
      },
    });
    server = started;
    state = 'up';
    backoff.up(performance.now());
    onEvent({ kind: 'up', name: NAME, role: NAME, url: started.ui });
    watchHealth(started);
    return started;
  }

  /** A server that answers nothing for the bound is killed, which ends a stopped one too. */
  function watchHealth(watched: TemporalServer): void {
    const silence = new Silence(stallMs);
    const health = temporalHealth(watched.address);
    const looks = setInterval(() => {
      if (!silence.look()) return health.ask(() => silence.heard());
      clearInterval(looks);
      onEvent({ kind: 'hung', name: NAME, role: NAME, pid: watched.identity.pid, silentMs: stallMs });
      signalProcess(watched.identity, 'SIGKILL');
    }, lookIntervalMs(stallMs));
    void watched.exited.then(() => {
      clearInterval(looks);
      health.close();
    });
  }

  /** Watches one server after the other, until it is stopped or gives up. */
  async function keepAlive(first: TemporalServer): Promise<void> {
    let current: TemporalServer | null = first;
    let ports = first.ports;
    while (!stopping.signal.aborted) {
      const exit = current === null ? { code: null, signal: null } : await current.exited;
      server = null;
      list.remove(NAME);
      if (stopping.signal.aborted || (noticed && (exit.code === 0 || exit.signal === 'SIGTERM'))) break;
      const delayMs = isDiskFull(home) ? FULL_DISK_DELAY_MS : backoff.died(performance.now());
      if (delayMs === 'gave-up') {
        state = 'gave-up';
        return onEvent({
          kind: 'gave-up',
          name: NAME,
          role: NAME,
          lastLines: lastLines(join(home, 'logs/temporal.log'), 12),
        });
      }
      state = 'backing-off';
      restarts += 1;
      onEvent({ kind: 'died', name: NAME, role: NAME, ...exit, restartInMs: delayMs });
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
      for (let waited = 0; waited < PORTS_MS && !(await arePortsFree(ports)); waited += 50) await sleep(50);
      if (stopping.signal.aborted) break;
      current = await start().catch((error: Error) => {
        log.error(error.message);
        return null;
      });
      ports = current?.ports ?? ports;
    }
    state = 'stopped';
  }

  const kept = keepAlive(await start());
  return {
    server: () => server,
    status: () => ({
      name: NAME,
      role: NAME,
      pid: server?.identity.pid ?? null,
      state,
      url: server?.ui ?? null,
      restarts,
    }),
    notice() {
      noticed = true;
    },
    kill: (signal) => void (server !== null && signalProcess(server.identity, signal)),
    async stop(graceMs) {
      stopping.abort();
      await server?.stop(graceMs);
      await kept;
      await server?.stop(graceMs);
      list.remove(NAME);
    },
  };
}
