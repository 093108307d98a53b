/** Countdown: make the target from the numbers, each used once. */
import { standardLevels, type TaskVerifier } from '@evenkeel/verifier';
import { type CountdownData, generateCountdown } from './generate.ts';
import { scoreCountdown } from './score.ts';
import { decoyCountdown, goldCountdown, promptCountdown } from './wording.ts';

export type { CountdownData } from './generate.ts';
export { compactWords } from './wording.ts';

const countdown: TaskVerifier<CountdownData> = {
  manifest: {
    id: 'countdown',
    version: '1.0.0',
    sdk: '^1',
    title: 'Countdown: reach a target with given numbers',
    levels: standardLevels,
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },
  generate: generateCountdown,
  prompt: promptCountdown,
  gold: goldCountdown,
  decoy: decoyCountdown,
  score: scoreCountdown,
};

export default countdown;
