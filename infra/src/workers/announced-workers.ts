/**
 * Workers that no supervisor started: each says in a file below `<home>/workers/` where it is, from this machine or from another one
 * that shares the folder. The file of a process of this machine that is gone is taken away; of another machine's nobody knows here
 * whether it lives: who asks it for work finds that it does not answer, and leaves it out.
 */
import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { announcementSchema, version, type WorkerAnnouncement } from '@evenkeel/protocol';
import { makeFolder, readJson, writeAtomically } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';
import { identifyProcess, isLiving } from '../process/process-identity.ts';

const workersFolder = (home: string): string => join(home, 'workers');

/** This process's announcement. */
export interface OwnAnnouncement {
  readonly path: string;
  /** Takes it back: nobody who asks from now on finds this worker. */
  withdraw(): void;
}

/** Announces this process as a worker of a home. @throws {InfraError} `home-unwritable` */
export function announceWorker(
  home: string,
  worker: Pick<WorkerAnnouncement, 'role' | 'url' | 'worker'>,
): OwnAnnouncement {
  const identity = identifyProcess(process.pid);
  if (identity === null) {
    throw new InfraError(`Cannot announce a worker: process ${process.pid} is not to be found, expected this one`, {
      code: 'process-unknown',
    });
  }
  const host = hostname();
  const announcement: WorkerAnnouncement = { version: 1, ...worker, evenkeel: version, host, ...identity };
  const folder = workersFolder(home);
  makeFolder(folder);
  // Those of killed predecessors go; a reader may have done so already.
  announcedWorkers(home);
  const path = join(folder, `${worker.role}-${host.replaceAll(/[^\w.-]/g, '_')}-${identity.pid}.json`);
  writeAtomically(path, `${JSON.stringify(announcement, null, 2)}\n`);
  return { path, withdraw: () => rmSync(path, { force: true }) };
}

/** The workers that announced themselves, oldest name first, without those that are known to be dead. */
export function announcedWorkers(home: string): WorkerAnnouncement[] {
  const folder = workersFolder(home);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .toSorted()
    .flatMap((name) => {
      const path = join(folder, name);
      const parsed = announcementSchema.safeParse(readJson(path));
      if (!parsed.success) return [];
      const { host, pid, startedAt } = parsed.data;
      if (host !== hostname() || isLiving({ pid, startedAt })) return [parsed.data];
      rmSync(path, { force: true });
      return [];
    });
}
