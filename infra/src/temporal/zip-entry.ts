/**
 * Reading one file out of a zip archive (a Python wheel is one), with nothing but zlib. Stored and deflated entries; no
 * encryption, no zip64: an archive that needs them is refused.
 */
import { inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * The content of the first entry whose name the caller accepts.
 *
 * @throws {RangeError} where the archive is cut off, needs more than this reader knows, or has no such entry
 */
export function readZipEntry(archive: Buffer, accepts: (name: string) => boolean): Buffer {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || archive.readUInt32LE(end) !== END_OF_DIRECTORY) {
    throw new RangeError('Cannot read archive: the directory is missing, expected a whole zip file');
  }
  const entries = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < entries; index++) {
    if (archive.readUInt32LE(at) !== DIRECTORY_ENTRY) {
      throw new RangeError(`Cannot read archive: entry ${index} has no header, expected a whole zip file`);
    }
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes);
    if (accepts(name)) return readContent(archive, at, name);
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new RangeError(`Cannot read archive: none of its ${entries} entries is the wanted one`);
}

function readContent(archive: Buffer, entryAt: number, name: string): Buffer {
  const method = archive.readUInt16LE(entryAt + 10);
  const packedBytes = archive.readUInt32LE(entryAt + 20);
  const sizeBytes = archive.readUInt32LE(entryAt + 24);
  const headerAt = archive.readUInt32LE(entryAt + 42);
  const from = headerAt + 30 + archive.readUInt16LE(headerAt + 26) + archive.readUInt16LE(headerAt + 28);
  const packed = archive.subarray(from, from + packedBytes);
  if (method !== STORED && method !== DEFLATED) {
    throw new RangeError(`Cannot read archive: "${name}" is packed by method ${method}, expected 0 or 8`);
  }
  const content = method === STORED ? packed : inflateRawSync(packed);
  if (content.length !== sizeBytes) {
    throw new RangeError(`Cannot read archive: "${name}" has ${content.length} bytes, expected ${sizeBytes}`);
  }
  return content;
}
