/** How hard Zebra's puzzles are: clues by number and kind, and how many of them can be solved without a guess. */
import { generateZebra } from '../src/generate.ts';
import { proofByModels } from '../src/other-solvers.fixtures.ts';

const PROVED = 100;

/** A row of the README's table. The last column is of the first hundred puzzles. */
export function zebraDifficulty(level: string, puzzles: number) {
  const counts: number[] = [];
  const kinds = { same: 0, in: 0, left: 0, by: 0 };
  let clear = 0;
  for (let index = 0; index < puzzles; index++) {
    const { data } = generateZebra({ seed: 2, index, level, split: 'train' });
    counts.push(data.clues.length);
    for (const [kind] of data.clues) kinds[kind]++;
    if (index < PROVED && proofByModels({ ...data, clues: data.clues }).guesses === 0) clear++;
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const share = (part: number, of: number): string => `${Math.round((100 * part) / of)} %`;
  return {
    clues: (total / puzzles).toFixed(1),
    fewest: Math.min(...counts),
    most: Math.max(...counts),
    same: share(kinds.same, total),
    in: share(kinds.in, total),
    left: share(kinds.left, total),
    by: share(kinds.by, total),
    'without a guess': share(clear, Math.min(PROVED, puzzles)),
  };
}
