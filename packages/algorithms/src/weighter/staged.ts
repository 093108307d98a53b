/**
 * A staged curriculum: one task after another, in the order of what training on the others does to them. Source, first-hand:
 * Omni-Think, which trains in stages sorted by backward transfer,
 *
 *   BWT_j = mean over the other training tasks of (P_after,j − P_base,j): least forgettable first
 *
 * measured by one run per task, before this one. Deviation: a stage is a number of steps, where the paper's is a pass over the
 * task's data; the last stage goes on until the run ends.
 */

import { checkComponentNumbers } from '../advantage/components.ts';
import type { PartDefinition } from '../part.ts';
import { byTask, expectState, expectTasks } from '../state.ts';
import type { PartState, TaskWeighter } from '../types.ts';

export type StagedOptions = {
  /** BWT by task, as `backwardTransfer` has it; a task without one comes last. Empty: the run's tasks in their order. */
  readonly transfer: Readonly<Record<string, number>>;
  readonly stepsPerStage: number;
};

export interface StagedState extends PartState {
  readonly tasks: readonly string[];
  /** The last step observed; −1 before the first. */
  readonly lastStep: number;
  /** Steps done. */
  readonly steps: number;
}

const FORM = { kind: 'staged', version: 1 } as const;

/** The order of the stages: falling transfer, the earlier task at a tie; a task without a number comes last. */
function stageOrder(tasks: readonly string[], transfer: StagedOptions['transfer']): string[] {
  const of = (task: string) => (Object.hasOwn(transfer, task) ? transfer[task]! : Number.NEGATIVE_INFINITY);
  return tasks.toSorted((a, b) => (of(a) === of(b) ? 0 : of(b) > of(a) ? 1 : -1));
}

/**
 * BWT by task, from one run per task: how the accuracy of each changed when another was trained on.
 *
 * @param base accuracy by task before any training
 * @param after accuracy by task, by the task that was trained on
 * @throws {RangeError} where a run lacks a task's accuracy
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * const after = { code: { code: 0.7, qa: 0.5 }, qa: { code: 0.5, qa: 0.8 } };
 * deepEqual(backwardTransfer({ code: 0.5, qa: 0.75 }, after), { code: 0, qa: -0.25 });
 * ```
 */
export function backwardTransfer(
  base: Readonly<Record<string, number>>,
  after: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Record<string, number> {
  const transfer: Record<string, number> = {};
  for (const [task, start] of Object.entries(base)) {
    const others = Object.entries(after).filter(([trained]) => trained !== task);
    if (others.length === 0)
      throw new RangeError(`Cannot tell the transfer of "${task}": no other task was trained on`);
    let sum = 0;
    for (const [trained, accuracies] of others) {
      const end = accuracies[task];
      if (end === undefined) {
        throw new RangeError(
          `Cannot tell the transfer of "${task}": it was not measured after training on "${trained}"`,
        );
      }
      sum += end - start;
    }
    transfer[task] = sum / others.length;
  }
  return transfer;
}

/** The weighter `staged`. */
export const stagedWeighter: PartDefinition<StagedOptions, TaskWeighter<StagedState>> = {
  kind: 'staged',
  defaults: { transfer: {}, stepsPerStage: 15 },
  check: ({ transfer, stepsPerStage }) => {
    if (!(Number.isInteger(stepsPerStage) && stepsPerStage >= 1)) {
      return `option "stepsPerStage" is ${stepsPerStage}, expected a whole number of 1 or more`;
    }
    const empty = typeof transfer === 'object' && transfer !== null && Object.keys(transfer).length === 0;
    return empty ? undefined : checkComponentNumbers('transfer', transfer, 'transfer');
  },
  tasks: ({ transfer }) => Object.keys(transfer),
  create: ({ transfer, stepsPerStage }) => ({
    kind: 'staged',
    needsObjectives: false,
    init: (tasks) => ({ ...FORM, tasks: expectTasks(tasks), lastStep: -1, steps: 0 }),
    weights: (state) => {
      expectState(state, FORM);
      const order = stageOrder(state.tasks, transfer);
      const now = order[Math.min(order.length - 1, Math.floor(state.steps / stepsPerStage))];
      return byTask(
        state.tasks,
        state.tasks.map((task) => (task === now ? 1 : 0)),
      );
    },
    observe: (state, { step }) => {
      expectState(state, FORM);
      return step <= state.lastStep ? state : { ...state, lastStep: step, steps: state.steps + 1 };
    },
  }),
};
