/** Zebra: who lives in the first house, from clues. */
import { standardLevels, type TaskVerifier } from '@evenkeel/verifier';
import { generateZebra, type ZebraData } from './generate.ts';
import { scoreZebra } from './score.ts';
import { decoyZebra, goldZebra, promptZebra } from './wording.ts';

export type { ClueData, ZebraData } from './generate.ts';
export { compactWords } from './wording.ts';

const zebra: TaskVerifier<ZebraData> = {
  manifest: {
    id: 'zebra',
    version: '1.0.0',
    sdk: '^1',
    title: 'Zebra: who lives in the first house',
    levels: standardLevels,
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },
  generate: generateZebra,
  prompt: promptZebra,
  gold: goldZebra,
  decoy: decoyZebra,
  score: scoreZebra,
};

export default zebra;
