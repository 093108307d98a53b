/** The states of a run that could be gone on from: those of which the store has everything. */
import { artefactsOf, proveState, readStateRecord, recordedSteps, type StateRecord } from '@evenkeel/activities';
import { type ArtefactRef, EvenkeelError } from '@evenkeel/core';
import { parseRunConfig, type RunConfig } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';
import { z } from 'zod';

/** The steps after which a state is whole, in order. Looks for the artefacts, and does not read them. */
export async function reachableSteps(home: string, run: string, store: Store): Promise<number[]> {
  const steps: number[] = [];
  // States share most of what they name: each artefact is looked for once.
  const looked = new Map<string, Promise<boolean>>();
  const isThere = (ref: ArtefactRef) => {
    const known = looked.get(ref.sha256) ?? store.has(ref);
    looked.set(ref.sha256, known);
    return known;
  };
  for (const step of await recordedSteps(home, run)) {
    const record = await readStateRecord(home, run, step);
    if (record === null) continue;
    const all = await Promise.all(artefactsOf(record).map(isThere));
    if (all.every(Boolean)) steps.push(step);
  }
  return steps;
}

/**
 * Reads everything that a state names and proves it by its hash.
 *
 * @returns the configuration that its step was made under; null where something is gone or damaged
 * @throws {StoreError} where the disk fails
 */
export async function provenConfig(store: Store, record: StateRecord): Promise<RunConfig | null> {
  try {
    await proveState({ store }, record);
    return parseRunConfig(await store.getJson(record.config, z.unknown()));
  } catch (error) {
    if (error instanceof EvenkeelError && !error.retryable) return null;
    throw error;
  }
}

/**
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(stepsText([0, 5, 10, 11, 12]), '0, 5, 10 to 12');
 * ```
 */
export function stepsText(steps: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const step of steps) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === step - 1) last[1] = step;
    else ranges.push([step, step]);
  }
  return ranges
    .flatMap(([from, to]) => (to - from > 1 ? [`${from} to ${to}`] : from === to ? [`${from}`] : [`${from}`, `${to}`]))
    .join(', ');
}
