/**
 * The trainer's memory of a run between two updates: the policy's weights and the optimizer's moments; with LoRA the base's weights, the
 * adapters, and moments of the adapters alone. When it is lost, it is made again
 * from what is committed: the last checkpoint, and the batches since then, each of which must lead to the recorded policy.
 */
import { type ArtefactRef, hashOf } from '@evenkeel/core';
import {
  type AdamWState,
  type Architecture,
  adamwStateParts,
  createAdamWState,
  initialiseLora,
  type LoraAdapter,
  loadAdapter,
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
  /** The weights; with LoRA the base's, which no update changes. */
  readonly parameters: ParameterBuffer;
  /** What LoRA trains beside them; absent where the weights themselves are trained. */
  readonly adapter?: LoraAdapter | undefined;
  /** Of what is trained. */
  readonly adam: AdamWState;
}

/** What an update changes in place. */
export function trainedOf({ parameters, adapter }: Pick<OptimizerMemory, 'parameters' | 'adapter'>): ParameterBuffer {
  return adapter?.parameters ?? parameters;
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
export function lineageOf(job: Pick<UpdateJob, 'base' | 'checkpoint' | 'redo' | 'lora'> & UpdateSettings): string {
  const { base, checkpoint, redo, lora } = job;
  const start = checkpoint === null ? [base.sha256] : [checkpoint.policy.sha256, checkpoint.optimizer.sha256];
  const updates = redo.map((entry) => ({ batch: entry.batch.sha256, ...settingsOf(job, entry) }));
  return hashOf({ start, updates, ...(lora === undefined ? {} : { lora }) });
}

/** The memory as of the job's last checkpoint, or of the run's start. */
export async function recallCheckpoint(store: ArtefactStore, job: UpdateJob): Promise<OptimizerMemory> {
  const policy = job.checkpoint?.policy ?? job.base;
  const { architecture, parameters, adapter } = await loadTrained(store, job, policy);
  const size = trainedOf({ parameters, adapter }).flat.length;
  const optimizer = job.checkpoint?.optimizer;
  const adam =
    optimizer === undefined
      ? createAdamWState(size)
      : await readAdamWState(optimizer.bytes, size, (into) => store.getInto(optimizer, into));
  const lineage = lineageOf({ ...job, redo: [] });
  return { run: job.run, lineage, policy, architecture, parameters, adapter, adam };
}

async function loadTrained(
  store: ArtefactStore,
  { checkpoint, base, lora: settings }: UpdateJob,
  policy: ArtefactRef,
): Promise<Pick<OptimizerMemory, 'architecture' | 'parameters' | 'adapter'>> {
  if (settings === undefined) return await loadPolicy(store, policy);
  const { seed, ...lora } = settings;
  if (checkpoint === null) {
    const { architecture, parameters } = await loadPolicy(store, base);
    return { architecture, parameters, adapter: initialiseLora(architecture.config, lora, seed) };
  }
  const loaded = await loadAdapter(store, policy);
  if (loaded.base.sha256 === base.sha256 && hashOf(loaded.adapter.lora) === hashOf(lora)) return loaded;
  throw new PolicyError('Cannot restore the trainer: its checkpoint has other adapters, expected those of the run', {
    code: 'policy-invalid',
  });
}

/** Weights, and of what is trained both moments, in memory. */
function bytesOf({ parameters, adapter, adam }: OptimizerMemory): number {
  return parameters.flat.byteLength + (adapter?.parameters.flat.byteLength ?? 0) + 2 * adam.m.byteLength;
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
  makeRoomFor({ base, lora }: Pick<UpdateJob, 'base' | 'lora'>): void {
    this.#kept.makeRoom((lora === undefined ? 3 : 1) * base.bytes);
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
