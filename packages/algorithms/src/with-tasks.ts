/**
 * A method's state for other tasks: a task is added to a run that is under way, or retired from it. What is known of a task that
 * stays is not touched; of a retired one it goes. A new task starts neutrally, which each part says by `startsAtMean`.
 */
import { expectState, expectTasks, stateNumber } from './state.ts';
import type { BatchPlanner, PartState, TaskWeighter } from './types.ts';

type Part = Pick<TaskWeighter | BatchPlanner, 'init' | 'startsAtMean'>;
type Fields = Readonly<Record<string, unknown>>;

/**
 * A part's state for these tasks. Where no task stays, it is as at the start of a run, but for the last step observed.
 *
 * @throws {ConfigError} if there is no task, or one is given twice
 */
export function stateWithTasks(part: Part, state: PartState, tasks: readonly string[]): PartState {
  const fresh = part.init(expectTasks(tasks));
  expectState(state, fresh);
  const old = state as unknown as Fields;
  const before = old.tasks as readonly string[];
  const places = new Map(before.map((task, k) => [task, k]));
  const stays = tasks.some((task) => places.has(task));
  if (!stays) return { ...fresh, ...('lastStep' in old ? { lastStep: old.lastStep } : {}) };
  const next: Record<string, unknown> = { ...old };
  for (const [field, initial_K] of Object.entries(fresh as unknown as Fields)) {
    if (!Array.isArray(initial_K)) continue;
    const old_K = old[field] as readonly unknown[];
    const kept = tasks.flatMap((task) => (places.has(task) ? [old_K[places.get(task)!]] : []));
    const start = part.startsAtMean?.includes(field) === true ? meanOf(kept as number[]) : undefined;
    next[field] = tasks.map((task, k) => (places.has(task) ? old_K[places.get(task)!] : (start ?? initial_K[k])));
  }
  return { ...next, ...{ kind: state.kind, version: state.version }, ...{ tasks: [...tasks] } };
}

function meanOf(values: readonly number[]): number {
  return stateNumber(values.reduce((sum, value) => sum + value, 0) / values.length) + 0;
}
