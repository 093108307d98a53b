/** How hard Countdown's puzzles are: distinct solutions, counted by the exact solver of the tests, and targets. */
import { allSolutions } from '../src/all-solutions.fixtures.ts';
import { generateCountdown } from '../src/generate.ts';

/** A row of the README's table. */
export function countdownDifficulty(level: string, puzzles: number) {
  const solutions: number[] = [];
  const targets: number[] = [];
  for (let index = 0; index < puzzles; index++) {
    const { target, numbers } = generateCountdown({ seed: 2, index, level, split: 'train' }).data;
    solutions.push(allSolutions(numbers, target).size);
    targets.push(target);
  }
  solutions.sort((a, b) => a - b);
  targets.sort((a, b) => a - b);
  const share = (from: number, to: number): string =>
    `${Math.round((100 * solutions.filter((count) => count >= from && count <= to).length) / puzzles)} %`;
  const quantiles = (sorted: readonly number[]): string =>
    [0.1, 0.5, 0.9].map((part) => sorted[Math.floor(part * puzzles)]).join(' / ');
  return {
    one: share(1, 1),
    'two to five': share(2, 5),
    'six to twenty': share(6, 20),
    more: share(21, Number.POSITIVE_INFINITY),
    most: solutions.at(-1)!,
    'targets at 10 / 50 / 90 %': quantiles(targets),
  };
}
