import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import arc from '../index.ts';
import { invariantsOf } from '../invariant.ts';
import { levels } from '../levels.ts';
import type { Rule } from '../rule.ts';
import { checkers } from './checkers.fixtures.ts';
import { ruleNamed, rules } from './table.ts';

const lengths = [10, 20, 30, 40];
const GRIDS = 100;

function drawn(rule: Rule, length: number, count: number): (readonly number[])[] {
  const random = keyedRandom(8, `test/checkers/${rule.name}`, length);
  const grids: (readonly number[])[] = [];
  for (let attempt = 0; attempt < 100 * count && grids.length < count; attempt++) {
    const grid = rule.draw(random, length);
    if (grid !== null && rule.apply(grid) !== null) grids.push(grid);
  }
  return grids;
}

describe("a rule's own checker", () => {
  test('is there for each rule, and for nothing else', () => {
    expect([...checkers.keys()].sort()).toEqual(rules.map(({ name }) => name).sort());
  });

  test.each(rules.map((rule) => [rule.name, rule] as const))(
    '%s: accepts the output for each drawn grid, at all lengths, and none with another cell',
    (name, rule) => {
      const check = checkers.get(name)!;
      for (const length of lengths) {
        const random = keyedRandom(9, `test/checkers/${name}`, length);
        const grids = drawn(rule, length, GRIDS);
        expect(grids).toHaveLength(GRIDS);
        for (const grid of grids) {
          const input = grid.join('');
          const output = rule.apply(grid)!;
          if (!check(input, output.join(''))) expect.fail(`${input} > ${output.join('')} is refused`);
          for (let at = 0; at < length; at++) {
            const changed = output.with(at, (output[at]! + 1 + random.integer(9)) % 10).join('');
            if (check(input, changed)) expect.fail(`${input} > ${changed} is accepted, as is ${output.join('')}`);
          }
        }
      }
    },
  );

  test('accepts what its rule makes of the grids of all others, and the invariants of a rule hold there too', () => {
    let pairs = 0;
    for (const length of lengths) {
      const grids = rules.flatMap((rule) => drawn(rule, length, 12));
      for (const rule of rules) {
        const check = checkers.get(rule.name)!;
        for (const grid of grids) {
          const output = rule.apply(grid);
          if (output === null) continue;
          pairs++;
          const pair = `${rule.name}: ${grid.join('')} > ${output.join('')}`;
          if (!check(grid.join(''), output.join(''))) expect.fail(pair);
          if ((rule.invariants & ~invariantsOf(grid, output)) !== 0) expect.fail(`invariants of ${pair}`);
        }
      }
    }
    expect(pairs).toBeGreaterThan(30_000);
  });

  test.each(arc.manifest.levels)('accepts every example and the answer of puzzles of level %s', (level) => {
    const seen = new Set<string>();
    for (let index = 0; index < 400; index++) {
      const split = (['train', 'tune', 'heldout'] as const)[index % 3]!;
      const { data, groundTruth } = arc.generate({ seed: 31, index, level, split });
      const check = checkers.get(data.rule)!;
      const { target } = groundTruth as { target: string };
      const pairs = [
        ...data.examples.map(({ input, output }) => [input.join(''), output.join('')] as const),
        [data.input.join(''), target.replaceAll(' ', '')] as const,
      ];
      for (const [input, output] of pairs) if (!check(input, output)) expect.fail(`${data.rule}: ${input} > ${output}`);
      seen.add(data.rule);
    }
    expect(seen.size / levels[level]!.rules.length).toBeGreaterThan(0.9);
  });

  test('refuses the outputs of rules that are near it', () => {
    const [one, two] = ['move_1pix_solid_right', 'move_2pix_solid_right'].map(ruleNamed) as [Rule, Rule];
    for (const grid of drawn(two, 10, 50)) {
      expect(checkers.get(one.name)!(grid.join(''), two.apply(grid)!.join(''))).toBe(false);
    }
  });
});
