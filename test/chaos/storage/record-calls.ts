/**
 * Records what this process asks of the file system below one folder: creating, writing, syncing, renaming, in the order in which it was
 * done. Imported first; it wraps the functions of `node:fs` that are in use. Unlike a tracer of system calls it is there on every machine; that
 * it misses nothing is shown by `power-cut.ts`, whose model must end with the very files that are on the disk.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';

export type Call =
  /** A file was opened for writing: made where it was not there, emptied where that was asked for. */
  | { readonly call: 'open'; readonly handle: number; readonly path: string; readonly empties: boolean }
  | { readonly call: 'write'; readonly handle: number; readonly base64: string }
  | { readonly call: 'truncate'; readonly handle: number; readonly length: number }
  | { readonly call: 'sync'; readonly path: string }
  | { readonly call: 'mkdir'; readonly path: string }
  | { readonly call: 'link' | 'rename'; readonly from: string; readonly to: string }
  | { readonly call: 'remove'; readonly path: string }
  /** Not a call: from here on whoever asked has been told. */
  | { readonly call: 'answered'; readonly what: string; readonly value: unknown };

export const calls: Call[] = [];
const opened = new Map<number, { readonly path: string; readonly handle: number }>();
let handles = 0;

const text = (path: unknown) => resolve(String(path));
const base64 = (data: unknown) => Buffer.from(data as Uint8Array).toString('base64');

function noteOpen(fd: number, path: unknown, flags: unknown): void {
  const handle = handles++;
  opened.set(fd, { path: text(path), handle });
  const mode = String(flags ?? 'r');
  if (/[wa]/.test(mode)) calls.push({ call: 'open', handle, path: text(path), empties: mode.startsWith('w') });
}
const noteWrite = (fd: number, data: unknown) =>
  void (opened.has(fd) && calls.push({ call: 'write', handle: opened.get(fd)!.handle, base64: base64(data) }));
const noteSync = (fd: number) => void (opened.has(fd) && calls.push({ call: 'sync', path: opened.get(fd)!.path }));
const note = (call: Call) => void calls.push(call);

/** Replaces a function by one that does the same and then tells. */
function after<K extends keyof typeof fs>(name: K, tell: (args: readonly unknown[], result: unknown) => void): void {
  const original = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      const result = original(...args);
      tell(args, result);
      return result;
    },
  });
}
after('openSync', ([path, flags], fd) => noteOpen(fd as number, path, flags));
after('writeSync', ([fd, data]) => noteWrite(fd as number, typeof data === 'string' ? Buffer.from(data) : data));
after('ftruncateSync', ([fd, length]) =>
  note({ call: 'truncate', handle: opened.get(fd as number)!.handle, length: length as number }),
);
after('fsyncSync', ([fd]) => noteSync(fd as number));
after('mkdirSync', ([path]) => note({ call: 'mkdir', path: text(path) }));
after('renameSync', ([from, to]) => note({ call: 'rename', from: text(from), to: text(to) }));
after('linkSync', ([from, to]) => note({ call: 'link', from: text(from), to: text(to) }));
after('unlinkSync', ([path]) => note({ call: 'remove', path: text(path) }));
const writeFileSync = fs.writeFileSync;
fs.writeFileSync = (file, data, options) => {
  writeFileSync(file, data, options);
  if (typeof file !== 'number') throw new Error(`Cannot record a write of ${file}: expected a descriptor`);
  noteWrite(file, typeof data === 'string' ? Buffer.from(data) : data);
};

const promises = fs.promises;
const { open, rename, link, rm } = promises;
promises.open = async (path, flags, mode) => {
  const handle = await open(path, flags, mode);
  noteOpen(handle.fd, path, flags);
  const { writeFile, sync } = handle;
  handle.writeFile = async (data, options) => {
    await writeFile.call(handle, data, options);
    noteWrite(handle.fd, typeof data === 'string' ? Buffer.from(data) : data);
  };
  handle.sync = async () => {
    await sync.call(handle);
    noteSync(handle.fd);
  };
  return handle;
};
promises.rename = async (from, to) => {
  await rename(from, to);
  note({ call: 'rename', from: text(from), to: text(to) });
};
promises.link = async (from, to) => {
  await link(from, to);
  note({ call: 'link', from: text(from), to: text(to) });
};
promises.rm = async (path, options) => {
  const isThere = fs.existsSync(path);
  await rm(path, options);
  if (isThere) note({ call: 'remove', path: text(path) });
};
syncBuiltinESMExports();

/** Says that whoever asked has been told. */
export function answered(what: string, value: unknown): void {
  calls.push({ call: 'answered', what, value });
}
