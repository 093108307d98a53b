import { buildMethod, initMethod, type Method, type MethodState } from '@evenkeel/algorithms';
import { type ArtefactRef, ConfigError } from '@evenkeel/core';
import { parseRunConfig, type RunConfig } from '@evenkeel/protocol';
import { z } from 'zod';
import type { ActivityContext } from './context.ts';

/** What the algorithms carry from step to step, as an artefact of the store. */
export interface AlgorithmState {
  readonly version: 1;
  readonly method: MethodState;
  /** Per task: puzzles drawn so far, the index of the next one. */
  readonly cursors: Readonly<Record<string, number>>;
}

const algorithmStateSchema = z.strictObject({
  version: z.literal(1),
  method: z.custom<MethodState>((value) => typeof value === 'object' && value !== null),
  cursors: z.record(z.string(), z.number().int().nonnegative()),
});

/** The state before the first step. */
export function initialAlgorithmState(config: RunConfig): AlgorithmState {
  const tasks = config.tasks.map((task) => task.name);
  return {
    version: 1,
    method: initMethod(buildMethod(config.method), tasks),
    cursors: Object.fromEntries(tasks.map((task) => [task, 0])),
  };
}

/** A run's configuration, its method's parts and its state. */
export interface LoadedRun {
  readonly config: RunConfig;
  readonly method: Method;
}

export async function loadRun(context: Pick<ActivityContext, 'store'>, config: ArtefactRef): Promise<LoadedRun> {
  const stored = parseRunConfig(await context.store.getJson(config, z.unknown()));
  return { config: stored, method: buildMethod(stored.method) };
}

export async function loadAlgorithmState(context: ActivityContext, ref: ArtefactRef): Promise<AlgorithmState> {
  return await context.store.getJson<AlgorithmState>(ref, algorithmStateSchema as unknown as z.ZodType<AlgorithmState>);
}

/** The task entry of a name. @throws {ConfigError} where the run has no such task */
export function taskOf(config: RunConfig, name: string): RunConfig['tasks'][number] {
  const task = config.tasks.find((candidate) => candidate.name === name);
  if (task === undefined)
    throw new ConfigError(`Cannot find task "${name}": the run has ${config.tasks.map((t) => t.name).join(', ')}`);
  return task;
}
