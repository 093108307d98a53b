import { describe, expect, test } from 'vitest';
import { deservedArc, deservedCountdown, deservedZebra } from './oracle.ts';

describe('the oracle of the fuzzer', () => {
  test.each([
    ['17 * 3 + 20', 1],
    ['-(-17)*3 - -20', 1],
    ['((20)) + 3 * 17', 1],
    ['20 + 3 * - - 17', 1],
    ['17 * 3 - 20', 0.1],
    ['17 3 20', 0.1],
    ['17 * 3 + 20)', 0.1],
    ['(17) (3 + 20)', 0.1],
    ['17 ** 3 + 20', 0.1],
    ['17 * 3 + 20.', 0.1],
    ['17 * 03 + 20', 0.1],
    [`${' '.repeat(20_000)}17 * 3 + 20`, 1],
    [`17 * 3 +${' '.repeat(20_000)}20`, 0.1],
    ['  ', 0],
  ])('reads %j', (content, deserved) => {
    expect(deservedCountdown(`so \\boxed{${content}} it is`, 71, [3, 17, 20])).toBe(deserved);
  });

  // Found by the fuzzer, in the oracle: brackets without a value were left out.
  test('takes brackets without a value for no expression', () => {
    expect(deservedCountdown('\\boxed{12 (   9  * - ) 8}', 12, [12, 8, 9])).toBe(0.1);
    expect(deservedCountdown('\\boxed{12 () }', 12, [12])).toBe(0.1);
  });

  test('reads names and cells, the last closed box and no box', () => {
    expect(deservedZebra('\\boxed{bob} \\boxed{\u00a0ALICE\n} \\boxed{', 'alice')).toBe(1);
    expect(deservedZebra('\\boxed{eri\u212a}', 'Erik')).toBe(1);
    expect(deservedZebra('\\boxed{\\boxed{bob} alice}', 'bob')).toBe(1);
    expect(deservedZebra('\\boxed{a{lic}e', 'alice')).toBe(0);
    expect(deservedArc('\\boxed{ 0\n1  2 }', '0 1 2')).toBe(1);
    expect(deservedArc('\\boxed{0 1 22}', '0 1 2')).toBe(0.1);
    expect(deservedArc('\\boxed{0 1 2 2}', '0 1 2')).toBe(0.1);
    expect(deservedArc('boxed{0 1 2}', '0 1 2')).toBe(0);
  });
});
