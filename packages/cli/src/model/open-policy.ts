/**
 * A policy as the command line names it, with its weights: a shipped model, a model folder, a run (its trained policy, or the newest
 * that a run under way has kept), or a run's policy after one step, `RUN@STEP`. It reads, and changes nothing.
 */
import { join } from 'node:path';
import { readStateRecord, recordedSteps } from '@evenkeel/activities';
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import {
  chatTemplateOf,
  type LoraAdapter,
  loadAdapter,
  loadModelDirectory,
  loadPolicy,
  type ModelDirectory,
  policyHash,
} from '@evenkeel/policy';
import { openFolderStore, type Store } from '@evenkeel/store';
import { namedModel } from '../evaluate/named-model.ts';
import { readResult } from '../run-records.ts';
import { stepsText } from '../train/kept-states.ts';
import { type RunRecord, readRunRecord, runNames } from '../train/run-record.ts';

/** The run that a policy comes from. */
interface PolicyOrigin {
  readonly record: RunRecord;
  /** Steps after which it was the run's policy; 0 is the base. */
  readonly step: number;
}

export interface OpenedPolicy extends ModelDirectory {
  /** As it was named. */
  readonly name: string;
  /** Of the weights, in their canonical order. */
  readonly sha256: string;
  /** Null where it is of no run of this home. */
  readonly origin: PolicyOrigin | null;
}

/**
 * Opens a policy by its name.
 *
 * @throws {ConfigError} `model-not-found`, `policy-unfinished`; `step-gone`, with the steps whose policies are kept
 * @throws {PolicyError} where a folder's parts are damaged, unsupported, or do not fit together
 */
export async function openPolicy(name: string, home: string): Promise<OpenedPolicy> {
  const { run, step } = await runAndStep(name, home);
  if (step !== null) return await policyAfter(name, home, run, step);
  try {
    const { folder, record } = await namedModel(name, home);
    const model = await loadModelDirectory(folder);
    const result = record === null ? null : await readResult(home, record.run);
    return {
      ...{ ...model, name, sha256: policyHash(model.parameters.flat, model.config) },
      origin: record === null || result === null ? null : { record, step: result.step },
    };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'policy-unfinished') throw error;
    const newest = (await recordedSteps(home, run)).at(-1);
    if (newest === undefined) throw error;
    return await policyAfter(name, home, run, null);
  }
}

/** `RUN@12` where there is such a run; runs have no `@` in their names. */
async function runAndStep(name: string, home: string): Promise<{ readonly run: string; readonly step: number | null }> {
  const [, run, step] = /^([^@]+)@(\d+)$/.exec(name) ?? [];
  if (run === undefined || !(await runNames(home)).includes(run)) return { run: name, step: null };
  return { run, step: Number(step) };
}

/** A run's policy after a step, out of the store; of the newest step that is there where none is asked for. */
async function policyAfter(name: string, home: string, run: string, asked: number | null): Promise<OpenedPolicy> {
  const record = await readRunRecord(home, run);
  const store = await openFolderStore(join(home, 'store'));
  try {
    const step = asked ?? (await keptSteps(home, run, store)).at(-1);
    const state = step === undefined ? null : await readStateRecord(home, run, step);
    if (step === undefined || state === null) throw await stepGone(home, run, asked, store);
    try {
      const { architecture, parameters } = await loadPolicy(store, state.state.policy);
      const { config, tokenizer, tokens, files } = architecture;
      return {
        ...{ config, tokenizer, tokens, files, parameters, name },
        ...{ chatTemplate: chatTemplateOf(files, name), sha256: policyHash(parameters.flat, config) },
        origin: { record, step },
      };
    } catch (error) {
      if (error instanceof EvenkeelError && error.code === 'artefact-missing') {
        throw await stepGone(home, run, step, store);
      }
      throw error;
    }
  } finally {
    await store.close();
  }
}

/**
 * The adapters that an opened policy is merged of.
 *
 * @throws {ConfigError} `adapter-none` where it has none; `step-gone` where they are not kept any more
 */
export async function openAdapter({ name, origin }: OpenedPolicy, home: string): Promise<LoraAdapter> {
  const none = (state: string, wish: string): ConfigError =>
    new ConfigError(`Cannot open the adapters of ${name}: ${state}, expected ${wish}`, { code: 'adapter-none' });
  if (origin === null) throw none('it is a model', 'a run that trains with LoRA');
  const { record, step } = origin;
  if (record.config.lora === undefined) throw none('the run trains the weights themselves', 'one with "lora"');
  if (step === 0) throw none('the base has none', 'a later step');
  const store = await openFolderStore(join(home, 'store'));
  try {
    const state = await readStateRecord(home, record.run, step);
    if (state === null || !(await store.has(state.state.policy))) throw await stepGone(home, record.run, step, store);
    if (state.state.policy.sha256 === state.state.base.sha256)
      throw none('no step has trained any yet', 'a later step');
    return (await loadAdapter(store, state.state.policy)).adapter;
  } finally {
    await store.close();
  }
}

/** Steps whose policy the store has; what else a run would need to go on from there is not looked for. */
async function keptSteps(home: string, run: string, store: Store): Promise<number[]> {
  const steps: number[] = [];
  for (const step of await recordedSteps(home, run)) {
    const record = await readStateRecord(home, run, step);
    if (record !== null && (await store.has(record.state.policy))) steps.push(step);
  }
  return steps;
}

async function stepGone(home: string, run: string, step: number | null, store: Store): Promise<ConfigError> {
  const kept = await keptSteps(home, run, store);
  const what = step === null ? `the policy of run "${run}"` : `the policy of run "${run}" after step ${step}`;
  const last = (await recordedSteps(home, run)).at(-1) ?? 0;
  const why = step !== null && step > last ? `only ${last} steps are done` : 'it is not kept any more';
  const wish = kept.length === 0 ? 'one that is, and none is' : `one of ${stepsText(kept)}`;
  return new ConfigError(`Cannot open ${what}: ${why}, expected ${wish}`, { code: 'step-gone' });
}
