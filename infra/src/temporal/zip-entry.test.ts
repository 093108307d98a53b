import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readZipEntry } from './zip-entry.ts';

/** A zip archive of the given entries, as the format's description says. */
function zip(entries: readonly { name: string; content: string; method: 0 | 8; sizeBytes?: number }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, method, sizeBytes = Buffer.byteLength(content) } of entries) {
    const packed = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(3, 28);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(sizeBytes, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(at, 42);
    const part = Buffer.concat([local, Buffer.from(name), Buffer.from('xyz'), packed]);
    parts.push(part);
    directory.push(central, Buffer.from(name));
    at += part.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

describe('readZipEntry()', () => {
  const archive = zip([
    { name: 'a/stored', content: 'as it is', method: 0 },
    { name: 'a/packed', content: 'again '.repeat(1000), method: 8 },
  ]);

  test('finds stored and deflated entries by name', () => {
    expect(readZipEntry(archive, (name) => name.endsWith('stored')).toString()).toBe('as it is');
    expect(readZipEntry(archive, (name) => name === 'a/packed').toString()).toBe('again '.repeat(1000));
  });

  test('says that an entry is missing', () => {
    expect(() => readZipEntry(archive, () => false)).toThrow(
      'Cannot read archive: none of its 2 entries is the wanted one',
    );
  });

  test('refuses an archive that is cut off', () => {
    expect(() => readZipEntry(archive.subarray(0, archive.length - 30), () => true)).toThrow(
      'Cannot read archive: the directory is missing, expected a whole zip file',
    );
  });

  test('refuses a content of another size than announced', () => {
    const wrong = zip([{ name: 'a', content: 'abc', method: 8, sizeBytes: 4 }]);
    expect(() => readZipEntry(wrong, () => true)).toThrow('Cannot read archive: "a" has 3 bytes, expected 4');
  });
});
