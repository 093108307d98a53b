/**
 * A policy of Qwen2.5-0.5B's shape at work on this machine: random weights in a Hugging Face folder, which a process loads, scores with,
 * decodes with, and trains by a loss, its gradient and AdamW; how long each took, and the most memory it held, beside the estimate of
 * `estimateMemory`. Each role has a process of its own, as in a run; `--together` does all of them in one.
 *
 *     npm run bench large [-- --model 0.5B|58M|6M|tiny] [--roles score,decode,train,keep] [--prompts 4] [--samples 4] [--prompt-tokens 64]
 *         [--completion-tokens 64] [--tokens-per-run 512] [--decode-batch 256] [--threads 2] [--limit-gb 20] [--together] [--json]
 *
 * Ends with 1 where a process held more than `--limit-gb`, or where an estimate is not within FACTOR of what was measured.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type MemoryEstimate, type ModelConfig, parameterCount, tinyModelConfig } from '@evenkeel/policy';
import { wholeNumber } from './arguments.ts';
import type { LargeMeasured, LargeOrder, LargeRole } from './large-process.ts';
import { textTable } from './text-table.ts';

const BENCH = 'large';
/** How far an estimate may be from the peak, either way. */
const FACTOR = 1.35;

const qwen = { ...tinyModelConfig, max_position_embeddings: 32_768, rope_theta: 1e6, vocab_size: 151_936 };
const shapes: Readonly<Record<string, ModelConfig>> = {
  '0.5B': {
    ...qwen,
    ...{ hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 24 },
    ...{ num_attention_heads: 14, num_key_value_heads: 2, head_dim: 64 },
  },
  '58M': {
    ...qwen,
    ...{ hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 16 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 64 },
  },
  '6M': {
    ...tinyModelConfig,
    ...{ hidden_size: 256, intermediate_size: 1008, num_hidden_layers: 6, max_position_embeddings: 1024 },
    ...{ num_attention_heads: 8, num_key_value_heads: 4, head_dim: 32 },
  },
  tiny: { ...tinyModelConfig, max_position_embeddings: 1024 },
};

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '0.5B' },
    roles: { type: 'string', default: 'score,decode,train,keep' },
    prompts: { type: 'string', default: '4' },
    samples: { type: 'string', default: '4' },
    'prompt-tokens': { type: 'string', default: '64' },
    'completion-tokens': { type: 'string', default: '64' },
    'tokens-per-run': { type: 'string', default: '512' },
    'decode-batch': { type: 'string', default: '256' },
    threads: { type: 'string', default: '2' },
    'limit-gb': { type: 'string', default: '20' },
    together: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const number = (name: Exclude<keyof typeof values, 'model' | 'roles' | 'together' | 'json'>): number =>
  wholeNumber(BENCH, name, values[name]);
const config = shapes[values.model];
const roles = values.roles.split(',') as LargeRole[];
const unknown = roles.find((role) => !['score', 'decode', 'train', 'keep'].includes(role));
if (config === undefined || unknown !== undefined) {
  const wish =
    config === undefined ? `--model is ${values.model}, expected one of ${Object.keys(shapes).join(', ')}` : '';
  console.error(`Cannot bench ${BENCH}: ${wish || `--roles has ${unknown}, expected score, decode, train or keep`}`);
  process.exit(2);
}
const threads = number('threads');
const limitBytes = 1e9 * number('limit-gb');
const work = {
  ...{ prompts: number('prompts'), samplesPerPrompt: number('samples') },
  ...{ promptLength: number('prompt-tokens'), completionLength: number('completion-tokens') },
  ...{ tokensPerRun: number('tokens-per-run'), decodeBatch: number('decode-batch') },
};

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);
const say = (line: string): void => {
  if (!values.json) console.log(line);
};

/** The phases of one process. */
async function phasesOf(folder: string, own: readonly LargeRole[]): Promise<LargeMeasured[]> {
  const program = join(import.meta.dirname, 'large-process.ts');
  const order: LargeOrder = { roles: own, work, threads };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', program, folder, JSON.stringify(order)],
    { maxBuffer: 1 << 24 },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LargeMeasured);
}

function partsText({ parts }: MemoryEstimate): string {
  return parts.map(({ name, bytes }) => `${name} ${gigabytes(bytes)}`).join(', ');
}

const place = await mkdtemp(join(tmpdir(), 'evenkeel-large-'));
let exitCode = 0;
try {
  const folder = join(place, 'model');
  const start = performance.now();
  const maker = join(import.meta.dirname, 'large-model.ts');
  await promisify(execFile)(process.execPath, ['--no-warnings', maker, folder, JSON.stringify(config)]);
  say(`Machine: ${cpus()[0]?.model}, ${availableParallelism()} cores, ${gigabytes(totalmem())} GB; ${threads} threads`);
  say(
    `Model: ${values.model}, ${parameterCount(config)} parameters; made in ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  say(
    `Work: ${work.prompts} prompts of ${work.promptLength} tokens x ${work.samplesPerPrompt} completions of ${work.completionLength}\n`,
  );

  const processes = values.together ? [roles] : roles.map((role) => [role]);
  const rows: string[][] = [];
  const details: string[] = [];
  for (const own of processes) {
    for (const phase of await phasesOf(folder, own)) {
      if (values.json) console.log(JSON.stringify({ ...phase, model: values.model, process: own.join('+') }));
      const { estimate, peakBytes } = phase;
      const ratio = estimate === null ? null : estimate.bytes / peakBytes;
      if (peakBytes > limitBytes || (ratio !== null && !values.together && (ratio > FACTOR || ratio < 1 / FACTOR))) {
        exitCode = 1;
      }
      rows.push([
        ...[own.length > 1 ? `together: ${phase.phase}` : `${own[0]}: ${phase.phase}`, phase.seconds.toFixed(1)],
        ...[gigabytes(peakBytes), estimate === null ? '' : gigabytes(estimate.bytes), ratio?.toFixed(2) ?? ''],
      ]);
      details.push(`${phase.phase}: ${phase.result}${estimate === null ? '' : `; estimate: ${partsText(estimate)}`}`);
    }
  }
  say(textTable(['process: phase', 'seconds', 'peak, GB', 'estimate, GB', 'estimate / peak'], rows));
  for (const detail of new Set(details)) say(`- ${detail}`);
  say(
    exitCode === 0
      ? `\nNo process held more than ${values['limit-gb']} GB.`
      : `\nMore than ${values['limit-gb']} GB were held, or an estimate is off by more than ${FACTOR}.`,
  );
} finally {
  await rm(place, { recursive: true });
}
process.exitCode = exitCode;
