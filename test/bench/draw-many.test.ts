import type { TaskVerifier } from '@evenkeel/verifier';
import arc from '@evenkeel/verifier-arc';
import countdown from '@evenkeel/verifier-countdown';
import zebra from '@evenkeel/verifier-zebra';
import { describe, expect, test } from 'vitest';
import { drawMany } from './draw-many.ts';

const verifiers = [countdown, zebra, arc] as readonly TaskVerifier[];

describe('drawMany()', () => {
  test('finds no throw and no wrong answer in puzzles of every task, level and split', () => {
    // A million of them: npm run bench generators -- --puzzles 1000000
    expect(drawMany(verifiers, { puzzles: 4500, sampleEvery: 10, seed: 1 })).toEqual({
      drawn: 4500,
      sampled: 450,
      findings: [],
    });
  });

  test('tells what goes wrong, and stops where everything does', () => {
    const broken: TaskVerifier = {
      ...verifiers[0]!,
      generate(query) {
        if (query.index % 2 === 0) throw new Error('no puzzle today');
        return countdown.generate(query);
      },
      gold: () => 'seven',
    };
    const report = drawMany([broken], { puzzles: 1000, sampleEvery: 1, seed: 1 });
    expect(report.findings).toHaveLength(20);
    expect(report.drawn).toBeLessThan(50);
    expect(report.findings[0]).toBe(
      'countdown {"seed":1,"index":0,"level":"tiny","split":"train"}: threw Error: no puzzle today',
    );
    expect(report.findings.at(-1)).toMatch(/^countdown .*: gold "seven" got \{.*"no-box".*, expected reward 1$/);
  });
});
