import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import type { Rule } from '../rule.ts';
import { ruleNamed, rules } from './table.ts';

/** Derived by hand from what the rules say. */
const goldens: Readonly<Record<string, readonly string[]>> = {
  move_1pix_solid_right: ['0330000000 > 0033000000'],
  move_2pix_solid_right: ['0330000000 > 0003300000'],
  move_3pix_solid_right: ['0440000000 > 0000440000'],
  move_4pix_solid_right: ['5500000000 > 0000550000'],
  move_1pix_colorful_right: ['0123000000 > 0012300000'],
  move_2pix_colorful_right: ['0012300000 > 0000123000'],
  move_3pix_colorful_right: ['1234560000 > 0001234560'],
  move_4pix_colorful_right: ['0012300000 > 0000001230'],
  move_1pix_solid_left: ['0033000000 > 0330000000'],
  move_2pix_solid_left: ['0003300000 > 0330000000'],
  move_3pix_solid_left: ['0000440000 > 0440000000'],
  move_4pix_solid_left: ['0000550000 > 5500000000'],
  move_1pix_colorful_left: ['0012300000 > 0123000000'],
  move_2pix_colorful_left: ['0000123000 > 0012300000'],
  move_3pix_colorful_left: ['0001234560 > 1234560000'],
  move_4pix_colorful_left: ['0000001230 > 0012300000'],
  move_1pix_solid_wrapped_right: ['0000000033 > 3000000003', '0330000000 > 0033000000'],
  move_2pix_solid_wrapped_right: ['0000000330 > 3000000003'],
  move_3pix_solid_wrapped_right: ['0000000330 > 3300000000'],
  move_4pix_solid_wrapped_right: ['0000004440 > 4440000000'],
  move_1pix_colorful_wrapped_right: ['1000000098 > 8100000009'],
  move_2pix_colorful_wrapped_right: ['0000000123 > 2300000001'],
  move_3pix_colorful_wrapped_right: ['5000000067 > 0675000000'],
  move_4pix_colorful_wrapped_right: ['0000123400 > 3400000012'],
  move_1pix_solid_wrapped_left: ['3300000000 > 3000000003'],
  move_2pix_solid_wrapped_left: ['3300000000 > 0000000033'],
  move_3pix_solid_wrapped_left: ['0330000000 > 0000000033'],
  move_4pix_solid_wrapped_left: ['0444000000 > 0000000444'],
  move_1pix_colorful_wrapped_left: ['8100000009 > 1000000098'],
  move_2pix_colorful_wrapped_left: ['2300000001 > 0000000123'],
  move_3pix_colorful_wrapped_left: ['0675000000 > 5000000067'],
  move_4pix_colorful_wrapped_left: ['3400000012 > 0000123400'],
  gravity_right: ['0507003020 > 5732000000'],
  gravity_left: ['0507003020 > 0000005732'],
  gravity_counting_right: ['0507003020 > 1111000000'],
  gravity_counting_left: ['0507003020 > 0000001111'],
  gravity_antigravity_right: ['0102002110 > 2200000111'],
  gravity_antigravity_left: ['0102002110 > 1110000022'],
  gravity_one_step_right: ['0507003020 > 5070030200', '0012003400 > 0120034000', '1200030000 > 1200300000'],
  gravity_one_step_left: ['0012003400 > 0001200340', '0000300012 > 0000030012'],
  gravity_weighted_colors_right: ['0102002110 > 2211100000'],
  gravity_weighted_colors_left: ['0102002110 > 0000011122'],
  block_touch_dot: ['0330000100 > 0000033100', '0010000440 > 0014400000', '0001550000 > 0001550000'],
  block_touch_dot_1pix: ['0330000200 > 0033000200', '0020000440 > 0020004400', '0000033200 > 0000033200'],
  block_touch_dot_2pix: ['0330000200 > 0003300200', '0020000440 > 0020044000', '0000330200 > 0000033200'],
  block_touch_dot_3pix: ['0330000200 > 0000330200'],
  block_touch_dot_4pix: ['0330000200 > 0000033200', '0000330200 > 0000033200'],
  block_scale_to_dot: ['0330000200 > 0333333300', '0020000440 > 0044444440'],
  block_and_noise_remove: ['3033300303 > 0033300000'],
  block_and_noise_remove_inside: ['0444744340 > 0444444440', '7444440000 > 4444440000'],
  move_block_by_own_size: ['0333000000 > 0000333000', '0700000000 > 0070000000'],
  two_points_and_fill: ['0600000600 > 0666666600'],
  two_points_and_fill_inv: ['0666666600 > 0600000600'],
  copy_block_to_dots: ['3330003000 > 3330033300', '44444000400000 > 44444044444000'],
  copy_block_to_dots_colors: ['3330070000 > 3330777000', '33300700050000 > 33307770555000'],
  repeat_pattern_full: ['1212000000 > 1212121212', '1231230000 > 1231231231', '1111000000 > 1111111111'],
  reflect_block_with_border_pixel: ['0733330000 > 0333370000', '0333370000 > 0733330000', '0000000012 > 0000000021'],
  reflect_block_random: ['0715200000 > 0251700000'],
  reflect_block_around_dot: ['0330200000 > 0000203300', '0000024440 > 0044420000'],
  paint_biggest_block: ['4404440440 > 4401110440'],
  recolor_blocks_by_size: ['0330033330 > 0220011110', '3333303300 > 1111102200'],
  change_to_five: ['0507003020 > 0505005050'],
  recolor_blocks_from_palette: ['7405500550 > 7407700440', '5055500000 > 5055500000'],
  color_left_half_blocks: ['2222022200 > 8822082200'],
  sort_blocks_by_size: ['0444040440 > 4044044400', '0770000707 > 7070770000'],
  sort_complete_sequence: ['4440404400 > 4044044400'],
  duplicate_block_from_seeds: ['0030110600 > 0330110660', '0000301106 > 3303301106', '3011000000 > 3011000000'],
  fill_from_pixel: ['0006333000 > 6666333000', '0033360000 > 0033366666'],
  fill_until_collision: ['5003000700 > 5333777700', '0030070005 > 0033377775'],
  mark_size_two_blocks: ['0044006000 > 0344306000', '4400066000 > 4430366300', '1002200444 > 1032230444'],
};

/** Grids that a rule does not speak of. */
const refused: Readonly<Record<string, readonly string[]>> = {
  move_1pix_solid_right: ['0000000000', '0000000033', '0330033000', '0012000000'],
  move_2pix_colorful_left: ['0123000000', '1010000000'],
  move_1pix_solid_wrapped_left: ['0000000000', '0330033000', '1000000002'],
  gravity_right: ['0000000000'],
  gravity_counting_left: ['0000000000'],
  gravity_antigravity_right: ['0000000000', '0102003000'],
  gravity_weighted_colors_left: ['0000000003'],
  block_touch_dot: ['0330000200', '0110000000', '0330030100', '0330000000'],
  block_touch_dot_2pix: ['0330000100', '0330200200', '0220000300', '0340000200'],
  reflect_block_around_dot: ['2003330000', '0000033302'],
  block_and_noise_remove: ['0033300000', '3033300505', '3303300300', '3030303033'],
  block_and_noise_remove_inside: ['0444444440', '0447774400', '0474400000'],
  move_block_by_own_size: ['0000033300', '0340000000'],
  two_points_and_fill: ['0600000700', '0600600600', '0600000000'],
  two_points_and_fill_inv: ['0600000000', '0660066000'],
  copy_block_to_dots: ['0333003000', '3330007000', '3330300000', '3330000030', '3330000000', '4400040000'],
  copy_block_to_dots_colors: ['3330077000', '3340070000'],
  repeat_pattern_full: ['1213000000', '0121200000', '1200000000', '1212121212'],
  reflect_block_with_border_pixel: ['0333300000', '0337330000', '0700000000', '0733370000'],
  reflect_block_random: ['0712700000', '0777700000'],
  paint_biggest_block: ['4440444000', '1101110000', '4444000000', '4440400000'],
  recolor_blocks_by_size: ['0330033000', '4400044400', '3330330330', '3000333000'],
  recolor_blocks_from_palette: ['7705500550', '7405500000', '7406600660', '0740550550', '7000000000', '7405505550'],
  color_left_half_blocks: ['2222000000', '3333033300', '2222020000'],
  sort_blocks_by_size: ['0333000000', '0333044000'],
  sort_complete_sequence: ['0444040440', '4440440000', '4044044440'],
  duplicate_block_from_seeds: ['0000110000', '0300110000', '0030220600', '0330110000'],
  fill_from_pixel: ['0333330000', '0633000000', '0633360000'],
  fill_until_collision: ['5003000000', '0003050700', '5003000705', '5111111000'],
  mark_size_two_blocks: ['0040006000', '0044060000', '0033000000', '4444002200', '0045000000'],
  change_to_five: ['0000000000'],
};

/** Rules that some grids which they speak of leave as they are. */
const mayChangeNothing = /wrapped|gravity|touch_dot|change_to_five|points|reflect|palette|sort|duplicate|until/;

function cellsOf(text: string): number[] {
  return [...text].map(Number);
}

function drawn(rule: Rule, length: number, count: number): (readonly number[])[] {
  const random = keyedRandom(5, `test/${rule.name}`, length);
  const grids: (readonly number[])[] = [];
  for (let attempt = 0; attempt < 100 * count && grids.length < count; attempt++) {
    const grid = rule.draw(random, length);
    if (grid?.some((cell) => cell !== 0)) grids.push(Object.freeze(grid));
  }
  return grids;
}

describe('rules', () => {
  test('are 70, each with a name of its own and a golden pair', () => {
    const names = rules.map(({ name }) => name);
    expect(names).toHaveLength(70);
    expect(new Set(names)).toEqual(new Set(Object.keys(goldens)));
  });

  test('are found by name, and no other', () => {
    for (const rule of rules) expect(ruleNamed(rule.name)).toBe(rule);
    expect(() => ruleNamed('turn')).toThrow(
      new RangeError('Cannot find a rule: there is no "turn", expected one of the 70 names'),
    );
  });

  test.each(Object.entries(goldens))('%s gives what was worked out by hand', (name, pairs) => {
    for (const pair of pairs) {
      const [input, output] = pair.split(' > ') as [string, string];
      expect(ruleNamed(name).apply(cellsOf(input))?.join(''), pair).toBe(output);
    }
  });

  test.each(Object.entries(refused))('%s does not speak of other grids', (name, grids) => {
    for (const grid of grids) expect(ruleNamed(name).apply(cellsOf(grid)), grid).toBeNull();
  });

  test.each(rules.map((rule) => [rule.name, rule] as const))(
    '%s keeps the length and the colours of any length of grid',
    (name, rule) => {
      for (const length of [10, 20, 30, 40]) {
        const grids = drawn(rule, length, 100);
        expect(grids).toHaveLength(100);
        let changed = 0;
        for (const grid of grids) {
          expect(grid).toHaveLength(length);
          const output = rule.apply(grid);
          expect(output, grid.join('')).not.toBeNull();
          expect(output).toHaveLength(length);
          expect([...grid, ...output!].every((cell) => Number.isInteger(cell) && cell >= 0 && cell <= 9)).toBe(true);
          if (output!.join('') !== grid.join('')) changed++;
        }
        if (mayChangeNothing.test(name)) expect(changed).toBeGreaterThan(20);
        else expect(changed).toBe(100);
      }
    },
  );

  test('never throw on any grid, nor change it', () => {
    const random = keyedRandom(6, 'test/any-grid');
    for (let round = 0; round < 3000; round++) {
      const colors = 1 + random.integer(10);
      const grid = Object.freeze(Array.from({ length: random.integer(14) }, () => random.integer(colors)));
      for (const rule of rules) {
        const output = rule.apply(grid);
        if (output !== null && output.length !== grid.length) expect.fail(`${rule.name} on ${grid.join('')}`);
      }
    }
  });

  test('give no grid where the length is too small for them', () => {
    for (const rule of rules) {
      for (const grid of drawn(rule, 6, 5))
        expect(rule.apply(grid), `${rule.name} on ${grid.join('')}`).toHaveLength(6);
    }
  });
});
