import { describe, expect, test } from 'vitest';
import { lastBoxed } from './boxed.ts';
import { conformanceFindings } from './conformance.ts';
import type { Puzzle, Submission, TaskVerifier, Verdict } from './contract.ts';
import { generationDigest } from './generation-digest.ts';
import { drawInSplit } from './split.ts';

/** A sound verifier: the successor of a number. */
const successor: TaskVerifier<number> = {
  manifest: {
    id: 'successor',
    version: '1.0.0',
    sdk: '^1',
    title: 'The next number',
    levels: ['only'],
    limits: { timeMs: 100, memoryMb: 16 },
    permissions: { net: [], read: [], env: [] },
  },
  generate(query) {
    if (query.level !== 'only') throw new RangeError(`Cannot generate: level is "${query.level}", expected "only"`);
    const number = drawInSplit(query, 'successor-1', (random) => random.integer(100_000), String);
    return { id: `n${number}`, level: 'only', data: number, groundTruth: { target: number + 1 } };
  },
  prompt: (puzzle, style) => `${style === 'chat' ? 'What comes after ' : ''}${puzzle.data}`,
  gold: (puzzle) => `\\boxed{${puzzle.data + 1}}`,
  decoy: (puzzle, _style, variant) => `\\boxed{${puzzle.data + 2 + variant}}`,
  score: scoreSuccessor,
};

function scoreSuccessor({ groundTruth, completion }: Submission): Verdict {
  const target = (groundTruth as { target?: unknown } | null)?.target;
  if (typeof target !== 'number') return { kind: 'failed', error: { code: 'ground-truth', message: 'Bad target' } };
  const box = lastBoxed(completion)?.trim() ?? '';
  const reward = box === '' ? 0 : box === String(target) ? 1 : 0.1;
  return {
    kind: 'scored',
    reward,
    correct: reward === 1,
    formatted: reward > 0,
    answer: box === '' ? null : box.slice(0, 200),
    reason: 'judged',
  };
}

/** The checks that a changed verifier fails. */
function checksFailedBy(change: Partial<TaskVerifier<number>>): string[] {
  const findings = conformanceFindings({ ...successor, ...change }, { puzzles: 3, fuzzed: 50 });
  return [...new Set(findings.map(({ check }) => check))].sort();
}

/** The sound verdict, changed. */
function scoredWith(change: object): (submission: Submission) => Verdict {
  return (submission) => ({ ...scoreSuccessor(submission), ...change }) as Verdict;
}

describe('conformanceFindings()', () => {
  test('finds nothing in a sound verifier', () => {
    expect(conformanceFindings(successor)).toEqual([]);
  });

  test('finds a gold answer that is wrong', () => {
    expect(checksFailedBy({ gold: (puzzle) => `\\boxed{${puzzle.data}}` })).toContain('gold');
  });

  test('finds a decoy that is right, and one that is no answer', () => {
    expect(checksFailedBy({ decoy: successor.gold })).toContain('decoy');
    expect(checksFailedBy({ decoy: () => 'who knows' })).toContain('decoy');
  });

  test('finds a score that throws', () => {
    const score = (submission: Submission) => {
      decodeURIComponent(encodeURIComponent(submission.completion));
      return scoreSuccessor(submission);
    };
    expect(checksFailedBy({ score })).toEqual(['throws']);
  });

  test.each([
    ['a half', { reward: 0.5 }],
    ['NaN', { reward: Number.NaN }],
    ['a text', { reward: '1' }],
  ])('finds a reward that is %s', (_, change) => {
    expect(checksFailedBy({ score: scoredWith(change) })).toContain('verdict');
  });

  test.each([
    ['nothing', () => undefined],
    ['a number', () => 1],
    ['a promise', (submission: Submission) => Promise.resolve(scoreSuccessor(submission))],
    ['an unknown kind', () => ({ kind: 'maybe' })],
    ['no reason', scoredWith({ reason: '' })],
    ['an endless answer', scoredWith({ answer: 'a'.repeat(201) })],
    ['a metric that is not finite', scoredWith({ metrics: { length: Number.POSITIVE_INFINITY } })],
    ['correct without the reward', scoredWith({ correct: true, reward: 0.1 })],
  ])('finds a score that returns %s', (_, score) => {
    expect(checksFailedBy({ score: score as TaskVerifier['score'] })).toContain('verdict');
  });

  test('finds a verdict that depends on what was scored before', () => {
    let calls = 0;
    const score = (submission: Submission) => ({ ...scoreSuccessor(submission), reason: `call ${calls++}` }) as Verdict;
    expect(checksFailedBy({ score })).toEqual(['determinism']);
  });

  test('finds a score that takes the first box', () => {
    const score = ({ groundTruth, completion }: Submission) =>
      scoreSuccessor({ groundTruth, completion: completion.slice(0, completion.indexOf('}') + 1) });
    expect(checksFailedBy({ score })).toContain('last-box');
  });

  test('finds a zero where the ground truth is malformed', () => {
    const score = ({ groundTruth, completion }: Submission) => {
      const truth = scoreSuccessor({ groundTruth, completion }).kind === 'failed' ? { target: 0 } : groundTruth;
      return scoreSuccessor({ groundTruth: truth, completion });
    };
    expect(checksFailedBy({ score })).toEqual(['ground-truth']);
  });

  test('finds generation that changes, that shares puzzles between splits, and that is no plain JSON', () => {
    let calls = 0;
    const puzzleOf = (number: number): Puzzle<number> => ({
      id: `n${number}`,
      level: 'only',
      data: number,
      groundTruth: { target: number + 1 },
    });
    expect(checksFailedBy({ generate: () => puzzleOf(calls++) })).toContain('generation');
    expect(checksFailedBy({ generate: ({ index }) => puzzleOf(index) })).toContain('split');
    expect(checksFailedBy({ generate: (query) => ({ ...successor.generate(query), data: Number.NaN }) })).toContain(
      'generation',
    );
    expect(checksFailedBy({ generate: (query) => ({ ...successor.generate(query), id: 'x'.repeat(65) }) })).toContain(
      'generation',
    );
  });

  test('finds a generator that takes an unknown level, or answers it with another error', () => {
    expect(checksFailedBy({ generate: (query) => successor.generate({ ...query, level: 'only' }) })).toContain(
      'generation',
    );
    const generate: TaskVerifier<number>['generate'] = (query) => {
      if (query.level !== 'only') throw new Error('no');
      return successor.generate(query);
    };
    expect(checksFailedBy({ generate })).toEqual(['generation']);
  });

  test('finds a generator, a prompt or a gold answer that throws, and goes on', () => {
    const broken = () => {
      throw new Error('broken');
    };
    expect(checksFailedBy({ generate: broken })).toContain('generation');
    expect(checksFailedBy({ prompt: broken })).toContain('gold');
    expect(checksFailedBy({ gold: broken })).toContain('gold');
  });

  test('finds a manifest without levels or with a bad name', () => {
    expect(checksFailedBy({ manifest: { ...successor.manifest, levels: [] } })).toContain('manifest');
    expect(checksFailedBy({ manifest: { ...successor.manifest, id: 'The Successor' } })).toEqual(['manifest']);
  });

  test('names at most five findings of each check', () => {
    const findings = conformanceFindings({ ...successor, gold: () => 'none' });
    expect(findings.filter(({ check }) => check === 'gold')).toHaveLength(5);
  });
});

describe('generationDigest()', () => {
  test('is the same at each call, and another when the generator changes', () => {
    const digest = generationDigest(successor, 3);
    expect(generationDigest(successor, 3)).toBe(digest);
    expect(generationDigest(successor, 2)).not.toBe(digest);
    expect(generationDigest({ ...successor, prompt: () => 'another' }, 3)).not.toBe(digest);
  });
});
