/**
 * SEC, the self-evolving curriculum: every task an arm of a bandit whose value is how much its rollouts have to teach.
 * Source: the baseline of Multi-Task GRPO; formulas and values first-hand from its public code (`BanditPriority`, method
 * `boltzmann`, objective `adv`):
 *
 *   q_k = mean of |A_i| over the task's rollouts in the batch;  Q_k ← (1 − α) Q_k + α q_k, Q_k = 0 at first
 *   z = softmax(Q / τ)
 *
 * |A| is largest where half of a group is right, so the weights go to tasks of middling difficulty: a task that is never
 * solved yields no advantage and is given up. That is the fault the paper shows it for.
 *
 * Deviations: none by default. A task of ours is the code's pair of type and difficulty. `unseen: "hold"` is ours.
 */
import { softmax } from '../exponential.ts';
import type { PartDefinition } from '../part.ts';
import { byTask, expectState, expectTasks, stateNumber } from '../state.ts';
import type { PartState, StepStats, TaskStats, TaskWeighter } from '../types.ts';

export type SecOptions = {
  /** α, in (0, 1]: share of the new value in Q. */
  readonly learningRate: number;
  /** τ, above 0: the smaller, the more the best task takes. */
  readonly temperature: number;
  /**
   * A task without a rollout in the batch. `decay`: q_k = 0, whatever the reason (the public code). `hold`: Q_k stays, unless
   * the task was drawn and the filter dropped all of its groups, which is q_k = 0.
   */
  readonly unseen: 'decay' | 'hold';
};

export interface SecState extends PartState {
  readonly tasks: readonly string[];
  /** The last step observed; −1 before the first. */
  readonly lastStep: number;
  /** Q. Shape [K], values ≥ 0. */
  readonly q: readonly number[];
}

const FORM = { kind: 'sec', version: 1 } as const;

/** The weighter `sec`. */
export const secWeighter: PartDefinition<SecOptions, TaskWeighter<SecState>> = {
  kind: 'sec',
  defaults: { learningRate: 0.5, temperature: 0.2, unseen: 'decay' },
  choices: { unseen: ['decay', 'hold'] },
  check: ({ learningRate, temperature }) => {
    if (!(learningRate > 0 && learningRate <= 1)) {
      return `option "learningRate" is ${learningRate}, expected above 0 and at most 1`;
    }
    return temperature > 0 ? undefined : `option "temperature" is ${temperature}, expected above 0`;
  },
  create: (options) => ({
    kind: 'sec',
    needsObjectives: false,
    // A task that is added weighs as the geometric mean of the others: at Q = 0 it would be given up before it is seen.
    startsAtMean: ['q'],
    init: (tasks) => ({ ...FORM, tasks: expectTasks(tasks), lastStep: -1, q: tasks.map(() => 0) }),
    weights: (state) => {
      expectState(state, FORM);
      return byTask(state.tasks, softmax(state.q.map((q) => q / options.temperature)));
    },
    observe: (state, stats) => {
      expectState(state, FORM);
      return stats.step <= state.lastStep ? state : observeSec(state, stats, options);
    },
  }),
};

function observeSec(state: SecState, { step, tasks }: StepStats, { learningRate, unseen }: SecOptions): SecState {
  // Where nothing was trained on, the code does not come this far.
  const trained = state.tasks.some((task) => (tasks[task]?.advantages ?? 0) > 0);
  if (!trained) return { ...state, lastStep: step };
  const q = state.q.map((Q, k) => {
    const value = valueIn(state.tasks[k]!, tasks[state.tasks[k]!]) ?? (unseen === 'decay' ? 0 : Q);
    return stateNumber((1 - learningRate) * Q + learningRate * value);
  });
  return { ...state, lastStep: step, q };
}

/** q_k; null where the step does not say: the task was not drawn, or what passed was not chosen. */
function valueIn(task: string, stats: TaskStats | undefined): number | null {
  if (stats === undefined) return null;
  if (stats.advantages === 0) return stats.rollouts > 0 && stats.kept === 0 ? 0 : null;
  const value = stats.absAdvantageSum / stats.advantages;
  if (Number.isFinite(value)) return value;
  throw new RangeError(`Cannot update task weights: the mean absolute advantage of task "${task}" is ${value}`);
}
