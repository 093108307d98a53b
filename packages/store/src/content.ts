/**
 * Contents of any size: given in parts, so that nobody has to lay large arrays side by side first, and read piece by piece, because one
 * read or one hash of the platform ends at 2 GiB. It does not know what an artefact is.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from './errors.ts';

/** Bytes, whole or in parts that follow each other. */
export type Content = Uint8Array | readonly Uint8Array[];

const PIECE_BYTES = 1 << 24;

function partsOf(content: Content): readonly Uint8Array[] {
  return content instanceof Uint8Array ? [content] : content;
}

/** How many bytes there are. */
export function contentBytes(content: Content): number {
  return partsOf(content).reduce((sum, part) => sum + part.byteLength, 0);
}

/** The parts, cut into pieces that can be read, written or hashed at once. */
function* piecesOf(content: Content): Generator<Uint8Array> {
  for (const part of partsOf(content)) {
    for (let at = 0; at < part.byteLength; at += PIECE_BYTES) yield part.subarray(at, at + PIECE_BYTES);
  }
}

/** SHA-256 of all parts together. */
export function hashContent(content: Content): string {
  const sum = createHash('sha256');
  for (const piece of piecesOf(content)) sum.update(piece);
  return sum.digest('hex');
}

/** Writes the parts one after the other. */
export async function writeContent(file: FileHandle, content: Content): Promise<void> {
  for (const piece of piecesOf(content)) await file.writeFile(piece);
}

/** Fills the bytes from the file, from a position on; false where it ends before. */
async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

/** What the work with an open file gives; null where there is no file. */
async function withFile<T>(path: string, work: (file: FileHandle, size: number) => Promise<T>): Promise<T | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ENOTDIR') return null;
    throw thrown;
  }
  try {
    return await work(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/** A file's bytes; null where there is none. */
export async function readWhole(path: string): Promise<Buffer | null> {
  return await withFile(path, async (file, size) => {
    const bytes = Buffer.allocUnsafeSlow(size);
    let position = 0;
    for (const piece of piecesOf(bytes)) {
      // Cut off while it was read: what is left is what it holds.
      if (!(await fill(file, piece, position))) return bytes.subarray(0, position);
      position += piece.byteLength;
    }
    return bytes;
  });
}

/** A stretch of a file, shorter where the file ends before; null where there is none. */
export async function readStretch(path: string, from: number, to: number): Promise<Buffer | null> {
  return await withFile(path, async (file, size) => {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(to, size) - from));
    await fill(file, bytes, from);
    return bytes;
  });
}

/** Reads a file into the parts. Whether it was there, held just as many bytes, and had this hash; else the parts hold anything. */
export async function readInto(path: string, into: Content, sha256: string): Promise<boolean> {
  const isWhole = await withFile(path, async (file, size) => {
    if (size !== contentBytes(into)) return false;
    const sum = createHash('sha256');
    let position = 0;
    for (const piece of piecesOf(into)) {
      if (!(await fill(file, piece, position))) return false;
      sum.update(piece);
      position += piece.byteLength;
    }
    return sum.digest('hex') === sha256;
  });
  return isWhole ?? false;
}

/** SHA-256 and size of a file; null where there is none. */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number } | null> {
  return await withFile(path, async (file, size) => {
    const sum = createHash('sha256');
    const piece = Buffer.allocUnsafeSlow(Math.min(size, PIECE_BYTES));
    for (let position = 0; position < size; ) {
      const { bytesRead } = await file.read(piece, 0, piece.byteLength, position);
      if (bytesRead === 0) break;
      sum.update(piece.subarray(0, bytesRead));
      position += bytesRead;
    }
    return { sha256: sum.digest('hex'), bytes: size };
  });
}

/** Whether a file is there and holds just these bytes. */
export async function holdsContent(path: string, content: Content): Promise<boolean> {
  const isSame = await withFile(path, async (file, size) => {
    if (size !== contentBytes(content)) return false;
    const there = Buffer.allocUnsafeSlow(Math.min(size, PIECE_BYTES));
    let position = 0;
    for (const piece of piecesOf(content)) {
      const same = there.subarray(0, piece.byteLength);
      if (!(await fill(file, same, position)) || Buffer.compare(same, piece) !== 0) return false;
      position += piece.byteLength;
    }
    return true;
  });
  return isSame ?? false;
}
