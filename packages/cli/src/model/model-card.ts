/** The README.md of an exported policy: where its weights come from, told so that they can be made again. Text only; it reads no file. */
import { basename } from 'node:path';
import type { Evaluation } from '@evenkeel/activities';
import type { Lora, WeightType } from '@evenkeel/policy';
import { type AppliedChange, configHash, type RunConfig, version } from '@evenkeel/protocol';
import { engineText } from '../train/engine.ts';
import type { RunRecord } from '../train/run-record.ts';
import { appliedChangeText, isOfWeight } from '../view/change-text.ts';
import { grouped, percent } from '../view/terminal-text.ts';

export interface ModelCard {
  /** As the policy was named. */
  readonly name: string;
  /** Of the weights as float32, in their canonical order. */
  readonly sha256: string;
  readonly parameters: number;
  readonly type: WeightType;
  /** Where the folder holds the adapters of the run alone; the facts are of the weights that they are merged to. */
  readonly adapter?: Lora;
  /** Null where the policy is of no run. */
  readonly run: {
    readonly record: RunRecord;
    /** Steps after which it was the run's policy. */
    readonly step: number;
    /** What the last of these steps was made under. */
    readonly config: RunConfig;
    /** Those that took effect before. */
    readonly changes: readonly AppliedChange[];
    /** Of the base and of this policy, as far as they were made. */
    readonly evaluations: readonly Evaluation[];
  } | null;
}

/** The card as Markdown, with the head that model hubs read. */
export function modelCard(card: ModelCard): string {
  const { run, adapter } = card;
  const title = run === null ? basename(card.name) : `${run.record.run}, after step ${run.step}`;
  const tags = ['evenkeel', ...(run === null ? [] : ['reinforcement-learning', run.config.method.name])];
  return [
    '---',
    `library_name: ${adapter === undefined ? 'transformers' : 'peft'}`,
    'pipeline_tag: text-generation',
    'tags:',
    ...tags.map((tag) => `- ${tag}`),
    '---',
    '',
    `# ${title}`,
    '',
    run === null
      ? `A model folder, written again by Evenkeel ${version}.`
      : `A policy that Evenkeel ${version} trained by ${run.config.method.name}.`,
    '',
    ...table(['', ''], factRows(card)),
    '',
    ...(adapter === undefined ? openText : adapterText),
    ...(run === null ? [] : runSections(run)),
    '',
  ].join('\n');
}

const openText = [
  '```python',
  'from transformers import AutoModelForCausalLM, AutoTokenizer',
  '',
  'tokenizer = AutoTokenizer.from_pretrained("PATH")',
  'model = AutoModelForCausalLM.from_pretrained("PATH")',
  '```',
];

const adapterText = [
  'Adapters (LoRA) beside the base. The parameters and the sha256 above are of the weights with the adapters merged in.',
  '',
  '```python',
  'from peft import PeftModel',
  'from transformers import AutoModelForCausalLM',
  '',
  'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("BASE"), "PATH")',
  '```',
];

type CardRun = NonNullable<ModelCard['run']>;

function factRows({ sha256, parameters, type, run, adapter }: ModelCard): string[][] {
  const rounded = type === 'float32' ? '' : ', before they were rounded';
  const weights = [
    ['parameters', grouped(parameters)],
    ['weights', `${type}; sha256 of the float32 weights in canonical order${rounded}: \`${sha256}\``],
  ];
  if (adapter !== undefined) {
    const { rank, alpha, targets } = adapter;
    weights.push(['adapters', `rank ${rank}, alpha ${alpha}, at ${targets.join(', ')}`]);
  }
  if (run === null) return weights;
  const { record, step, config, changes } = run;
  const { inputs, seed, steps, method, tasks } = config;
  return [
    ['run', `${record.run}, begun ${record.createdAt}`],
    ['step', `${step} of ${steps}`],
    ...weights,
    [
      'base',
      `${modelName(config)}, sha256 \`${inputs.model ?? 'not recorded'}\`; its licence holds for these weights too`,
    ],
    ['method', method.name],
    ['tasks', tasks.map(({ name, level }) => `${name} (${level})`).join(', ')],
    ...Object.entries(inputs.verifiers).map(([reference, verifier]) => [
      `verifier ${reference}`,
      `version ${verifier.version}, sha256 \`${verifier.sha256}\``,
    ]),
    ['seed', String(seed)],
    ['configuration', `sha256 \`${configHash(config)}\`${changes.length === 0 ? '' : ', with the changes below'}`],
    ...(record.branch === undefined ? [] : [['branch', `of ${record.branch.of}, after step ${record.branch.step}`]]),
    ...(record.engine === undefined ? [] : [['engine', engineText(record.engine)]]),
  ];
}

function runSections({ record, step, config, changes, evaluations }: CardRun): string[] {
  const ofWeight = changes.filter(isOfWeight);
  return [
    ...(evaluations.length === 0
      ? []
      : ['', '## Evaluation', '', ...evaluationTable(evaluations, step), '', settingsText(config)]),
    ...(ofWeight.length === 0
      ? []
      : ['', '## Changes', '', ...ofWeight.map((change) => `- ${appliedChangeText(change)}`)]),
    ...['', '## Configuration', ''],
    `The run's, as it was after step ${step}. The same configuration and changes, under the same engine, give the same weights.`,
    ...['', '```json', JSON.stringify({ ...config, run: record.run, model: modelName(config) }, null, 2), '```'],
  ];
}

/** A path says where something lay on one machine, and nothing to who reads the card. */
function modelName({ model }: RunConfig): string {
  return basename(model);
}

function evaluationTable(evaluations: readonly Evaluation[], step: number): string[] {
  const heads = evaluations.map((evaluation) =>
    evaluation.step === 0 && step > 0 ? 'base' : `step ${evaluation.step}`,
  );
  const names = [...new Set(evaluations.flatMap(({ tasks }) => tasks.map(({ task }) => task)))];
  const rows = names.map((name) => [
    name,
    ...evaluations.map(({ tasks }) => {
      const row = tasks.find(({ task }) => task === name);
      return row === undefined || row.total === 0 ? '–' : `${percent(row.correct / row.total)} of ${row.total}`;
    }),
  ]);
  return table(['task', ...heads], rows);
}

function settingsText({ evaluation, sampling }: RunConfig): string {
  const { split, samplesPerPrompt, temperature } = evaluation;
  return `Puzzles of the split ${split}, ${samplesPerPrompt} sample${samplesPerPrompt === 1 ? '' : 's'} each, temperature ${temperature}, at most ${sampling.maxNewTokens} tokens.`;
}

/** Cells may hold anything but a line's end; a bar would be read as a cell's. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)];
}
