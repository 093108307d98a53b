/** A task as somebody outside of the workspace has it: a folder with plain JavaScript, in the notation that the shipped policy knows. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OwnVerifier {
  readonly id: string;
  readonly version: string;
  /** What `score` does first, as JavaScript: it knows `completion`. */
  readonly first?: string;
  /** Reward of an answer in the form that is not liked. Default 0.1. */
  readonly wrong?: number;
}

/**
 * Writes a package whose puzzles look like Countdown's and whose taste is for sums: an answer with a plus is correct. It gives its
 * verdicts two components, `format` and `brevity`.
 *
 * @returns the folder
 */
export function writeOwnVerifier(folder: string, { id, version, first = '', wrong = 0.1 }: OwnVerifier): string {
  mkdirSync(folder, { recursive: true });
  const packageJson = { name: `@me/verifier-${id}`, version, type: 'module', exports: './index.js' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(packageJson));
  const manifest = {
    ...{ id, version, sdk: '^1', title: 'Sums', levels: ['tiny'] },
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
    rewards: [1, wrong, 0],
    components: ['format', 'brevity'],
  };
  writeFileSync(
    join(folder, 'index.js'),
    `
const splits = ['train', 'tune', 'heldout'];
const scored = (reward, answer, completion) => ({
  kind: 'scored', reward, correct: reward === 1, formatted: reward > 0, answer, reason: reward === 1 ? 'sum' : reward > 0 ? 'no-sum' : 'no-box',
  components: { format: reward > 0 ? 1 : 0, brevity: 1 / (1 + completion.length) },
});
export default {
  manifest: ${JSON.stringify(manifest)},
  generate({ seed, index, level, split }) {
    const number = (factor) => 1 + ((seed + 1) * 31 + index * factor) % 20;
    const numbers = [number(7), number(11), number(13)];
    const target = 1 + 3 * ((index * 17 + seed) % 30) + splits.indexOf(split);
    return { id: [target, ...numbers].join('-'), level, data: { numbers, target }, groundTruth: { target } };
  },
  prompt: ({ data }) => 'make ' + data.target + ' from ' + data.numbers.join(' ') + ' :',
  gold: () => '\\\\boxed{ 1 + 1 }',
  decoy: () => '\\\\boxed{ 1 }',
  score({ groundTruth, completion }) {
    if (typeof groundTruth?.target !== 'number') return { kind: 'failed', error: { code: 'ground-truth', message: 'no target' } };
    ${first}
    const answer = /\\\\boxed\\{([^}]*)\\}/.exec(completion)?.[1] ?? null;
    if (answer === null) return scored(0, null, completion);
    return scored(answer.includes('+') ? 1 : ${wrong}, answer.slice(0, 200), completion);
  },
};
`,
  );
  return folder;
}
