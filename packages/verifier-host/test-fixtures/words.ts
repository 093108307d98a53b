/** A small task as somebody outside would write it: plain JavaScript, no workspace, the SDK as a peer. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface WordsPackage {
  readonly version?: string;
  /** What the words are; part of the code. */
  readonly words?: readonly string[];
  readonly permissions?: { readonly net?: string[]; readonly read?: string[]; readonly env?: string[] };
  /** More of package.json, over what stands there. */
  readonly packageJson?: Readonly<Record<string, unknown>>;
  /** Put before the module's code. */
  readonly head?: string;
  /** More files, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The manifest of the package below. */
export function wordsManifest({ version = '1.0.0', permissions = {} }: WordsPackage = {}) {
  return {
    id: 'words',
    version,
    sdk: '^1',
    title: 'Words backwards',
    levels: ['easy', 'hard'],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [], ...permissions },
  };
}

/** Writes `@me/verifier-words`: say a word backwards. Types are beside the module as `.d.ts`. */
export function writeWords(folder: string, options: WordsPackage = {}): string {
  const { version = '1.0.0', words = ['ape', 'bee', 'cat', 'dog'], packageJson = {}, head = '', files = {} } = options;
  const all: Record<string, string> = {
    'package.json': JSON.stringify({
      name: '@me/verifier-words',
      version,
      type: 'module',
      exports: { '.': { types: './index.d.ts', default: './index.js' } },
      peerDependencies: { '@evenkeel/verifier': '^1', '@evenkeel/core': '*' },
      devDependencies: { 'no-such-package-on-any-registry-0': '^9' },
      ...packageJson,
    }),
    'index.d.ts': `import type { TaskVerifier } from '@evenkeel/verifier';
declare const verifier: TaskVerifier;
export default verifier;
`,
    'index.js': `${head}
import { keyedRandom } from '@evenkeel/core';
import { drawInSplit, lastBoxed } from '@evenkeel/verifier';
import { backwards } from './lib/backwards.js';

const words = ${JSON.stringify(words)};

export default {
  manifest: ${JSON.stringify(wordsManifest(options))},
  generate({ seed, index, level, split }) {
    const word = words[(seed + index) % words.length];
    return { id: word + '-' + split, level, data: { word }, groundTruth: { target: backwards(word) } };
  },
  prompt: ({ data }) => 'Say ' + data.word + ' backwards.',
  gold: ({ groundTruth }) => '\\\\boxed{' + groundTruth.target + '}',
  decoy: ({ data }) => '\\\\boxed{' + data.word + '!}',
  score({ groundTruth, completion }) {
    const target = groundTruth?.target;
    if (typeof target !== 'string') return { kind: 'failed', error: { code: 'ground-truth', message: 'no target' } };
    const answer = lastBoxed(completion);
    if (answer === null) return { kind: 'scored', reward: 0, correct: false, formatted: false, answer, reason: 'no-box' };
    const correct = answer === target;
    const reward = correct ? 1 : 0.1;
    return { kind: 'scored', reward, correct, formatted: true, answer: answer.slice(0, 200), reason: correct ? 'correct' : 'wrong' };
  },
};
`,
    'lib/backwards.js': 'export const backwards = (word) => [...word].reverse().join("");\n',
    'README.md': '# Words\n',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
