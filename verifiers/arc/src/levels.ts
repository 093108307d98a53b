/** Which rules and which length a level has. */
import type { Rule } from './rule.ts';
import { ruleNamed, rules } from './rules/table.ts';

/**
 * The rules that the tiny policy's level draws from: simple, and told apart by their examples. The draws of that level depend on
 * this list and its order, and a shipped policy on the draws: change it only with a new major version.
 */
export const tinyRules: readonly Rule[] = [
  'move_1pix_solid_right',
  'move_2pix_solid_right',
  'move_3pix_solid_right',
  'move_1pix_solid_left',
  'move_2pix_solid_left',
  'move_3pix_solid_left',
  'move_1pix_solid_wrapped_right',
  'move_1pix_solid_wrapped_left',
  'gravity_right',
  'gravity_left',
  'two_points_and_fill',
  'two_points_and_fill_inv',
  'reflect_block_with_border_pixel',
  'change_to_five',
  'fill_from_pixel',
].map(ruleNamed);

export interface Level {
  readonly length: number;
  readonly rules: readonly Rule[];
  /** Whether every example must show a change, or one is enough. */
  readonly everyExampleChanges: boolean;
}

export const levels: Readonly<Record<string, Level>> = {
  tiny: { length: 10, rules: tinyRules, everyExampleChanges: true },
  easy: { length: 10, rules, everyExampleChanges: false },
  medium: { length: 20, rules, everyExampleChanges: false },
  hard: { length: 30, rules, everyExampleChanges: false },
  very_hard: { length: 40, rules, everyExampleChanges: false },
};
