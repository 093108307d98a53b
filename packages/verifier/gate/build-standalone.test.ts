import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildStandalone } from './build-standalone.ts';

const folder = join(import.meta.dirname, '../standalone');
const wish = 'expected what the sources make; run: node packages/verifier/gate/build-standalone.ts';

describe('packages/verifier/standalone', () => {
  test('is what the sources make', async () => {
    for (const [name, text] of Object.entries(await buildStandalone())) {
      expect(await readFile(join(folder, name), 'utf8'), `${name} is stale, ${wish}`).toBe(text);
    }
  });

  test('imports nothing, and exports as types and values what it has', async () => {
    const [script, types] = await Promise.all(
      ['verifier.js', 'verifier.d.ts'].map((name) => readFile(join(folder, name), 'utf8')),
    );
    expect(script).not.toMatch(/^\s*import\b|\bimport\(|\brequire\(/m);
    const sdk: object = await import(join(folder, 'verifier.js'));
    const list = /^export \{\n([\s\S]*?)\};$/m.exec(types!)![1]!.match(/^ {2}\w+(?=,$)/gm)!;
    expect(list.map((name) => name.trim()).sort()).toEqual(Object.keys(sdk).sort());
  });
});
