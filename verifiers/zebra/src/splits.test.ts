import { sha256Hex } from '@evenkeel/core';
import { splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import type { ZebraData } from './generate.ts';
import zebra from './index.ts';

const { levels } = zebra.manifest;

function* drawn(split: 'train' | 'tune' | 'heldout', count: number) {
  for (let index = 0; index < count; index++) {
    // Most at the small levels, where puzzles come up again and again.
    const level = levels[index % 200 === 199 ? 2 + (Math.floor(index / 200) % 3) : index % 2]!;
    yield zebra.generate({ seed: 41 + (index % 7), index, level, split });
  }
}

/** The identity as it is defined, from the words: values and clues, in order of their texts. */
function identityInWords({ characteristics, clues }: ZebraData): string {
  const values = characteristics.map((each) => `${each.key}:${each.values.toSorted().join(',')}`).sort();
  const texts = clues.map(([kind, subject, object]) =>
    (kind === 'same' || kind === 'by') && subject > String(object)
      ? `${object} ${kind} ${subject}`
      : `${subject} ${kind} ${object}`,
  );
  return sha256Hex(`zebra/${values.join(';')}/${texts.sort().join(';')}`).slice(0, 32);
}

describe('the splits of Zebra', () => {
  test('are decided by values and clues alone, whatever level, seed, index and order they were drawn under', () => {
    for (const split of ['train', 'tune', 'heldout'] as const) {
      for (const { id, data } of drawn(split, 300)) {
        expect(identityInWords(data)).toBe(id);
        expect(splitOf(id)).toBe(split);
        const turned: ZebraData = {
          ...data,
          characteristics: data.characteristics
            .toReversed()
            .map(({ key, values }) => ({ key, values: values.toReversed() })),
          clues: data.clues
            .map(([kind, a, b]) =>
              kind === 'same' || kind === 'by' ? ([kind, String(b), a] as const) : ([kind, a, b] as const),
            )
            .toReversed(),
        };
        expect(identityInWords(turned)).toBe(id);
      }
    }
  });

  test('share no puzzle over 100,000 draws', () => {
    const heldout = new Set([...drawn('heldout', 4000)].map(({ id }) => id));
    const tune = new Set([...drawn('tune', 4000)].map(({ id }) => id));
    const train = new Set<string>();
    for (const { id } of drawn('train', 92_000)) {
      if (heldout.has(id) || tune.has(id)) expect.fail(`${id} is drawn for training too`);
      train.add(id);
    }
    expect(heldout.isDisjointFrom(tune)).toBe(true);
    // Puzzles do come up again: 92,000 draws were not 92,000 puzzles that could not have met the held-out ones anyway.
    expect(train.size).toBeLessThan(92_000);
    expect(heldout.size).toBeGreaterThan(2500);
  });
});
