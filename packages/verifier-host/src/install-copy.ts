/** Copies a package folder without what is none of it: installed packages, hidden files, the home itself. It runs nothing. */
import { createHash } from 'node:crypto';
import { copyFile, lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { mostPackageBytes, mostPackageFiles } from './install-unpack.ts';

/**
 * @param target a folder that is there and empty
 * @param without absolute path of a folder that is left out
 * @throws {SyntaxError} with what is wrong with the folder, in a few words
 */
export async function copyPackage(source: string, target: string, without: string): Promise<void> {
  let bytes = 0;
  const files = await packageFiles(source, without);
  for (const file of files) {
    bytes += (await lstat(join(source, file))).size;
    if (bytes > mostPackageBytes) throw new SyntaxError(`it holds more than ${mostPackageBytes / 1024 / 1024} MB`);
  }
  for (const file of files) {
    await mkdir(join(target, file, '..'), { recursive: true });
    await copyFile(join(source, file), join(target, file));
  }
}

/** SHA-256 over the names and contents of a package's own files: the same for the same files, wherever they lie. */
export async function hashPackage(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await packageFiles(folder, '')) {
    const content = createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex');
    hash.update(`${JSON.stringify(file.split(sep).join('/'))} ${content}\n`);
  }
  return hash.digest('hex');
}

/** Paths of the files relative to the folder, in the order of their names. */
async function packageFiles(folder: string, without: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (at: string): Promise<void> => {
    const entries = await readdir(at, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name);
      if (entry.name === 'node_modules' || entry.name.startsWith('.') || path === without) continue;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) files.push(relative(folder, path));
      else
        throw new SyntaxError(
          `it holds ${relative(folder, path)}, a link or a device, expected files and folders only`,
        );
      if (files.length > mostPackageFiles) throw new SyntaxError(`it holds more than ${mostPackageFiles} files`);
    }
  };
  await visit(folder);
  return files;
}
