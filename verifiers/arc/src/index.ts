/** 1-D ARC as a task: find the rule in three examples and apply it to a fourth input. */
import { standardLevels, type TaskVerifier } from '@evenkeel/verifier';
import { decoyAnswer, targetOf } from './decoy.ts';
import { type ArcData, generate } from './generate.ts';
import { answerText, prompt } from './prompt.ts';
import { score } from './score.ts';

export type { ArcData } from './generate.ts';
export { compactWords } from './prompt.ts';

const arc: TaskVerifier<ArcData> = {
  manifest: {
    id: 'arc',
    version: '1.0.0',
    sdk: '^1',
    title: 'ARC 1-D: find the rule in three examples',
    levels: standardLevels,
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },
  generate,
  prompt,
  gold: (puzzle, style) => answerText(targetOf(puzzle), style),
  decoy: (puzzle, style, variant) => answerText(decoyAnswer(puzzle, variant), style),
  score,
};

export default arc;
