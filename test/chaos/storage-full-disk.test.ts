/** Disk full at every write that there is: the store with each single allocation refused in turn. A whole run on a small file system: storage-run.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noNamespaces, runOnSmallDisk } from './storage/in-namespace.ts';

const fullStore = fileURLToPath(import.meta.resolve('./storage/full-store.ts'));

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-full-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noNamespaces !== null)(
  `on a small file system${noNamespaces === null ? '' : ` (skipped: ${noNamespaces})`}`,
  () => {
    test('whichever allocation of the store is refused, it is told as disk-full, the store is whole, and the same calls succeed once there is room', async () => {
      const lines = await runOnSmallDisk(fullStore, { folder, options: 'size=64m', args: [folder] });
      const tried = lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      // Each kind of write was the one that was refused first: of bytes, and of the file itself.
      for (const [bound, kinds] of [
        ['pages', ['journal', 'put', 'commit', 'state']],
        ['files', ['journal', 'put', 'commit', 'state']],
      ] as const) {
        const refused = tried.filter((line) => line.bound === bound).map((line) => line.refused?.split(' ')[0] ?? null);
        expect(new Set(refused)).toEqual(new Set([...kinds, null]));
        expect(refused.at(-1)).toBe(null);
      }
      // A line of the journal that went over the end of the last page, half of it.
      expect(tried.map((line) => line.refused)).toContain('journal 2.2');
    });
  },
);
