/** A verifier that takes as long as a completion says: `spin 40` turns round forty million times. Everything is correct. */
import type { TaskVerifier } from '@evenkeel/verifier';

const TURNS = 1_000_000;

const spinner: TaskVerifier = {
  manifest: {
    id: 'spinner',
    version: '1.0.0',
    sdk: '^1',
    title: 'Spinner: takes its time',
    levels: ['only'],
    limits: { timeMs: 10_000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },
  generate: ({ index, level }) => ({ id: `spin-${index}`, level, data: index, groundTruth: null }),
  prompt: () => 'Spin!',
  gold: () => 'spin 1',
  decoy: () => 'spin 1',
  score({ completion }) {
    let sum = 0;
    const turns = Number(/^spin (\d+)$/.exec(completion)?.[1] ?? 0) * TURNS;
    for (let turn = 0; turn < turns; turn++) sum = (sum + turn) % 1009;
    return { kind: 'scored', reward: 1, correct: true, formatted: true, answer: String(sum), reason: 'correct' };
  },
};

export default spinner;
