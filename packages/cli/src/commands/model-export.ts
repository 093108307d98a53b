/** `evenkeel model export`: a run's policy as a folder that `transformers` opens. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { readChanges } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { PEFT_WEIGHTS_FILE, peftContent, saveModelDirectory, WEIGHT_TYPES } from '@evenkeel/policy';
import { changedConfig } from '@evenkeel/protocol';
import { type Command, type ExitCode, exitCodes, type Invocation, UsageError } from '../command.ts';
import { choiceFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { type ModelCard, modelCard } from '../model/model-card.ts';
import { type OpenedPolicy, openAdapter, openPolicy } from '../model/open-policy.ts';
import { readEvaluations } from '../run-records.ts';
import { grouped } from '../view/terminal-text.ts';

export const modelExportCommand: Command = {
  name: 'model export',
  summary: "write a run's policy as a Hugging Face folder, with a card that says where it comes from",
  usage: 'RUN[@STEP]',
  flags: {
    step: { type: 'string', value: 'N', help: "the run's policy after this step (default: its last)" },
    out: { type: 'string', value: 'DIR', help: 'the new folder (default: ./RUN, or ./RUN-step-N)' },
    adapter: { type: 'boolean', help: 'only the adapters of a run with LoRA, as PEFT opens them' },
    dtype: { type: 'string', value: 'TYPE', help: `of the weights: ${WEIGHT_TYPES.join(', ')} (default: float32)` },
  },
  help: `
The folder has the base's config.json, tokenizer, chat template and generation settings, the weights as safetensors, and a README.md with
the run, the step, the weights' sha256, the configuration and the changes. transformers loads it with equal logits; evenkeel takes it as a
model. bfloat16 and float16 round the weights, and halve the file. A folder that is there and not empty is refused; one that cannot be
written whole is not written at all.

Of a run with LoRA the weights are merged. --adapter writes adapter_config.json and adapter_model.safetensors instead, which
peft.PeftModel.from_pretrained(base, DIR) opens beside the model that the run began with.

A model folder in the place of RUN is written again, in another type for instance.

Examples:
  evenkeel model export first-run
  evenkeel model export first-run --step 10 --out ./policy --dtype bfloat16
  evenkeel model export with-lora --adapter --out ./adapter`,
  run: async (invocation) => await exportPolicy(invocation),
};

async function exportPolicy({ positionals, flags, home, json, print, printJson }: Invocation): Promise<ExitCode> {
  const [named = ''] = positional(positionals, { least: 1, most: 1 }, 'one run: evenkeel model export RUN');
  const step = wholeFlag(flags, 'step', null);
  if (step !== null && named.includes('@')) {
    throw new UsageError(`Cannot export "${named}": --step is given too, expected the step once`);
  }
  const name = step === null ? named : `${named}@${step}`;
  const type = choiceFlag(flags, 'dtype', WEIGHT_TYPES, 'float32' as const);
  const out = resolve(textFlag(flags, 'out') ?? name.replace(/^.*[/\\]/, '').replace('@', '-step-'));
  await refuseOccupied(out);
  const policy = await openPolicy(name, home);
  const { parameters, files, sha256, origin } = policy;
  const facts = { ...(await cardOf(policy, home)), type };
  if (flags.adapter === true) return await exportAdapter(policy, { out, facts, home, json, print, printJson });
  const card = modelCard(facts);
  await saveModelDirectory(out, { parameters, files: new Map([...files, ['README.md', card]]) }, { type });
  const run = origin === null ? {} : { run: origin.record.run, step: origin.step };
  if (json) printJson({ kind: 'exported', path: out, ...run, sha256, parameters: parameters.flat.length, dtype: type });
  else {
    const whose = origin === null ? name : `run "${origin.record.run}" after step ${origin.step}`;
    print(`${out}: ${whose}, ${grouped(parameters.flat.length)} parameters as ${type}, sha256 ${sha256}`);
  }
  return exitCodes.done;
}

type AdapterExport = Pick<Invocation, 'home' | 'json' | 'print' | 'printJson'> & {
  readonly out: string;
  readonly facts: ModelCard;
};

async function exportAdapter(
  policy: OpenedPolicy,
  { out, facts, home, json, print, printJson }: AdapterExport,
): Promise<ExitCode> {
  const adapter = await openAdapter(policy, home);
  const { record, step } = policy.origin!;
  const { type } = facts;
  // A path says where something lay on one machine.
  const { parameters, files } = peftContent(adapter, basename(record.config.model));
  const card = modelCard({ ...facts, adapter: adapter.lora });
  const content = { parameters, files: new Map([...files, ['README.md', card]]) };
  await saveModelDirectory(out, content, { type, weightsFile: PEFT_WEIGHTS_FILE });
  const { rank, alpha, targets } = adapter.lora;
  const count = parameters.flat.length;
  const what = { run: record.run, step, sha256: policy.sha256, parameters: count, dtype: type };
  if (json) printJson({ kind: 'exported', path: out, ...what, lora: { rank, alpha, targets: [...targets] } });
  else {
    const whose = `adapters of run "${record.run}" after step ${step}, rank ${rank} at ${targets.join(', ')}`;
    print(`${out}: ${whose}, ${grouped(count)} parameters as ${type}; merged: sha256 ${policy.sha256}`);
  }
  return exitCodes.done;
}

/** Before the weights are read. */
async function refuseOccupied(out: string): Promise<void> {
  if (!existsSync(out)) return;
  const names = await readdir(out).catch(() => null);
  if (names?.length === 0) return;
  const state = names === null ? 'it is no folder' : 'the folder is not empty';
  throw new ConfigError(`Cannot export into ${out}: ${state}, expected a new one: --out DIR`, { code: 'model-exists' });
}

async function cardOf(policy: OpenedPolicy, home: string): Promise<Omit<ModelCard, 'type'>> {
  const { name, sha256, origin } = policy;
  const facts = { name, sha256, parameters: policy.parameters.flat.length };
  if (origin === null) return { ...facts, run: null };
  const { record, step } = origin;
  // A change that took effect after step N is in the steps from N + 1 on.
  const changes = (await readChanges(home, record.run)).filter((change) => change.step < step);
  const config = changes.reduce(
    (before, change) => changedConfig(before, change.change, { run: record.run, step: change.step }),
    record.config,
  );
  const all = await readEvaluations(home, record.run);
  const evaluations = all.filter((evaluation) => evaluation.step === 0 || evaluation.step === step);
  return { ...facts, run: { record, step, config, changes, evaluations } };
}
