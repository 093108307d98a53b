/** Cells change their colour and stay where they are. */
import type { Rule } from '../rule.ts';
import { anyColor } from '../rule.ts';

const changeToFive: Rule = {
  name: 'change_to_five',
  draw: (random, length) => Array.from({ length }, () => (random.integer(2) === 0 ? anyColor(random) : 0)),
  apply: (grid) => (grid.every((cell) => cell === 0) ? null : grid.map((cell) => (cell === 0 ? 0 : 5))),
};

export const recolorRules: readonly Rule[] = [changeToFive];
