/** The examples of docs/verifier-protocol.md are what the schemas take, and the example server gives what the page says. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  findVerifier,
  httpDrawSchema,
  httpErrorCodes,
  httpErrorSchema,
  httpPuzzlesSchema,
  httpScoreBatchSchema,
  httpVerdictsSchema,
} from '@evenkeel/verifier-host';
import { afterAll, describe, expect, test } from 'vitest';

const page = readFileSync(join(import.meta.dirname, '../../docs/verifier-protocol.md'), 'utf8');
const blocks = new Map(
  [...page.matchAll(/```json ([a-z-]+)\n([\s\S]*?)```/g)].map(([, name, text]) => [name!, JSON.parse(text!)] as const),
);
const root = mkdtempSync(join(tmpdir(), 'evenkeel-protocol-page-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('docs/verifier-protocol.md', () => {
  test.each([
    ['score-batch', httpScoreBatchSchema],
    ['verdicts', httpVerdictsSchema],
    ['draw', httpDrawSchema],
    ['puzzles', httpPuzzlesSchema],
    ['error', httpErrorSchema],
  ])('shows a %s that the protocol takes', (name, schema) => {
    expect(schema.safeParse(blocks.get(name))).toMatchObject({ success: true });
  });

  test('shows a package that is found, with what it asks for', () => {
    const folder = join(root, 'words');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify(blocks.get('package')));
    expect(findVerifier(folder)).toMatchObject({
      id: 'words',
      version: '1.0.0',
      entry: null,
      remote: { manifest: { permissions: { net: ['http://127.0.0.1:8911'], read: [], env: ['WORDS_TOKEN'] } } },
    });
  });

  test('lists every code of an error with its status', () => {
    for (const [code, status] of Object.entries(httpErrorCodes)) {
      expect(page).toMatch(new RegExp(`^\\| [^|]*\\b${status}\\b[^|]*\\| [^|]*\`${code}\``, 'm'));
    }
  });
});
