/**
 * `<home>/temporal/server.json`: the ports of the server that answered last, and its version. A server does not migrate a file that
 * another version made; most versions read each other's, none promises it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../home-files.ts';

const recordSchema = z.object({
  ports: z.object({ frontend: z.number().int(), ui: z.number().int() }),
  serverVersion: z.string(),
});
export type ServerRecord = z.infer<typeof recordSchema>;

export function serverRecordPath(home: string): string {
  return join(home, 'temporal', 'server.json');
}

/** Undefined where no server has answered in this home yet. */
export function readServerRecord(home: string): ServerRecord | undefined {
  return recordSchema.safeParse(readJson(serverRecordPath(home))).data;
}

/** What to do where a home's file was made by another version than the one that is to open it; null where it was not. */
export function otherVersionAdvice(home: string, made: string | undefined, now: string): string | null {
  if (made === undefined || made === now) return null;
  const file = join(home, 'temporal');
  return `The Temporal server is ${now}, the file in ${file} was made by ${made}, and none of that version is there. Where it does not start or runs stand still: name one of ${made} in EVENKEEL_TEMPORAL; or move ${file} aside, and each run goes on from its newest state with the same train command`;
}
