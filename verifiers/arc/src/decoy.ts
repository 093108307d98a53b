/** Wrong answers that look right: another rule's output, or the right one with something out of place. */
import { type KeyedRandom, keyedRandom } from '@evenkeel/core';
import { type ArcPuzzle, gridText } from './generate.ts';
import type { Grid } from './grid.ts';
import { levels } from './levels.ts';

/** The right answer of a puzzle, as text. */
export function targetOf(puzzle: ArcPuzzle): string {
  return (puzzle.groundTruth as { readonly target: string }).target;
}

/** An answer of the right length that is not the target. A pure function of the puzzle and the variant. */
export function decoyAnswer(puzzle: ArcPuzzle, variant: number): string {
  const random = keyedRandom(0, 'arc/1/decoy', Number.parseInt(puzzle.id.slice(0, 8), 16), variant >>> 0);
  const target = targetOf(puzzle);
  const cells = target.split(' ').map(Number);
  const answer = random.integer(2) === 0 ? otherRulesAnswer(random, puzzle, target) : gridText(shifted(random, cells));
  return answer === null || answer === target ? gridText(withCellsChanged(random, cells)) : answer;
}

/** What another rule of the level makes of the test input; null where none has anything else to say. */
function otherRulesAnswer(random: KeyedRandom, puzzle: ArcPuzzle, target: string): string | null {
  const others = levels[puzzle.level]!.rules;
  const first = random.integer(others.length);
  for (let step = 0; step < others.length; step++) {
    const output = others[(first + step) % others.length]!.apply(puzzle.data.input);
    if (output === null) continue;
    const answer = gridText(output);
    if (answer !== target) return answer;
  }
  return null;
}

/** All cells one step to one side. */
function shifted(random: KeyedRandom, cells: Grid): Grid {
  return random.integer(2) === 0 ? [...cells.slice(1), cells[0]!] : [cells.at(-1)!, ...cells.slice(0, -1)];
}

/** One or two cells that lie side by side get another of the colours that occur, or the background. */
function withCellsChanged(random: KeyedRandom, cells: Grid): Grid {
  const palette = [...new Set([0, 1, ...cells])];
  const changed = [...cells];
  const from = random.integer(cells.length);
  const until = Math.min(from + 1 + random.integer(2), cells.length);
  for (let at = from; at < until; at++) changed[at] = random.pick(palette.filter((color) => color !== cells[at]));
  return changed;
}
