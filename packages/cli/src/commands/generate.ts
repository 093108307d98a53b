/** `evenkeel generate`: what a policy answers to prompts, in this process, without a server. */
import { once } from 'node:events';
import { defaultRunFile } from '@evenkeel/protocol';
import { type Command, type ExitCode, exitCodes, type Invocation, UsageError } from '../command.ts';
import { linesOf, openLines } from '../data/line-input.ts';
import { numberFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { type GeneratedRow, type GenerateSettings, generateRows } from '../generate/generate-rows.ts';
import { interruptible } from '../generate/interruptible.ts';
import { seldom } from '../generate/seldom.ts';
import { jsonRows, type PromptRow, promptRow, type Read, textRows } from '../generate/text-rows.ts';
import { chosenDevice, deviceFlag } from '../model/chosen-device.ts';
import { openPolicy } from '../model/open-policy.ts';
import { duration, grouped } from '../view/terminal-text.ts';

const DECODE_BATCH = 256;

export const generateCommand: Command = {
  name: 'generate',
  summary: "a policy's completions: JSON lines of prompts in, one line of completions out, in order",
  usage: 'MODEL [FILE.jsonl|-]',
  flags: {
    prompt: {
      ...{ type: 'string', multiple: true, value: 'TEXT' },
      help: 'a prompt in place of rows, answered as text; may be given several times',
    },
    text: { type: 'boolean', help: 'the rows are plain text: each line a prompt' },
    chat: { type: 'boolean', help: "put a prompt into the model's chat template, as what a user says" },
    samples: { type: 'string', value: 'N', help: 'completions per prompt (default: 1)' },
    'max-tokens': { type: 'string', value: 'N', help: 'longest completion (default: 64)' },
    temperature: { type: 'string', value: 'T', help: 'of the sampling; 0 is greedy (default: 1)' },
    seed: { type: 'string', value: 'N', help: 'of the sampling: the same seed gives the same text (default: 0)' },
    batch: { type: 'string', value: 'N', help: `most sequences that decode together (default: ${DECODE_BATCH})` },
    device: deviceFlag,
    threads: { type: 'string', value: 'N', help: `threads of the session (default: ${defaultRunFile.threads})` },
  },
  help: `
MODEL is "tiny" (the shipped base), a Hugging Face model folder, a run, or RUN@STEP: the run's policy after that step, as long as it is
kept. Of a run that has not ended it is the newest.

A row is { "prompt" } (text, or token ids as they are) or { "messages": [{ "role", "content" }] }, which the model's chat template turns
into text. Each gives { "completions": [{ "text", "tokens", "logprobs", "finish": "stop"|"length" }] }, in order; a row that cannot be
answered gives { "error": { "code", "message" } } in its place, and the exit status is 1 in the end. A prompt is taken as it stands, but for
the token that the tokenizer puts first (Llama 3 has one), as in a run. Log-probabilities are natural logarithms under the model itself,
whatever the temperature. Without a file, or with -, rows are read from standard input.

Examples:
  evenkeel generate tiny --prompt "$(evenkeel verifier generate countdown --level tiny --count 1 --json | jq -r .prompt)"
  evenkeel generate first-run@10 prompts.jsonl --samples 4 --seed 7 > completions.jsonl
  evenkeel generate ./qwen2.5-0.5b --chat --prompt "Name a prime above 80" --temperature 0 --max-tokens 128`,
  run: async (invocation) => await generate(invocation),
};

async function generate(invocation: Invocation): Promise<ExitCode> {
  const { flags, home, note } = invocation;
  const wish = 'a model and at most one file: evenkeel generate MODEL [FILE.jsonl|-]';
  const [name = '', file] = positional(invocation.positionals, { least: 1, most: 2 }, wish);
  const prompts = flags.prompt as readonly string[] | undefined;
  if (prompts !== undefined && (file !== undefined || flags.text === true)) {
    throw new UsageError('Cannot read prompts: --prompt and rows are both given, expected one of the two');
  }
  const settings = { ...readSettings(flags), device: await chosenDevice(textFlag(flags, 'device') ?? 'cpu', note) };
  const input = prompts === undefined ? await openLines(file ?? '-') : null;
  try {
    const policy = await openPolicy(name, home);
    if (policy.origin !== null) note(`Policy of run "${policy.origin.record.run}" after step ${policy.origin.step}`);
    const startedAt = performance.now();
    const onProgress = seldom<{ readonly rows: number; readonly tokens: number }>(({ rows, tokens }) =>
      note(`${grouped(rows)} rows, ${grouped(tokens)} tokens, ${duration((performance.now() - startedAt) / 1000)}`),
    );
    const counts = { rows: 0, failed: 0, tokens: 0 };
    const status = await interruptible(async (signal): Promise<ExitCode> => {
      const rows = input === null ? given(prompts!) : rowsOf(linesOf(input, signal), flags.text === true);
      for await (const row of generateRows(policy, rows, { ...settings, signal, onProgress })) {
        counts.rows++;
        if ('error' in row) counts.failed++;
        else counts.tokens += row.completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
        await write(row, counts.rows, prompts ?? null, invocation);
      }
      return counts.failed === 0 ? exitCodes.done : exitCodes.failed;
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const failed = counts.failed === 0 ? '' : `, ${grouped(counts.failed)} of them could not be answered`;
    const cut = status === null ? 'Interrupted: ' : '';
    note(`${cut}${grouped(counts.rows)} rows${failed}, ${grouped(counts.tokens)} tokens in ${duration(seconds)}`);
    return status ?? exitCodes.interrupted;
  } finally {
    input?.destroy();
  }
}

function readSettings(flags: Invocation['flags']): Omit<GenerateSettings, 'device' | 'signal' | 'onProgress'> {
  return {
    samplesPerPrompt: wholeFlag(flags, 'samples', 1, 1),
    maxNewTokens: wholeFlag(flags, 'max-tokens', 64, 1),
    temperature: numberFlag(flags, 'temperature', 1),
    seed: wholeFlag(flags, 'seed', 0),
    chat: flags.chat === true,
    threads: wholeFlag(flags, 'threads', defaultRunFile.threads, 1),
    batch: wholeFlag(flags, 'batch', DECODE_BATCH, 1),
  };
}

async function* given(prompts: readonly string[]): AsyncGenerator<PromptRow> {
  for (const prompt of prompts) yield { prompt };
}

function rowsOf(lines: AsyncIterable<string>, areText: boolean): AsyncIterable<Read<PromptRow>> {
  return areText ? textRows(lines) : jsonRows(lines, promptRow, '{ "prompt" } or { "messages" }');
}

/** Rows are answered by rows; prompts that a person typed by text, unless JSON is wanted. */
async function write(
  row: GeneratedRow,
  number: number,
  prompts: readonly string[] | null,
  { json, print, printJson, note }: Invocation,
): Promise<void> {
  if (prompts === null || json) printJson(row);
  else if ('error' in row) note(row.error.message);
  else {
    const { completions } = row;
    if (prompts.length > 1) note(`prompt ${number}: ${prompts[number - 1]}`);
    for (const [sample, { text, tokens, finish }] of completions.entries()) {
      if (completions.length > 1) note(`sample ${sample + 1}: ${tokens.length} tokens, ${finish}`);
      print(text);
    }
  }
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}
