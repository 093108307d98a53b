/**
 * Which processes belong to a home: `<home>/processes.json`, written at each start and end, read by the next supervisor, which ends
 * what the last one left behind when it was killed.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { followingFile, readJson } from '../home-files.ts';
import { isLiving, type ProcessIdentity, processIdentitySchema, signalProcess } from '../process/process-identity.ts';

const listSchema = z.record(z.string(), processIdentitySchema);

/** The list of one home. */
export interface ProcessList {
  add(name: string, identity: ProcessIdentity): void;
  remove(name: string): void;
  /** No write comes after this. */
  close(): void;
}

export function openProcessList(home: string): ProcessList {
  const path = join(home, 'processes.json');
  const list: Record<string, ProcessIdentity> = {};
  const file = followingFile(path, () => JSON.stringify(list));
  return {
    add(name, identity) {
      list[name] = identity;
      file.update();
    },
    remove(name) {
      delete list[name];
      file.update();
    },
    close: file.close,
  };
}

/**
 * Ends what an earlier supervisor left, and waits until it is gone. A pid that belongs to a later process is left alone.
 *
 * @returns the names of those that were ended
 */
export async function endLeftovers(home: string): Promise<readonly string[]> {
  const recorded = listSchema.safeParse(readJson(join(home, 'processes.json'))).data ?? {};
  const ended = Object.entries(recorded).filter(([, identity]) => signalProcess(identity, 'SIGKILL'));
  for (const [, identity] of ended) {
    while (isLiving(identity)) await sleep(10);
  }
  return ended.map(([name]) => name);
}
