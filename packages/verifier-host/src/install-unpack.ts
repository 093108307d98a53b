/**
 * Unpacks a packed package (`npm pack`'s gzipped tar) into a new folder. Whoever made it is not trusted: only plain files and folders
 * come out, only below the target, only so many bytes. It runs nothing and asks no registry.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Most that a verifier package may hold, unpacked. */
export const mostPackageBytes = 256 * 1024 * 1024;
export const mostPackageFiles = 20_000;

const BLOCK = 512;

interface Entry {
  readonly path: readonly string[];
  readonly kind: 'file' | 'folder';
  readonly bytes: Uint8Array;
}

/**
 * @param target a folder that is there and empty
 * @throws {SyntaxError} with what is wrong with the tarball, in a few words
 */
export async function unpackTarball(tarball: string, target: string): Promise<void> {
  const packed = await readFile(tarball);
  const entries = withoutTopFolder(readEntries(inflate(packed)));
  for (const { path, kind, bytes } of entries) {
    // npm's own settings are no part of a package: they name registries, and tokens to send there.
    if (path.length === 0 || path.at(-1) === '.npmrc') continue;
    const at = join(target, ...path);
    try {
      await mkdir(kind === 'folder' ? at : dirname(at), { recursive: true });
      if (kind === 'file') await writeFile(at, bytes);
    } catch (thrown) {
      if (!['EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'].includes((thrown as NodeJS.ErrnoException).code ?? '')) {
        throw thrown;
      }
      throw new SyntaxError(`its entry ${path.join('/')} does not fit with the others`, { cause: thrown });
    }
  }
}

function inflate(packed: Buffer): Buffer {
  if (packed.length > mostPackageBytes) throw tooLarge();
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) return packed;
  try {
    return gunzipSync(packed, { maxOutputLength: mostPackageBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new SyntaxError(`it is no gzipped tar archive (${(cause as Error).message})`, { cause });
  }
}

function tooLarge(): SyntaxError {
  return new SyntaxError(`it holds more than ${mostPackageBytes / 1024 / 1024} MB`);
}

function readEntries(tar: Buffer): Entry[] {
  const entries: Entry[] = [];
  /** From a header that tells more about the next one. */
  let longPath: string | null = null;
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = readHeader(header);
    const bytes = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (bytes.length < size) throw new SyntaxError('it ends in the middle of a file');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156]!);
    if (type === 'x') {
      longPath = paxPath(bytes) ?? longPath;
      continue;
    }
    if (type === 'L') {
      longPath = textOf(bytes);
      continue;
    }
    if (type === 'g') continue;
    const path: string = longPath ?? pathOf(header);
    longPath = null;
    const kind = type === '5' ? 'folder' : type === '0' || type === '\0' || type === '7' ? 'file' : null;
    if (kind === null) {
      const what = type === '1' || type === '2' ? `a link (${path} to ${textOf(header.subarray(157, 257))})` : path;
      throw new SyntaxError(`it holds ${what}, expected files and folders only`);
    }
    if (entries.length >= mostPackageFiles) throw new SyntaxError(`it holds more than ${mostPackageFiles} files`);
    entries.push({ path: safePath(path), kind, bytes });
  }
  if (entries.length === 0) throw new SyntaxError('it is no tar archive, or an empty one');
  return entries;
}

/** The size of what follows. */
function readHeader(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : header[at]!;
  if (sum !== octal(header.subarray(148, 156))) throw new SyntaxError('it is no tar archive, or a damaged one');
  const size = octal(header.subarray(124, 136));
  if (size === null || size > mostPackageBytes) throw tooLarge();
  return size;
}

function octal(field: Buffer): number | null {
  const text = textOf(field).trim();
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : null;
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString('utf8');
}

function pathOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const isUstar = header.subarray(257, 262).toString('latin1') === 'ustar';
  const prefix = isUstar && header[262] === 0 ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records are `<length> <key>=<value>\n`, the length that of the whole record in bytes. */
function paxPath(bytes: Buffer): string | null {
  let path: string | null = null;
  for (let at = 0; at < bytes.length; ) {
    const [, digits] = /^(\d{1,9}) /.exec(bytes.subarray(at, at + 12).toString('latin1')) ?? [];
    const length = Number(digits);
    if (digits === undefined || length <= digits.length || at + length > bytes.length) {
      throw new SyntaxError('it is no tar archive, or a damaged one');
    }
    const record = bytes.subarray(at + digits.length + 1, at + length - 1).toString('utf8');
    if (record.startsWith('path=')) path = record.slice('path='.length);
    at += length;
  }
  return path;
}

function safePath(path: string): string[] {
  const parts = path.split('/').filter((part, index) => (part !== '' || index === 0) && part !== '.');
  const leads = parts[0] === '' || parts.includes('..') || /[\\\0]/.test(path) || /^[A-Za-z]:/.test(path);
  if (leads) throw new SyntaxError(`its entry ${JSON.stringify(path)} leads out of it, expected paths inside`);
  return parts;
}

/** npm packs everything below one folder, mostly `package/`. */
function withoutTopFolder(entries: readonly Entry[]): readonly Entry[] {
  const top = entries[0]!.path[0];
  if (entries.some(({ path, kind }) => path[0] !== top || (path.length === 1 && kind === 'file'))) return entries;
  return entries.map((entry) => ({ ...entry, path: entry.path.slice(1) }));
}
