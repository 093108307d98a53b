import { sha256Hex } from '@evenkeel/core';
import { splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import type { ArcData } from './generate.ts';
import arc from './index.ts';

const { levels } = arc.manifest;

function* drawn(split: 'train' | 'tune' | 'heldout', count: number) {
  for (let index = 0; index < count; index++) {
    // Most at the small levels, where puzzles come up again and again.
    const level = levels[index % 200 === 199 ? 2 + (Math.floor(index / 200) % 3) : index % 2]!;
    yield arc.generate({ seed: 41 + (index % 7), index, level, split });
  }
}

/** The identity as it is defined: all that is shown, the examples in order of their texts. */
function identityInText({ examples, input }: ArcData): string {
  const shown = examples.map((example) => `${example.input.join('')}>${example.output.join('')}`).sort();
  return `${shown.join(';')};${input.join('')}`;
}

describe('the splits of ARC', () => {
  test('are decided by what is shown alone, whatever level, seed, index and rule it was drawn under', () => {
    for (const split of ['train', 'tune', 'heldout'] as const) {
      for (const { id, data } of drawn(split, 300)) {
        const identity = identityInText(data);
        expect(splitOf(identity)).toBe(split);
        expect(id).toBe(sha256Hex(`arc/${identity}`).slice(0, 32));
        expect(identityInText({ ...data, examples: data.examples.toReversed() })).toBe(identity);
      }
    }
  });

  test('share no puzzle over 100,000 draws', () => {
    const heldout = new Set([...drawn('heldout', 4000)].map(({ id }) => id));
    const tune = new Set([...drawn('tune', 4000)].map(({ id }) => id));
    for (const { id } of drawn('train', 92_000)) {
      if (heldout.has(id) || tune.has(id)) expect.fail(`${id} is drawn for training too`);
    }
    expect(heldout.isDisjointFrom(tune)).toBe(true);
    expect(heldout.size).toBeGreaterThan(3950);
  });
});
