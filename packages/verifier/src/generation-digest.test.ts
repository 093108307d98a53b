import { describe, expect, test } from 'vitest';
import type { TaskVerifier } from './contract.ts';
import { generationDigest } from './generation-digest.ts';

const verifier: TaskVerifier = {
  manifest: {
    id: 'counter',
    version: '1.0.0',
    sdk: '^1',
    title: 'Count',
    levels: ['one', 'two'],
    limits: { timeMs: 100, memoryMb: 16 },
    permissions: { net: [], read: [], env: [] },
  },
  generate: ({ index, level, split }) => ({ id: `${split}-${index}`, level, data: index, groundTruth: index }),
  prompt: ({ id }, style) => `${style} ${id}`,
  gold: ({ data }) => `\\boxed{${data}}`,
  decoy: (_, style, variant) => `${style} ${variant}`,
  score: () => ({ kind: 'abstained', reason: 'never asked' }),
};

describe('generationDigest()', () => {
  test('is the same at each call, and another when the generator or the number of puzzles changes', () => {
    const digest = generationDigest(verifier, 3);
    expect(generationDigest(verifier, 3)).toBe(digest);
    expect(generationDigest(verifier, 2)).not.toBe(digest);
    expect(generationDigest(verifier, 3, ['one'])).not.toBe(digest);
    expect(generationDigest({ ...verifier, prompt: () => 'another' }, 3)).not.toBe(digest);
  });
});
