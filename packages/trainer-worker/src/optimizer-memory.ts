/**
 * The trainer's memory of a run between two updates: the policy's weights and the optimizer's moments. When it is lost, it is made again
 * from what is committed: the last checkpoint, and the batches since then, each of which must lead to the recorded policy.
 */
import { type ArtefactRef, hashOf } from '@evenkeel/core';
import {
  type AdamWState,
  type Architecture,
  adamwStateParts,
  createAdamWState,
  loadPolicy,
  type ParameterBuffer,
  PolicyError,
  RecentlyUsed,
  readAdamWState,
} from '@evenkeel/policy';
import { faultPoint, type RedoEntry, type UpdateJob, type UpdateSettings } from '@evenkeel/protocol';
import type { ArtefactStore } from '@evenkeel/store';

export interface OptimizerMemory {
  /** The run it belongs to. */
  readonly run: string;
  /** What it was made of; see `lineageOf`. */
  readonly lineage: string;
  /** The policy that the weights are. */
  readonly policy: ArtefactRef;
  readonly architecture: Architecture;
  /** Changed in place by an update. */
  readonly parameters: ParameterBuffer;
  readonly adam: AdamWState;
}

/** What an update of the redo log was made under: the job's own settings, unless they were changed since. */
export function settingsOf(job: UpdateSettings, entry: Pick<RedoEntry, 'settings'>): UpdateSettings {
  const { minibatches, optimizer, objective } = entry.settings ?? job;
  return { minibatches, optimizer, objective };
}

/**
 * What the state before a job is made of: the checkpoint, or the base, and every batch since, each under its settings. One lineage,
 * one state. Equal weights are not enough: a batch without a gradient leaves the weights as they are, but moves the optimizer.
 */
export function lineageOf(job: Pick<UpdateJob, 'base' | 'checkpoint' | 'redo'> & UpdateSettings): string {
  const { base, checkpoint, redo } = job;
  const start = checkpoint === null ? [base.sha256] : [checkpoint.policy.sha256, checkpoint.optimizer.sha256];
  const updates = redo.map((entry) => ({ batch: entry.batch.sha256, ...settingsOf(job, entry) }));
  return hashOf({ start, updates });
}

/** The memory as of the job's last checkpoint, or of the run's start. */
export async function recallCheckpoint(store: ArtefactStore, job: UpdateJob): Promise<OptimizerMemory> {
  const policy = job.checkpoint?.policy ?? job.base;
  const { architecture, parameters } = await loadPolicy(store, policy);
  const size = parameters.flat.length;
  const optimizer = job.checkpoint?.optimizer;
  const adam =
    optimizer === undefined
      ? createAdamWState(size)
      : await readAdamWState(optimizer.bytes, size, (into) => store.getInto(optimizer, into));
  const lineage = lineageOf({ ...job, redo: [] });
  return { run: job.run, lineage, policy, architecture, parameters, adam };
}

/** Weights and both moments, in memory. */
function bytesOf({ parameters }: Pick<OptimizerMemory, 'parameters'>): number {
  return 3 * parameters.flat.byteLength;
}

/** No more runs than this are remembered: an idle one costs an update or a few when it comes back. */
const RUNS = 16;

/**
 * The memories of the runs that share a trainer, so that runs which take turns do not restore theirs at each turn. Least recently
 * used out, above a number of bytes; the memory of the run that is trained stays whatever its size.
 */
export class OptimizerMemories {
  readonly #kept: RecentlyUsed<OptimizerMemory>;

  constructor({ maxBytes }: { readonly maxBytes: number }) {
    this.#kept = new RecentlyUsed<OptimizerMemory>({ maxCount: RUNS, maxBytes, bytesOf });
  }

  /**
   * Takes out the memory that the job starts from, where it is there. It is not in here while an update is under way: what an update
   * has half changed must not be taken for a state.
   */
  take(job: UpdateJob): OptimizerMemory | null {
    const memory = this.#kept.take(job.run);
    return memory?.lineage === lineageOf(job) ? memory : null;
  }

  /** Makes room for a memory that is about to be restored. */
  makeRoomFor(policy: ArtefactRef): void {
    this.#kept.makeRoom(3 * policy.bytes);
  }

  keep(memory: OptimizerMemory): void {
    this.#kept.put(memory.run, memory);
  }
}

/** Keeps the optimizer's moments as an artefact. */
export async function keepOptimizer(store: ArtefactStore, { adam }: OptimizerMemory): Promise<ArtefactRef> {
  faultPoint('trainer/checkpoint');
  return await store.put('optimizer', adamwStateParts(adam));
}

/** Refuses to go on where a redone update did not arrive at the policy that was recorded. */
export function expectRecorded(step: number, recorded: ArtefactRef, redone: ArtefactRef): void {
  if (recorded.sha256 !== redone.sha256) {
    throw new PolicyError(
      `Cannot restore the trainer: step ${step} done again gives policy ${redone.sha256.slice(0, 12)}, expected ${recorded.sha256.slice(0, 12)} as recorded; code, runtime or machine are not those that the run was made with`,
      { code: 'redo-mismatch' },
    );
  }
}
