/**
 * Programs on a file system of their own: a tmpfs in a mount namespace of their own, for which Linux asks no rights where it lets users
 * have namespaces. It is a real file system that is really full: the kernel refuses the very allocation that is one too many, below
 * everything that Node and SQLite do. (A limit on file sizes would be EFBIG, and per file; a preloaded library would test itself.)
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';

/** Of util-linux. */
const UNSHARE = 'unshare';

/** Why there can be none here; null where there can. To be shown where a test is skipped. */
export const noNamespaces: string | null = (() => {
  const { status, error, stderr } = spawnSync(UNSHARE, ['-rm', 'mount', '-t', 'tmpfs', 'none', tmpdir()]);
  if (status === 0) return null;
  return error === undefined ? `users may not make mount namespaces here: ${stderr.toString().trim()}` : error.message;
})();

/**
 * Runs a TypeScript program in such a namespace, with a tmpfs at `folder`. Its standard output is what comes back.
 *
 * @param options of the file system: `size=256k`, `size=64m,nr_inodes=1000`
 * @throws where the program fails, with what it said
 */
export async function runOnSmallDisk(
  program: string,
  {
    folder,
    options,
    args = [],
  }: { readonly folder: string; readonly options: string; readonly args?: readonly string[] },
): Promise<string> {
  const script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"';
  const command = [process.execPath, '--no-warnings', program, ...args];
  // The process itself is in the namespaces, so its end is theirs.
  const child = spawn(UNSHARE, ['-rm', 'sh', '-c', script, 'sh', options, folder, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const [code, signal] = await once(child, 'close');
  const said = Buffer.concat(out).toString();
  if (code === 0) return said;
  throw new Error(
    `${program} ended with ${signal ?? code}: ${said.slice(-2000)}${Buffer.concat(errors).toString().slice(-4000)}`,
  );
}
