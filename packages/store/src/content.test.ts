import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentBytes, hashContent, hashFile, holdsContent, readStretch, readWhole } from './content.ts';
import { type FolderStore, openFolderStore } from './folder-store.ts';

let folder: string;
let store: FolderStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-content-'));
  store = await openFolderStore(join(folder, 'store'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** More than one piece of 16 MiB, in parts that end anywhere. */
function largeParts(): Uint8Array[] {
  const whole = new Uint8Array(40_000_003).map((_, index) => index * 31);
  return [whole.subarray(0, 5), whole.subarray(5, 5), whole.subarray(5, 30_000_001), whole.subarray(30_000_001)];
}

describe('an artefact in parts', () => {
  test('is the same artefact as the bytes one after the other, and is not written again', async () => {
    const parts = largeParts();
    const whole = new Uint8Array(Buffer.concat(parts));
    const ref = await store.put('bytes', parts);
    expect(ref).toEqual({ kind: 'bytes', sha256: sha256Hex(whole), bytes: whole.length });
    expect(await store.put('bytes', whole)).toEqual(ref);
    expect(Buffer.compare(await store.get(ref), whole)).toBe(0);
    expect(contentBytes(parts)).toBe(whole.length);
    expect(hashContent([])).toBe(sha256Hex(new Uint8Array(0)));
  });

  test('is read into arrays that are there, which need not be cut as it was put', async () => {
    const parts = largeParts();
    const ref = await store.put('bytes', parts);
    const into = [new Uint8Array(1), new Uint8Array(contentBytes(parts) - 1)];
    await store.getInto(ref, into);
    expect(hashContent(into)).toBe(ref.sha256);
    await expect(store.getInto(ref, new Uint8Array(3))).rejects.toThrow(
      `Cannot read artefact bytes ${ref.sha256.slice(0, 12)}: there is room for 3 bytes, expected 40000003`,
    );
  });

  test('that is damaged or gone is told as by get(), whichever part of it is asked for', async () => {
    const ref = await store.put('text', Buffer.from('0123456789'));
    expect(Buffer.from(await store.getStretch(ref, 2, 5)).toString()).toBe('234');
    expect(Buffer.from(await store.getStretch(ref, 8, 50)).toString()).toBe('89');
    await writeFile(store.pathOf(ref), '0123456788');
    await expect(store.getInto(ref, new Uint8Array(10))).rejects.toMatchObject({ code: 'artefact-corrupt' });
    await expect(store.getInto(ref, new Uint8Array(10))).rejects.toMatchObject({ code: 'artefact-missing' });
    await expect(store.getStretch(ref, 0, 1)).rejects.toMatchObject({ code: 'artefact-missing' });
    const parts = [Buffer.from('01234'), Buffer.from('56789')];
    expect(await store.put('text', parts)).toEqual(ref);
    expect(await holdsContent(store.pathOf(ref), parts)).toBe(true);
    await truncate(store.pathOf(ref), 9);
    expect(await holdsContent(store.pathOf(ref), parts)).toBe(false);
  });
});

describe('a file of more than 2 GiB', () => {
  test('is read and compared piece by piece, where one read of the platform refuses it', async () => {
    // A hole: it takes no room on the disk, and only its end is read here.
    const path = join(folder, 'hole');
    const size = 2 ** 31 + 100;
    const file = await open(path, 'w');
    await file.truncate(size);
    await file.write(Buffer.from('end'), 0, 3, size - 3);
    await file.close();
    expect((await readStretch(path, size - 4, size + 4))?.toString()).toBe('\0end');
    expect(await holdsContent(path, new Uint8Array(5))).toBe(false);
  });

  test('files that are not there are none', async () => {
    const path = join(folder, 'none');
    expect([await readWhole(path), await hashFile(path), await readStretch(path, 0, 1)]).toEqual([null, null, null]);
  });
});
