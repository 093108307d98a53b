/**
 * ρ_k, the running share of a task's groups that the filter drops: an average over steps with decay 0.9, from 0. Every
 * planner keeps it, for the live view if for nothing else.
 */
import { byTask, expectState, expectTasks, stateNumber } from '../state.ts';
import type { PartState, SelectInput, Selection, StepStats } from '../types.ts';

export interface PlannerState extends PartState {
  readonly tasks: readonly string[];
  /** The last step observed; −1 before the first. */
  readonly lastStep: number;
  /** Shape [K], in [0, 1]. */
  readonly rho: readonly number[];
}

const DECAY = 0.9;

/** ρ = 0 for every task. */
function initialRates(tasks: readonly string[]): Omit<PlannerState, 'kind' | 'version'> {
  const known = expectTasks(tasks);
  return { tasks: known, lastStep: -1, rho: known.map(() => 0) };
}

/** ρ_k ← 0.9 ρ_k + 0.1 · (dropped / generated), for the tasks that had groups in this step. */
function observeRates(state: PlannerState, { step, tasks }: StepStats): PlannerState {
  if (step <= state.lastStep) return state;
  const rho = state.rho.map((rate, k) => {
    const stats = tasks[state.tasks[k]!];
    if (stats === undefined || stats.groups === 0) return rate;
    return stateNumber(DECAY * rate + (1 - DECAY) * (1 - stats.kept / stats.groups));
  });
  return { ...state, lastStep: step, rho };
}

/** The methods that every planner has in the same way. */
export function rateKeeper(form: PartState) {
  return {
    init: (tasks: readonly string[]): PlannerState => ({ ...form, ...initialRates(tasks) }),
    observe: (state: PlannerState, stats: StepStats): PlannerState => {
      expectState(state, form);
      return observeRates(state, stats);
    },
    filterRates: (state: PlannerState): Readonly<Record<string, number>> => {
      expectState(state, form);
      return byTask(state.tasks, state.rho);
    },
  };
}

/**
 * z by position.
 *
 * @throws {RangeError} if a task has no weight
 */
export function weightsByPosition(state: PlannerState, weights: Readonly<Record<string, number>>): number[] {
  return state.tasks.map((task) => {
    const weight = weights[task];
    if (weight === undefined) throw new RangeError(`Cannot plan a round: task "${task}" has no weight`);
    return weight;
  });
}

/** A selection from what was chosen. */
export function selectionOf(
  state: PlannerState,
  input: SelectInput,
  outcome: { readonly target_K: readonly number[]; readonly chosen: readonly SelectInput['groups'][number][] },
): Selection {
  const realised: Record<string, number> = byTask(
    state.tasks,
    state.tasks.map(() => 0),
  );
  for (const { task } of outcome.chosen) realised[task] = realised[task]! + 1;
  return {
    chosen: outcome.chosen.map(({ id }) => id),
    target: byTask(state.tasks, outcome.target_K),
    realised,
    shortfall: input.prompts - outcome.chosen.length,
  };
}

/** A plan from counts by position; tasks with 0 are left out. */
export function drawOf(state: PlannerState, counts_K: readonly number[]) {
  const counts: Record<string, number> = {};
  let total = 0;
  for (let k = 0; k < counts_K.length; k++) {
    const count = counts_K[k]!;
    if (count === 0) continue;
    counts[state.tasks[k]!] = count;
    total += count;
  }
  return { kind: 'draw', counts, total } as const;
}
