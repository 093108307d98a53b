/** Writes verifier packages whose `score` is given as text: for what a verdict may be made of. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const manifest = {
  id: 'fickle',
  version: '1.0.0',
  sdk: '^1',
  title: 'Fickle',
  levels: ['easy'],
  limits: { timeMs: 1000, memoryMb: 64 },
  permissions: { net: [], read: [], env: [] },
};

const head = `
const scored = (reward, more = {}) => ({ kind: 'scored', reward, correct: reward === 1, formatted: reward > 0, answer: null, reason: 'said', ...more });
let calls = 0;
`;

/**
 * The folder of a package with the id `fickle`.
 *
 * @param score body of `score`, with `completion`, `groundTruth`, `context`, `calls` (of this machine) and `scored(reward, more)`
 */
export function writeFickle(
  folder: string,
  score: string,
  { generate = 'null', ...changes }: Readonly<Record<string, unknown>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  const packageJson = { name: '@evenkeel/verifier-fickle', version: '1.0.0', exports: './index.js' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(packageJson));
  writeFileSync(
    join(folder, 'index.js'),
    `${head}
export default {
  manifest: ${JSON.stringify({ ...manifest, ...changes })},
  generate: ({ index, level }, context) => ({ id: String(index), level, data: ${generate}, groundTruth: null }),
  prompt: ({ data }) => 'puzzle ' + data,
  gold: () => 'good',
  decoy: () => 'bad',
  score: ({ groundTruth, completion }, context) => { calls++; ${score} },
};`,
  );
  return folder;
}
