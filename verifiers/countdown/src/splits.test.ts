import { splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import countdown from './index.ts';

const { levels } = countdown.manifest;

function* drawn(split: 'train' | 'tune' | 'heldout', count: number) {
  for (let index = 0; index < count; index++) {
    // Most at the small levels, where puzzles come up again and again.
    const level = levels[index % 10 === 9 ? 2 + (Math.floor(index / 10) % 3) : index % 2]!;
    yield countdown.generate({ seed: 41 + (index % 7), index, level, split });
  }
}

describe('the splits of Countdown', () => {
  test('are decided by target and numbers alone, whatever level, seed, index and order they were drawn under', () => {
    for (const split of ['train', 'tune', 'heldout'] as const) {
      for (const { id, data } of drawn(split, 500)) {
        expect(id).toBe(`${data.target}=${data.numbers.toSorted((a, b) => a - b).join(',')}`);
        expect(splitOf(id)).toBe(split);
      }
    }
  });

  test('share no puzzle over 100,000 draws, though puzzles of levels tiny and easy overlap', () => {
    const heldout = new Set([...drawn('heldout', 5000)].map(({ id }) => id));
    const tune = new Set([...drawn('tune', 5000)].map(({ id }) => id));
    let overlapping = 0;
    const tiny = new Set<string>();
    const easy = new Set<string>();
    for (const { id, level } of drawn('train', 90_000)) {
      if (heldout.has(id) || tune.has(id)) expect.fail(`${id} is drawn for training too`);
      if (level === 'tiny') tiny.add(id);
      if (level === 'easy') easy.add(id);
    }
    for (const id of easy) if (tiny.has(id)) overlapping++;
    expect(overlapping).toBeGreaterThan(10);
    expect(heldout.isDisjointFrom(tune)).toBe(true);
    expect(heldout.size).toBeGreaterThan(2500);
  });

  test('part the 16,292 puzzles that level tiny has in all', () => {
    const all = new Set<string>();
    for (let a = 1; a <= 20; a++) {
      for (let b = a; b <= 20; b++) {
        for (let c = b; c <= 20; c++) {
          for (const target of reachable([a, b, c]))
            if (target >= 1 && target <= 100) all.add(`${target}=${a},${b},${c}`);
        }
      }
    }
    expect(all.size).toBe(16_292);
    const heldout = new Set([...all].filter((id) => splitOf(id) === 'heldout'));
    expect(heldout.size).toBe(1614);
    for (let index = 0; index < 2000; index++) {
      expect(heldout).toContain(countdown.generate({ seed: 5, index, level: 'tiny', split: 'heldout' }).id);
    }
  });
});

/** The values of the expressions that may be drawn: whole and not negative on the way. */
function reachable(values: readonly number[]): Set<number> {
  if (values.length === 1) return new Set(values);
  const found = new Set<number>();
  for (const [i, a] of values.entries()) {
    for (const [j, b] of values.entries()) {
      if (i === j) continue;
      const rest = values.filter((_, at) => at !== i && at !== j);
      const combined = [a + b, a * b];
      if (a >= b) combined.push(a - b);
      if (b !== 0 && a % b === 0) combined.push(a / b);
      for (const value of combined) for (const result of reachable([...rest, value])) found.add(result);
    }
  }
  return found;
}
