import { describe, expect, test } from 'vitest';
import { lastBoxed } from '../boxed.ts';
import type { Puzzle, Submission, TaskVerifier, Verdict } from '../contract.ts';
import { drawInSplit } from '../split.ts';
import { goldenOf } from './golden.ts';
import { conformanceFindings, type InspectionOptions, inspectConformance } from './inspect.ts';
import { subjectOf } from './subject.ts';

/** A sound verifier: the successor of a number, at two sizes. */
const ranges: Readonly<Record<string, number>> = { small: 1000, large: 100_000 };
const successor: TaskVerifier<number> = {
  manifest: {
    id: 'successor',
    version: '1.0.0',
    sdk: '^1',
    title: 'The next number',
    levels: ['small', 'large'],
    limits: { timeMs: 100, memoryMb: 16 },
    permissions: { net: [], read: [], env: [] },
  },
  generate(query) {
    const range = Object.hasOwn(ranges, query.level) ? ranges[query.level] : undefined;
    if (range === undefined)
      throw new RangeError(`Cannot generate: level is "${query.level}", expected small or large`);
    const number = drawInSplit(query, 'successor-1', (random) => random.integer(range), String);
    return puzzleOf(number, query.level);
  },
  prompt: (puzzle, style) => `${style === 'chat' ? 'What comes after ' : ''}${puzzle.data}`,
  gold: (puzzle) => `\\boxed{${puzzle.data + 1}}`,
  decoy: (puzzle, _style, variant) => `\\boxed{${puzzle.data + 2 + variant}}`,
  score: scoreSuccessor,
};

function puzzleOf(number: number, level = 'small'): Puzzle<number> {
  return { id: `n${number}`, level, data: number, groundTruth: { target: number + 1 } };
}

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
async function checksFailedBy(
  change: Partial<TaskVerifier<number>>,
  options: InspectionOptions = {},
): Promise<string[]> {
  const subject = subjectOf({ ...successor, ...change });
  const { findings } = await inspectConformance(subject, { puzzles: 4, fuzzed: 50, longestText: 20_000, ...options });
  return [...new Set(findings.map(({ check }) => check))].sort();
}

/** The sound verdict, changed. */
function scoredWith(change: object): TaskVerifier['score'] {
  return (submission) => ({ ...scoreSuccessor(submission), ...change }) as Verdict;
}

/** The sound verdict, with the answer judged otherwise. */
function judgedBy(isRight: (box: string, target: string) => boolean): TaskVerifier['score'] {
  return ({ groundTruth, completion }) => {
    const box = lastBoxed(completion);
    const target = (groundTruth as { target?: unknown } | null)?.target;
    const agreed = box !== null && typeof target === 'number' && isRight(box, String(target));
    return scoreSuccessor({ groundTruth, completion: agreed ? `\\boxed{${target}}` : completion });
  };
}

describe('conformanceFindings()', () => {
  test('finds nothing in a sound verifier', async () => {
    expect(await conformanceFindings(successor)).toEqual([]);
  });

  test('says what was seen, what was expected, where, and how to mend it', async () => {
    const [finding] = await conformanceFindings(
      { ...successor, gold: (puzzle) => `\\boxed{${puzzle.data}}` },
      { longestText: 100 },
    );
    expect(finding).toMatchObject({
      check: 'gold-is-right',
      severity: 'error',
      message: 'score() gave reward 0.1 (judged)',
      expected: 'reward 1',
      mend: 'mend gold() or score(): one of them has the wrong answer',
      query: { seed: 0, index: 0, level: 'small', split: 'train' },
      style: 'chat',
      completion: expect.stringMatching(/^"\\\\boxed\{\d+\}"$/),
    });
  });

  test('names at most five findings of each check, and counts the rest', async () => {
    const { findings, omitted } = await inspectConformance(subjectOf({ ...successor, gold: () => 'none' }), {
      longestText: 100,
    });
    expect(findings.filter(({ check }) => check === 'gold-is-right')).toHaveLength(5);
    expect(omitted.get('gold-is-right')).toBeGreaterThan(100);
  });
});

describe('the checks of the manifest', () => {
  test.each([
    ['levels', { levels: [] }],
    ['levels', { levels: ['small', 'small'] }],
    ['id', { id: 'The Successor' }],
    ['version', { version: 'one' }],
    ['limits.timeMs', { limits: { timeMs: 0.5, memoryMb: 16 } }],
    ['rewards', { rewards: [1] }],
    ['rewards', { rewards: { min: 1, max: 0 } }],
    ['components', { components: ['verdict'] }],
    ['permissions', { permissions: { net: 'all', read: [], env: [] } }],
    ['it has the field "author"', { author: 'me' }],
  ])('find what is wrong with %s: %j', async (field, change) => {
    const verifier = { ...successor, manifest: { ...successor.manifest, ...change } as never };
    const [finding] = await conformanceFindings(verifier, { puzzles: 1, fuzzed: 1, longestText: 100 });
    expect(finding?.check).toBe('manifest');
    expect(finding?.message.startsWith(field)).toBe(true);
  });
});

describe('the checks of generation', () => {
  const generateWith =
    (change: (puzzle: Puzzle<number>) => object): TaskVerifier<number>['generate'] =>
    (query) => ({ ...successor.generate(query), ...change(successor.generate(query)) });

  test('find puzzles that change, that are in two splits, and that are no plain JSON', async () => {
    let calls = 0;
    expect(await checksFailedBy({ generate: ({ level }) => puzzleOf(calls++, level) })).toContain(
      'generate-repeatable',
    );
    expect(await checksFailedBy({ generate: ({ index, level }) => puzzleOf(index, level) })).toContain('splits-apart');
    for (const change of [{ data: Number.NaN }, { id: 'x'.repeat(65) }, { level: 'middle' }]) {
      expect(await checksFailedBy({ generate: generateWith(() => change) })).toContain('puzzle-shape');
    }
  });

  test('find a puzzle that another process gives otherwise, and a verdict', async () => {
    const another = subjectOf({ ...successor, decoy: ({ data }) => `\\boxed{${Number(data) + 9}}` });
    expect(await checksFailedBy({}, { another })).toEqual(['generate-repeatable']);
    expect(
      await checksFailedBy({}, { another: subjectOf({ ...successor, score: scoredWith({ reason: 'x' }) }) }),
    ).toEqual(['same-verdict']);
  });

  test('find an unknown level that is taken, or answered with another error', async () => {
    const taken: TaskVerifier<number>['generate'] = (query) =>
      successor.generate({ ...query, level: Object.hasOwn(ranges, query.level) ? query.level : 'small' });
    expect(await checksFailedBy({ generate: taken })).toContain('unknown-level');
    const generate: TaskVerifier<number>['generate'] = (query) => {
      if (!Object.hasOwn(ranges, query.level)) throw new Error('no');
      return successor.generate(query);
    };
    expect(await checksFailedBy({ generate })).toEqual(['unknown-level']);
  });

  test('find a generator that knows one puzzle, and one that does not look at the seed', async () => {
    const one: TaskVerifier<number>['generate'] = (query) => successor.generate({ ...query, index: 0 });
    expect(await checksFailedBy({ generate: one })).toContain('puzzles-vary');
    const seedless: TaskVerifier<number>['generate'] = (query) => successor.generate({ ...query, seed: 0 });
    expect(await checksFailedBy({ generate: seedless })).toEqual(['puzzles-vary']);
  });

  test('find levels that give the same puzzles, and levels that nothing tells apart', async () => {
    const as =
      (level: string, index: (at: number) => number): TaskVerifier<number>['generate'] =>
      (query) => {
        const drawn = successor.generate({
          ...query,
          index: index(query.index),
          level: Object.hasOwn(ranges, query.level) ? level : 'none',
        });
        return { ...drawn, level: query.level };
      };
    expect(await checksFailedBy({ generate: as('large', (at) => at) })).toEqual(['levels-differ']);
    const stream: TaskVerifier<number>['generate'] = (query) => {
      const level = query.level === 'small' ? 'large' : query.level;
      const drawn = successor.generate({ ...query, level, seed: query.seed + (query.level === 'small' ? 50 : 0) });
      return { ...drawn, level: query.level };
    };
    expect(await checksFailedBy({ generate: stream })).toEqual(['levels-alike']);
  });

  test('find a generator, a prompt or a gold answer that throws, and go on', async () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    expect(await checksFailedBy({ generate: broken })).toContain('generate-throws');
    expect(await checksFailedBy({ prompt: broken })).toContain('generate-throws');
    expect(await checksFailedBy({ gold: broken })).toEqual(['answer-throws']);
  });
});

describe('the golden record', () => {
  test('is asked for where there is none, and accepted where it fits', async () => {
    const golden = await goldenOf(subjectOf(successor));
    expect(golden).toMatchObject({ version: '1.0.0', digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(Object.keys(golden.levels)).toEqual(['small', 'large']);
    expect(await checksFailedBy({}, { golden })).toEqual([]);
    expect(await checksFailedBy({}, { golden: null })).toEqual(['golden-missing']);
    expect(await checksFailedBy({}, { golden: { ...golden, version: '0.9.0' } })).toEqual(['golden-missing']);
  });

  test('finds a change under the same version, and says at which level', async () => {
    const golden = await goldenOf(subjectOf(successor));
    const prompt: TaskVerifier<number>['prompt'] = (puzzle, style) =>
      `${successor.prompt(puzzle, style)}${puzzle.level === 'large' ? '?' : ''}`;
    const { findings } = await inspectConformance(subjectOf({ ...successor, prompt }), {
      puzzles: 2,
      fuzzed: 1,
      longestText: 100,
      golden,
    });
    expect(findings).toMatchObject([
      {
        check: 'golden-changed',
        message: expect.stringContaining('at level large'),
        mend: expect.stringContaining('raise the version'),
      },
    ]);
  });
});

describe('the checks of answers', () => {
  test('find a gold answer that is wrong, a decoy that is right, and one that is no answer', async () => {
    expect(await checksFailedBy({ gold: ({ data }) => `\\boxed{${data}}` })).toContain('gold-is-right');
    expect(await checksFailedBy({ decoy: successor.gold })).toContain('decoy-is-wrong');
    expect(await checksFailedBy({ decoy: () => 'who knows' })).toContain('decoy-is-wrong');
  });

  test('find a score that takes the first box, and one that takes a box that is not closed', async () => {
    const first: TaskVerifier['score'] = ({ groundTruth, completion }) =>
      scoreSuccessor({ groundTruth, completion: completion.slice(0, completion.indexOf('}') + 1) });
    expect(await checksFailedBy({ score: first })).toEqual(['last-box-counts']);
    const open: TaskVerifier['score'] = ({ groundTruth, completion }) =>
      scoreSuccessor({ groundTruth, completion: `${completion}}` });
    expect(await checksFailedBy({ score: open })).toContain('cut-gold-is-none');
  });

  test.each<[string, (box: string, target: string) => boolean]>([
    ['holds the right answer somewhere', (box, target) => box.includes(target)],
    ['begins with the right answer', (box, target) => box.startsWith(target)],
    ['has the right characters in any order', (box, target) => [...box].sort().join() === [...target].sort().join()],
    ['begins with the right digit', (box, target) => box[0] === target[0]],
    ['is a number', (box) => /^\d+$/.test(box)],
  ])('find a score that takes what %s', async (_, isRight) => {
    expect(await checksFailedBy({ score: judgedBy(isRight) }, { puzzles: 10 })).toContain('mutations-are-wrong');
  });

  test('allow white space and leading zeros', async () => {
    expect(await checksFailedBy({ score: judgedBy((box, target) => Number(box) === Number(target)) })).toEqual([]);
  });

  test('find a prompt that is empty, that tells the answer, and that asks two questions', async () => {
    expect(await checksFailedBy({ prompt: () => ' ' })).toContain('prompt-empty');
    expect(await checksFailedBy({ prompt: (puzzle) => `write ${successor.gold(puzzle, 'chat')}` })).toContain(
      'prompt-tells-answer',
    );
    expect(await checksFailedBy({ prompt: (puzzle) => `what comes after a number like ${puzzle.data % 2}` })).toContain(
      'prompt-ambiguous',
    );
  });
});

describe('the checks of verdicts', () => {
  test('find a score that throws', async () => {
    const score: TaskVerifier['score'] = (submission) => {
      decodeURIComponent(encodeURIComponent(submission.completion));
      return scoreSuccessor(submission);
    };
    expect(await checksFailedBy({ score })).toEqual(['never-throws']);
  });

  test.each([
    ['a half', { reward: 0.5 }],
    ['NaN', { reward: Number.NaN }],
    ['a text', { reward: '1' }],
    ['wrong, and called correct', { correct: true, reward: 0.1 }],
  ])('find a reward that is %s', async (_, change) => {
    expect(await checksFailedBy({ score: scoredWith(change) })).toContain('reward-scale');
  });

  test.each<[string, unknown]>([
    ['nothing', () => undefined],
    ['a number', () => 1],
    ['a promise', (submission: Submission) => Promise.resolve(scoreSuccessor(submission))],
    ['an unknown kind', () => ({ kind: 'maybe' })],
    ['no reason', scoredWith({ reason: '' })],
    ['an endless answer', scoredWith({ answer: 'a'.repeat(201) })],
    ['a metric that is not finite', scoredWith({ metrics: { length: Number.POSITIVE_INFINITY } })],
  ])('find a score that returns %s', async (_, score) => {
    expect(await checksFailedBy({ score: score as TaskVerifier['score'] })).toContain('verdict-shape');
  });

  test('take another scale where the manifest declares it', async () => {
    const toScale =
      (rewards: readonly [number, number, number]): TaskVerifier['score'] =>
      (submission) => {
        const verdict = scoreSuccessor(submission);
        if (verdict.kind !== 'scored') return verdict;
        return { ...verdict, reward: verdict.correct ? rewards[0] : verdict.formatted ? rewards[1] : rewards[2] };
      };
    const declaring = (rewards: object) => ({ manifest: { ...successor.manifest, rewards } as never });
    expect(await checksFailedBy({ score: toScale([2, 1, -1]), ...declaring([2, 1, -1]) })).toEqual([]);
    expect(await checksFailedBy({ score: toScale([1, 0.3, 0]), ...declaring({ min: 0, max: 1 }) })).toEqual([]);
    expect(await checksFailedBy({ score: toScale([2, 1, -1]) })).toContain('reward-scale');
    expect(await checksFailedBy({ score: toScale([1, 0.3, 0.1]), ...declaring({ min: 0, max: 1 }) })).toContain(
      'reward-scale',
    );
  });

  test('want the components that the manifest names, and no others', async () => {
    const declaring = { manifest: { ...successor.manifest, components: ['brevity'] } };
    const brief = scoredWith({ components: { brevity: 0.5 } });
    const only =
      (score: TaskVerifier['score']): TaskVerifier['score'] =>
      (submission) => {
        const verdict = scoreSuccessor(submission);
        return verdict.kind === 'scored' ? score(submission) : verdict;
      };
    expect(await checksFailedBy({ score: only(brief), ...declaring })).toEqual([]);
    expect(await checksFailedBy({ score: only(brief) })).toContain('components');
    expect(await checksFailedBy(declaring)).toContain('components');
    expect(
      await checksFailedBy({ score: only(scoredWith({ components: { brevity: Number.NaN } })), ...declaring }),
    ).toContain('components');
  });

  test('find a verdict that depends on what was scored before', async () => {
    let calls = 0;
    const score: TaskVerifier['score'] = (submission) =>
      ({ ...scoreSuccessor(submission), reason: `call ${calls++}` }) as Verdict;
    expect(await checksFailedBy({ score })).toEqual(['same-verdict']);
  });

  test('find a zero where the ground truth is malformed, and one that is not looked at closely', async () => {
    const lenient: TaskVerifier['score'] = ({ groundTruth, completion }) => {
      const truth = scoreSuccessor({ groundTruth, completion }).kind === 'failed' ? { target: 0 } : groundTruth;
      return scoreSuccessor({ groundTruth: truth, completion });
    };
    expect(await checksFailedBy({ score: lenient })).toEqual(['ground-truth', 'ground-truth-lax']);
    const lax: TaskVerifier['score'] = ({ groundTruth, completion }) => {
      const target = (groundTruth as { target?: unknown } | null)?.target;
      return scoreSuccessor({ groundTruth: typeof target === 'string' ? { target: 0 } : groundTruth, completion });
    };
    expect(await checksFailedBy({ score: lax })).toEqual(['ground-truth-lax']);
  });

  test('name the slowest call, and find one that comes near its limit on every try', async () => {
    let now = 0;
    const clock = (): number => now;
    const slow =
      (ms: number): TaskVerifier['score'] =>
      (submission) => {
        now += submission.completion.length > 90_000 ? ms : 1;
        return scoreSuccessor(submission);
      };
    const reportOf = async (ms: number) =>
      await inspectConformance(subjectOf({ ...successor, score: slow(ms) }), {
        puzzles: 2,
        fuzzed: 1,
        longestText: 200_000,
        clock,
      });
    expect(await reportOf(40)).toMatchObject({ findings: [], slowest: { ms: 40 } });
    expect((await reportOf(60)).findings[0]).toMatchObject({ check: 'slow', message: 'score() took 60 ms' });
  });
});
