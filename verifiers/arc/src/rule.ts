/**
 * What a rule is. Rules are pure: none has a parameter that its grid does not show, so that examples can determine it.
 */
import type { KeyedRandom } from '@evenkeel/core';
import { type Grid, mirror } from './grid.ts';
import { mirrorInvariants } from './invariant.ts';

export interface Rule {
  /** The name in reasoning-gym's table, whatever the name says (see `rules/gravity.ts`). */
  readonly name: string;
  /** What holds of each pair of it, whatever the grid: bits of `invariant.ts`. */
  readonly invariants: number;
  /** A grid that the rule speaks of; null where this draw gave none: draw again. */
  draw(random: KeyedRandom, length: number): Grid | null;
  /** The output; null where the rule does not speak of such a grid. Of the same length. */
  apply(grid: Grid): Grid | null;
}

/** The same rule seen in a mirror. */
export function mirrored(name: string, rule: Rule): Rule {
  return {
    name,
    invariants: mirrorInvariants(rule.invariants),
    draw(random, length) {
      const grid = rule.draw(random, length);
      return grid === null ? null : mirror(grid);
    },
    apply(grid) {
      const output = rule.apply(mirror(grid));
      return output === null ? null : mirror(output);
    },
  };
}

/** Uniform integer from `low` to `high`, both included. */
export function between(random: KeyedRandom, low: number, high: number): number {
  return low + random.integer(high - low + 1);
}

/** Uniform among the colours 1 to 9. */
export function anyColor(random: KeyedRandom): number {
  return 1 + random.integer(9);
}

/** Uniform among the colours 1 to 9 but one. */
export function colorBut(random: KeyedRandom, excluded: number): number {
  const color = 1 + random.integer(8);
  return color < excluded ? color : color + 1;
}

/** Each cell with an even chance background or one of the colours from 1 to `colors`. */
export function scattered(random: KeyedRandom, length: number, colors: number): number[] {
  const cells: number[] = [];
  for (let at = 0; at < length; at++) cells.push(random.integer(2) === 0 ? between(random, 1, colors) : 0);
  return cells;
}
