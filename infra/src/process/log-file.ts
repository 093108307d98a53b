/** The log files of a home's processes: `<home>/logs/<name>.log`, appended to, set aside as `.1` when above 16 MB. */
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname } from 'node:path';
import { homeError, makeFolder } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';

const LARGEST_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 16 * 1024;

/** Opens a log for appending. The caller closes the descriptor. On a full disk what the process says goes nowhere rather than end its keeper. */
export function openLog(path: string): number {
  try {
    makeFolder(dirname(path));
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_BYTES) renameSync(path, `${path}.1`);
    return openSync(path, 'a');
  } catch (cause) {
    const error = cause instanceof InfraError ? cause : homeError(path, cause);
    if (error.code === 'disk-full') return openSync(devNull, 'a');
    throw error;
  }
}

/** The last lines of a log; from `fromBytes` on, so that lines of an earlier process do not count. */
export function lastLines(path: string, count: number, fromBytes = 0): string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const from = Math.max(fromBytes > size ? 0 : fromBytes, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    const read = readSync(file, bytes, 0, bytes.length, from);
    const lines = bytes.toString('utf8', 0, read).split('\n');
    return lines.filter((line) => line.trim() !== '').slice(-count);
  } finally {
    closeSync(file);
  }
}

/** The present length of a log. */
export function logBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
