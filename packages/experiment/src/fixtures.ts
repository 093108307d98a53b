/** Runs that were never run: measures with curves that are written down here. */
import type { StepTable } from '@evenkeel/activities';
import type { RunMeasures } from './run-measures.ts';

const tasks = ['countdown', 'zebra', 'arc'];

/** A step's table: what the tests read of it is given, the rest is nothing. */
function tableOf(step: number, sequences: number, trained: readonly number[] = [1, 1, 1]): StepTable {
  const rows = tasks.map((task, k) => ({
    ...{ task, weight: 1 / 3, filterRate: 0, accuracy: 0, reward: 0, drawn: 0, kept: 0 },
    ...{ trained: trained[k]!, improvement: null },
  }));
  return {
    ...{ step, tasks: rows, worst: { task: 'countdown', accuracy: 0 }, mean: 0, rounds: 1, sequences },
    ...{ completionTokens: 0, trainedTokens: 0, shortfall: 0, loss: 0, gradientNorm: 0, clipFraction: 0, entropy: 0 },
  };
}

/** An ended run of `steps` steps, evaluated every `every`, whose worst task rises by `rise` a step from 0.2. */
export function measuresOf(
  arm: string,
  seed: number,
  { steps, every, rise, sequences }: { steps: number; every: number; rise: number; sequences: number },
): RunMeasures {
  const curve = Array.from({ length: steps / every + 1 }, (_, place) => {
    const step = place * every;
    const worst = 0.2 + rise * step + 0.01 * seed;
    const accuracies = { countdown: worst, zebra: worst + 0.1, arc: worst + 0.2 };
    return { step, rollouts: step * sequences, accuracies, worst, mean: worst + 0.1 };
  });
  const tables = Array.from({ length: steps }, (_, place) => tableOf(place + 1, sequences));
  return { arm, seed, run: `x-${arm}-s${seed}`, sha256: 'f'.repeat(64), steps: tables, curve };
}
