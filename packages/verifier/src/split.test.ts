import { describe, expect, test } from 'vitest';
import { drawInSplit, splitOf } from './split.ts';

const query = { seed: 1, index: 0, level: 'easy', split: 'heldout' } as const;

describe('splitOf()', () => {
  test('says the same of an identity for ever: what was held out once is never trained on later', () => {
    const recorded = {
      '1=3,17,20': 'train',
      '2=3,17,20': 'train',
      '3=3,17,20': 'heldout',
      '4=3,17,20': 'tune',
      '5=3,17,20': 'train',
      '6=3,17,20': 'tune',
      '10=3,17,20': 'heldout',
      '12=3,17,20': 'heldout',
      '17=3,17,20': 'tune',
      '': 'train',
      é: 'train',
    };
    for (const [identity, split] of Object.entries(recorded)) expect(splitOf(identity), identity).toBe(split);
  });

  test('holds a tenth out, gives a tenth to tuning and the rest to training', () => {
    const counts = { train: 0, tune: 0, heldout: 0 };
    for (let at = 0; at < 20_000; at++) counts[splitOf(`identity ${at}`)]++;
    expect(Math.abs(counts.heldout - 2000)).toBeLessThan(150);
    expect(Math.abs(counts.tune - 2000)).toBeLessThan(150);
  });
});

describe('drawInSplit()', () => {
  test('gives the first candidate of the wanted split, and draws each under a key of its own', () => {
    const seen: number[] = [];
    const drawn = drawInSplit(
      query,
      'test',
      (random) => {
        const word = random.uint32();
        seen.push(word);
        return word;
      },
      String,
    );
    expect(drawn).toBe(seen.at(-1));
    expect(seen.map((word) => splitOf(String(word)) === 'heldout')).toEqual([
      ...new Array(seen.length - 1).fill(false),
      true,
    ]);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('passes over draws that gave no puzzle, and gives up after 10,000', () => {
    let draws = 0;
    expect(() =>
      drawInSplit(
        query,
        'test',
        () => {
          draws++;
          return null;
        },
        String,
      ),
    ).toThrow(
      new RangeError(
        'Cannot generate a puzzle: 10000 draws at level "easy" gave none in split "heldout", expected at least one',
      ),
    );
    expect(draws).toBe(10_000);
  });
});
