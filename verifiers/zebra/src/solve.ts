/** Solves a puzzle from its words, as a reader would have to: the proof that the answer is the only one. */
import type { ZebraData } from './generate.ts';
import { findGrid, type GridProblem } from './grid.ts';

/**
 * The name in house 1.
 *
 * @returns null where the clues leave no grid, or more than one
 * @throws {RangeError} on a clue about a value that the puzzle does not have
 */
export function solveZebra(data: ZebraData): string | null {
  const words = data.characteristics.flatMap(({ values }) => values);
  const indexOfWord = (word: string | number): number => {
    const value = words.indexOf(String(word));
    if (value < 0)
      throw new RangeError(`Cannot solve a Zebra puzzle: clue names "${word}", expected one of its values`);
    return value;
  };
  const problem: GridProblem = {
    houses: data.houses,
    characteristics: data.characteristics.length,
    clues: data.clues.map(([kind, subject, object]) => ({
      kind,
      a: indexOfWord(subject),
      b: kind === 'in' ? Number(object) - 1 : indexOfWord(object),
    })),
  };
  const grid = findGrid(problem, null);
  if (grid === null || findGrid(problem, grid) !== null) return null;
  return words[grid.indexOf(0)]!;
}
