/** Damaged files of a store leave their place, so that their work is done again; they are kept, for whoever can mend them by hand. */
import { link, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ensureFolder, syncFolder } from './durable-file.ts';

/** Below the store: what was set aside, under its folder's and its own name. */
export const DAMAGED_FOLDER = 'damaged';

/**
 * Moves a file that was judged damaged to `<root>/damaged`. What was moved is judged again: whoever made the file anew in between gets
 * it back.
 *
 * @param isDamaged judges the file at a path
 * @returns where it lies now; null where somebody else was first, or where the file is whole by now
 */
export async function setAside(
  root: string,
  path: string,
  isDamaged: (path: string) => Promise<boolean>,
): Promise<string | null> {
  const folder = join(root, DAMAGED_FOLDER);
  await ensureFolder(folder);
  const aside = join(folder, `${basename(dirname(path))}-${basename(path)}`);
  try {
    await rename(path, aside);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
  if (await isDamaged(aside)) {
    await syncFolder(dirname(path));
    return aside;
  }
  await link(aside, path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EEXIST') throw thrown;
  });
  await rm(aside, { force: true });
  return null;
}
