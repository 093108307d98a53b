import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/**
 * Makes a folder with its parents. Node's own `recursive` never returns where a file system refuses a new folder as ENOENT below
 * a parent that is there, as `/proc` does.
 *
 * @returns the folders that were not there before, the highest first
 * @throws the operating system's error, `EEXIST` where a file is in the way
 */
export function makeFolders(folder: string): string[] {
  try {
    return tryFolder(folder);
  } catch (thrown) {
    const parent = dirname(folder);
    if (systemCode(thrown) !== 'ENOENT' || parent === folder) throw thrown;
    const made = makeFolders(parent);
    return [...made, ...tryFolder(folder)];
  }
}

function tryFolder(folder: string): string[] {
  try {
    mkdirSync(folder);
    return [folder];
  } catch (thrown) {
    const isThere = systemCode(thrown) === 'EEXIST' && statSync(folder, { throwIfNoEntry: false })?.isDirectory();
    if (isThere) return [];
    throw thrown;
  }
}
