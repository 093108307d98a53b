/** All rules. */
import type { Rule } from '../rule.ts';
import { blockRules } from './block.ts';
import { dotRules } from './dot.ts';
import { fillRules } from './fill.ts';
import { gravityRules } from './gravity.ts';
import { moveRules } from './move.ts';
import { patternRules } from './pattern.ts';
import { recolorRules } from './recolor.ts';
import { reflectRules } from './reflect.ts';
import { sortRules } from './sort.ts';

export const rules: readonly Rule[] = [
  ...moveRules,
  ...gravityRules,
  ...dotRules,
  ...blockRules,
  ...patternRules,
  ...reflectRules,
  ...recolorRules,
  ...sortRules,
  ...fillRules,
];

const byName = new Map(rules.map((rule) => [rule.name, rule]));

/** @throws {RangeError} on a name that no rule has */
export function ruleNamed(name: string): Rule {
  const rule = byName.get(name);
  if (rule === undefined)
    throw new RangeError(`Cannot find a rule: there is no "${name}", expected one of the ${rules.length} names`);
  return rule;
}
