/**
 * `<home>/runs/<run>/priority.json`: how urgent a run is beside the others of its home. Not a part of its configuration: it
 * decides when the run's jobs have their turn, never what comes out, and may be changed while the run is under way.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultPriority, type Priority, prioritySchema } from '@evenkeel/protocol';
import { z } from 'zod';
import { runFolder, writeRunRecord } from './run-folder.ts';

const FILE = 'priority.json';
const recordSchema = z.object({ priority: prioritySchema });

/** The run's priority: 1 (most urgent) to 5; the default where none was given or the file cannot be read. */
export async function readRunPriority(home: string, run: string): Promise<Priority> {
  try {
    const text = await readFile(join(runFolder(home, run), FILE), 'utf8');
    return recordSchema.parse(JSON.parse(text)).priority;
  } catch {
    return defaultPriority;
  }
}

/** Sets the run's priority: its next jobs have it. */
export async function writeRunPriority(home: string, run: string, priority: Priority): Promise<void> {
  await writeRunRecord(home, run, FILE, { version: 1, priority });
}
