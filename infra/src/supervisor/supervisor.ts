/**
 * The supervisor of one home: the Temporal server and the worker processes, each started, found by the others through
 * `<home>/endpoints.json`, and started anew when it dies. It holds nothing that a kill could lose: it may be killed itself, its
 * processes end with it, and the next one on this home clears up and goes on.
 */

import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@evenkeel/core';
import { defaultStallMs, type Endpoints, type WorkerRole } from '@evenkeel/protocol';
import { watchDisk } from '../disk-watch.ts';
import { makeFolder } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';
import { ensureTemporalServer, type TemporalBinary } from '../temporal/temporal-binary.ts';
import { endpointsFile, endpointsPath, homeToken } from './endpoints-file.ts';
import { lockHome } from './home-lock.ts';
import { endLeftovers, openProcessList } from './process-list.ts';
import {
  type ProcessSpec,
  type ProcessStatus,
  type SupervisedProcess,
  type SupervisorEvent,
  superviseProcess,
} from './supervised-process.ts';
import { type SupervisedTemporal, superviseTemporal } from './supervised-temporal.ts';

export interface SupervisorOptions {
  /** The folder that everything of these runs lies in. */
  readonly home: string;
  readonly processes: readonly ProcessSpec[];
  readonly log: Logger;
  readonly onEvent?: (event: SupervisorEvent) => void;
  /** The Temporal server's program; default: the one that is there, or installed now. Null: no server. */
  readonly temporal?: TemporalBinary | null;
  /** How long a process may take to end after SIGTERM, before SIGKILL. Default 10 s. */
  readonly graceMs?: number;
  /** A process that answers nothing for so long is taken for hung, killed and started again. Default 120 s. */
  readonly stallMs?: number;
  /** What the others are told in place of a process's own address: for a proxy or a gateway between them. */
  readonly advertise?: (name: string, address: string) => string;
}

/** A home at work. */
export interface Supervisor {
  readonly home: string;
  endpoints(): Endpoints;
  processes(): readonly ProcessStatus[];
  /** Sends a signal to one process by name; the server's name is `temporal`. */
  kill(name: string, signal?: NodeJS.Signals): void;
  /** The machine is about to be taken away: a process that now ends in good order is not started again. */
  notice(): void;
  /** Lets the workers end what is under way and begin nothing, and waits for their end. Nothing is started again. */
  drain(withinMs: number): Promise<void>;
  /** Ends the workers, then the server, and gives the home free. `graceMs`: as in the options, for each of the two. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Takes the home, ends what an earlier supervisor left, starts everything, and returns when the server answers and each process
 * has reported once.
 *
 * @throws {InfraError} `home-in-use` (with the holder's pid), `home-unwritable`, `temporal-unavailable`, `temporal-refused`,
 * `process-gave-up` where a process dies again and again before it reports
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const lock = lockHome(options.home);
  const stopSteps: (() => Promise<void>)[] = [];
  try {
    return await startLocked(options, lock.release, stopSteps);
  } catch (error) {
    for (const step of stopSteps.toReversed()) await step();
    lock.release();
    throw error;
  }
}

async function startLocked(
  {
    home,
    processes: specs,
    log,
    onEvent = () => {},
    temporal: binary,
    graceMs: usualGraceMs = 10_000,
    stallMs = defaultStallMs,
    advertise = (_name, address) => address,
  }: SupervisorOptions,
  release: () => void,
  stopSteps: (() => Promise<void>)[],
): Promise<Supervisor> {
  const leftovers = await endLeftovers(home);
  if (leftovers.length > 0) log.info(`Ended what a killed supervisor left running: ${leftovers.join(', ')}`);
  makeFolder(home);
  const list = openProcessList(home);
  const token = homeToken(home);
  const startedAt = new Date().toISOString();
  const ready = createReadiness(specs);
  let temporal: SupervisedTemporal | null = null;
  let lastAddress: string | null = null;
  let graceMs = usualGraceMs;

  const shared = { home, list, onEvent: onProcessEvent, stallMs };
  const workers = specs.map((spec) => superviseProcess(spec, shared));

  function onProcessEvent(event: SupervisorEvent): void {
    if (event.kind === 'up' || event.kind === 'died' || event.kind === 'gave-up') publish();
    if (event.kind === 'up' && event.role === 'temporal') followAddress();
    if (event.kind === 'hung') {
      log.warn(`${event.name} (process ${event.pid}) answered nothing for ${event.silentMs / 1000} s; killing it`);
    }
    ready.observe(event);
    onEvent(event);
  }

  /** The workflow workers keep one connection, which finds its server again at the same address only. */
  function followAddress(): void {
    const address = temporal?.server()?.address ?? null;
    if (lastAddress !== null && address !== null && address !== lastAddress) {
      log.warn(`The Temporal server moved from ${lastAddress} to ${address}`);
      for (const worker of withRole('workflow')) worker.restart();
    }
    lastAddress = address ?? lastAddress;
  }

  function withRole(role: ProcessSpec['role']): SupervisedProcess[] {
    return workers.filter((worker) => worker.status().role === role);
  }

  function endpoints(): Endpoints {
    const server = temporal?.server() ?? null;
    const urls = (role: WorkerRole): string[] =>
      withRole(role).flatMap((worker) => {
        const { name, url } = worker.status();
        return url === null ? [] : advertise(name, url);
      });
    return {
      version: 1,
      supervisor: { pid: process.pid, startedAt },
      token,
      temporal: server && {
        address: advertise('temporal', server.address),
        namespace: server.namespace,
        ui: server.ui,
      },
      workers: { rollout: urls('rollout'), trainer: urls('trainer'), verifier: urls('verifier') },
    };
  }

  function publish(): void {
    published.update();
  }

  function notice(): void {
    temporal?.notice();
    for (const worker of workers) worker.notice();
  }

  stopSteps.push(async () => list.close());
  stopSteps.push(async () => rmSync(endpointsPath(home), { force: true }));
  stopSteps.push(async () => temporal?.stop(graceMs));
  stopSteps.push(async () => void (await Promise.all(workers.map((worker) => worker.stop(graceMs)))));

  const published = endpointsFile(home, endpoints);
  const disk = watchDisk(home, log);
  stopSteps.push(async () => {
    published.close();
    disk.close();
  });
  for (const worker of workers) if (worker.status().role !== 'workflow') worker.start();
  if (binary !== null) {
    temporal = await superviseTemporal({
      ...shared,
      log,
      binary: binary ?? (await ensureTemporalServer({ home, log })),
    });
    lastAddress = temporal.server()?.address ?? null;
    publish();
  }
  for (const worker of withRole('workflow')) worker.start();
  await ready.all;

  let stopped: Promise<void> | null = null;
  return {
    home,
    endpoints,
    processes: () => [...(temporal === null ? [] : [temporal.status()]), ...workers.map((worker) => worker.status())],
    kill(name, signal = 'SIGKILL') {
      if (name === 'temporal') temporal?.kill(signal);
      else workers.find((worker) => worker.status().name === name)?.kill(signal);
    },
    notice,
    async drain(withinMs) {
      notice();
      for (const worker of workers) worker.drain();
      const until = performance.now() + withinMs;
      while (performance.now() < until && workers.some((worker) => worker.status().pid !== null)) await sleep(50);
    },
    stop(thisGraceMs = usualGraceMs) {
      graceMs = thisGraceMs;
      stopped ??= (async () => {
        for (const step of stopSteps.toReversed()) await step();
        release();
      })();
      return stopped;
    },
  };
}

/** Resolves once each process has come up once; rejects when one gives up before. */
function createReadiness(specs: readonly ProcessSpec[]) {
  const missing = new Set(specs.map((spec) => spec.name));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may reject while the server is still being started, before anybody waits for it.
  promise.catch(() => {});
  if (missing.size === 0) resolve();
  return {
    all: promise,
    observe(event: SupervisorEvent): void {
      if (event.kind === 'up') {
        missing.delete(event.name);
        if (missing.size === 0) resolve();
      } else if (event.kind === 'gave-up' && missing.has(event.name)) {
        const lines = event.lastLines.map((line) => `\n  ${line}`).join('');
        reject(
          new InfraError(
            `Cannot start ${event.name}: it ended again and again, expected a report; it said last:${lines}`,
            {
              code: 'process-gave-up',
            },
          ),
        );
      }
    },
  };
}
