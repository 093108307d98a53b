/** What all states share: refusal of another form, one list of tasks, numbers that are short in JSON. */
import { ConfigError } from '@evenkeel/core';
import type { PartState } from './types.ts';

/**
 * A number as a state keeps it: eight significant digits. That is more than the float32 which torch's optimizers
 * keep, and it holds the state of 10,000 tasks below 1 MB. Never −0, which canonical JSON refuses.
 */
export function stateNumber(value: number): number {
  return Number(value.toPrecision(8));
}

/**
 * Refuses a state that another part, or another version of this one, has written.
 *
 * @throws {ConfigError} code `state-version`
 */
export function expectState(state: PartState, expected: PartState): void {
  if (state?.kind !== expected.kind || state.version !== expected.version) {
    throw new ConfigError(
      `Cannot go on from state: it is ${state?.kind} version ${state?.version}, expected ${expected.kind} version ${expected.version}`,
      { code: 'state-version' },
    );
  }
}

/** The tasks as a state keeps them. */
export function expectTasks(tasks: readonly string[]): string[] {
  if (tasks.length === 0) throw new ConfigError('Cannot start a method: no tasks are given, expected at least one');
  const seen = new Set<string>();
  for (const task of tasks) {
    if (task === '') throw new ConfigError('Cannot start a method: a task has an empty name, expected one');
    if (seen.has(task)) {
      throw new ConfigError(`Cannot start a method: task "${task}" is given twice, expected each task once`);
    }
    seen.add(task);
  }
  return [...tasks];
}

/** Values by position as values by name. */
export function byTask(tasks: readonly string[], values_K: readonly number[]): Record<string, number> {
  const named: Record<string, number> = {};
  for (let k = 0; k < tasks.length; k++) named[tasks[k]!] = values_K[k]!;
  return named;
}

/** Values by name as values by position; a task that is missing has 0. */
export function byPosition(tasks: readonly string[], named: Readonly<Record<string, number>>): number[] {
  // A map, for with many tasks most are missing, and looking for what is not there is slow in an object.
  const known = new Map(Object.entries(named));
  return tasks.map((task) => known.get(task) ?? 0);
}
