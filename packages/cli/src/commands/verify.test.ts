/** `verify` and `verifier generate` on packages that are not in the workspace: what they are told of grants and of second looks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { invoke } from './invoke.fixtures.ts';
import { verifierGenerateCommand } from './verifier-generate.ts';
import { verifyCommand } from './verify.ts';

let home: string;
let rows: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'evenkeel-verify-'));
  rows = join(home, 'rows.jsonl');
  const lines = Array.from({ length: 300 }, (_, at) => JSON.stringify({ groundTruth: null, completion: `row ${at}` }));
  writeFileSync(rows, lines.join('\n'));
});
afterAll(() => rmSync(home, { recursive: true }));

function writeVerifier(name: string, score: string, permissions = {}): string {
  const folder = join(home, name);
  const manifest = {
    id: name,
    version: '1.0.0',
    sdk: '^1',
    title: 'Of a test',
    levels: ['tiny'],
    limits: { timeMs: 200, memoryMb: 32 },
    permissions: { net: [], read: [], env: [], ...permissions },
  };
  mkdirSync(folder);
  writeFileSync(join(folder, 'words.txt'), 'pebble');
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: `verifier-${name}`, version: '1.0.0', exports: './index.js' }),
  );
  writeFileSync(
    join(folder, 'index.js'),
    `const scored = (reward) => ({ kind: 'scored', reward, correct: reward === 1, formatted: reward > 0, answer: null, reason: 'said' });
     let calls = 0;
     export default {
       manifest: ${JSON.stringify(manifest)},
       generate: ({ index, level }, context) => ({ id: String(index), level, data: null, groundTruth: ${Object.keys(permissions).length > 0 ? `context.read('words.txt')` : 'null'} }),
       prompt: ({ id }) => 'puzzle ' + id,
       score: ({ completion }, context) => { calls++; ${score} },
     };`,
  );
  return folder;
}

describe('verify', () => {
  test('tells how many rows got two verdicts', async () => {
    const { json, notes } = await invoke(
      verifyCommand,
      home,
      writeVerifier('turning', 'return scored(calls % 2);'),
      rows,
    );
    expect(json).toHaveLength(300);
    const fickle = json.filter(({ error }) => (error as { code?: string } | undefined)?.code === 'nondeterministic');
    expect(fickle.length).toBeGreaterThan(0);
    expect(notes.at(-1)).toContain(`${fickle.length} failed, ${fickle.length} of them not deterministic`);
  });

  test('a package that asks for more than it was granted is refused with what to type; --yes grants it', async () => {
    const folder = writeVerifier('reading', `return scored(context.read('words.txt') === 'pebble' ? 1 : 0);`, {
      read: ['words.txt'],
    });
    await expect(invoke(verifyCommand, home, folder, rows)).rejects.toMatchObject({
      code: 'verifier-permission',
      message: expect.stringContaining('evenkeel verifier grant'),
    });
    const granted = await invoke(verifyCommand, home, folder, rows, '--yes', '--processes', '2');
    expect(granted.notes.at(-1)).toMatch(/^300 rows: 300 correct/);
    const drawn = await invoke(verifierGenerateCommand, home, folder, '--count', '2');
    expect(drawn.json).toMatchObject([{ task: 'reading', groundTruth: 'pebble' }, { groundTruth: 'pebble' }]);
  });

  test('a number of processes that is none is refused', async () => {
    await expect(invoke(verifyCommand, home, 'countdown', rows, '--processes', '0')).rejects.toThrow(/--processes/);
  });
});
