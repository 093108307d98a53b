import {
  accuracyOf,
  type Counts,
  improvementOf,
  meanAccuracy,
  meanRewardOf,
  type Tallies,
  type TaskStats,
  worstTask,
} from '@evenkeel/algorithms';
import type { ControlActivities, Doubts, StepTable, TaskRow } from './types.ts';

/** What a step's table is made of. */
export interface StepTableInput
  extends Pick<
    Parameters<ControlActivities['finishStep']>[0],
    'state' | 'outcome' | 'rounds' | 'completionTokens' | 'sequences' | 'update'
  > {
  readonly tasks: readonly string[];
  readonly tallies: Tallies;
  readonly doubts: Doubts;
  /** Groups of the batch per task. */
  readonly trained: Counts;
  /** z: the weights that this step was drawn with. */
  readonly weights: Readonly<Record<string, number>>;
  /** ρ after this step. */
  readonly filterRates: Readonly<Record<string, number>>;
}

/** What a person reads of a step. Worst task and mean are over the tasks of which something was scored: no score is no zero. */
export function stepTable(input: StepTableInput): StepTable {
  const { tallies, update } = input;
  const rows = input.tasks.map((task): TaskRow => {
    const stats = tallies[task];
    return {
      task,
      weight: input.weights[task] ?? 0,
      filterRate: input.filterRates[task] ?? 0,
      accuracy: stats === undefined ? 0 : (accuracyOf(stats) ?? 0),
      reward: stats === undefined ? 0 : (meanRewardOf(stats) ?? 0),
      drawn: stats?.groups ?? 0,
      kept: stats?.kept ?? 0,
      trained: input.trained[task] ?? 0,
      improvement: stats === undefined ? null : improvementOf(stats),
      ...(stats === undefined ? {} : silenceOf(stats)),
      ...input.doubts[task],
    };
  });
  const scored = rows.filter(({ task }) => (tallies[task]?.rollouts ?? 0) > 0);
  const accuracies = Object.fromEntries(scored.map(({ task, accuracy }) => [task, accuracy]));
  return {
    step: input.state.step + 1,
    tasks: rows,
    worst: worstTask(accuracies) ?? { task: '', accuracy: 0 },
    mean: meanAccuracy(accuracies) ?? 0,
    rounds: input.rounds.filter(({ replaces }) => replaces === undefined).length,
    sequences: input.sequences,
    completionTokens: input.completionTokens,
    trainedTokens: update?.metrics.trainedTokens ?? 0,
    shortfall: input.outcome.shortfall,
    loss: update?.metrics.loss ?? 0,
    gradientNorm: update?.metrics.gradientNorm ?? 0,
    clipFraction: update?.metrics.clipFraction ?? 0,
    entropy: update?.metrics.entropy ?? 0,
    ...(update === null ? { empty: true as const } : {}),
  };
}

/** What got no verdict; nothing where everything got one. */
function silenceOf({ failed, replaced, abstained, groups, rollouts }: TaskStats) {
  return {
    ...(failed === undefined ? {} : { failed }),
    ...(replaced === undefined ? {} : { replaced }),
    ...(abstained === undefined ? {} : { abstained }),
    ...(groups > 0 && rollouts === 0 ? { silent: true as const } : {}),
  };
}
