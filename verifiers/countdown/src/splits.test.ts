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
});
