/** `evenkeel score`: how probable given completions are under a policy, in this process, without a server. */
import { once } from 'node:events';
import { defaultRunFile } from '@evenkeel/protocol';
import { type Command, type ExitCode, exitCodes, type Invocation } from '../command.ts';
import { linesOf, openLines } from '../data/line-input.ts';
import { positional, textFlag, wholeFlag } from '../flag-values.ts';
import { interruptible } from '../generate/interruptible.ts';
import { seldom } from '../generate/seldom.ts';
import { jsonRows, scoreRow } from '../generate/text-rows.ts';
import { chosenDevice, deviceFlag } from '../model/chosen-device.ts';
import { openPolicy } from '../model/open-policy.ts';
import { scoreRows } from '../score/score-rows.ts';
import { duration, grouped } from '../view/terminal-text.ts';

export const scoreCommand: Command = {
  name: 'score',
  summary: 'log-probabilities of completions under a policy: JSON lines in, one line a row out, in order',
  usage: 'MODEL [FILE.jsonl|-]',
  flags: {
    chat: { type: 'boolean', help: "put a prompt into the model's chat template, as what a user says" },
    device: deviceFlag,
    threads: { type: 'string', value: 'N', help: `threads of the session (default: ${defaultRunFile.threads})` },
  },
  help: `
MODEL is "tiny" (the shipped base), a Hugging Face model folder, a run, or RUN@STEP: the run's policy after that step, as long as it is
kept. Of a run that has not ended it is the newest.

A row is { "prompt", "completion" }, or { "messages", "completion" }; prompt and completion are text, or token ids as they are. Each gives
{ "tokens", "logprobs", "sum", "mean", "perplexity" } of its completion, in order: natural logarithms, float32, at temperature 1. A row that
cannot be scored gives { "error": { "code", "message" } } in its place, and the exit status is 1 in the end. Prompt and completion are
encoded one by one; nothing is added to a completion: to count the token that ends an answer, write it, for example "…<|im_end|>". Without
a file, or with -, rows are read from standard input.

Examples:
  echo '{"prompt":"2 + 2 =","completion":" 4"}' | evenkeel score ./qwen2.5-0.5b
  evenkeel score first-run rows.jsonl | jq .mean`,
  run: async (invocation) => await score(invocation),
};

async function score({ positionals, flags, home, printJson, note }: Invocation): Promise<ExitCode> {
  const wish = 'a model and at most one file: evenkeel score MODEL [FILE.jsonl|-]';
  const [name = '', file = '-'] = positional(positionals, { least: 1, most: 2 }, wish);
  const settings = {
    chat: flags.chat === true,
    threads: wholeFlag(flags, 'threads', defaultRunFile.threads, 1),
    device: await chosenDevice(textFlag(flags, 'device') ?? 'cpu', note),
  };
  const input = await openLines(file);
  try {
    const policy = await openPolicy(name, home);
    if (policy.origin !== null) note(`Policy of run "${policy.origin.record.run}" after step ${policy.origin.step}`);
    const startedAt = performance.now();
    const secondsNow = () => duration((performance.now() - startedAt) / 1000);
    const onProgress = seldom<{ readonly rows: number; readonly tokens: number }>(({ rows, tokens }) =>
      note(`${grouped(rows)} rows, ${grouped(tokens)} tokens, ${secondsNow()}`),
    );
    const counts = { rows: 0, failed: 0, tokens: 0, sum: 0 };
    const status = await interruptible(async (signal): Promise<ExitCode> => {
      const rows = jsonRows(linesOf(input, signal), scoreRow, '{ "prompt" or "messages", "completion" }');
      for await (const row of scoreRows(policy, rows, { ...settings, signal, onProgress })) {
        counts.rows++;
        if ('error' in row) counts.failed++;
        else {
          counts.tokens += row.tokens.length;
          counts.sum += row.sum;
        }
        printJson(row);
        if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
      }
      return counts.failed === 0 ? exitCodes.done : exitCodes.failed;
    });
    const failed = counts.failed === 0 ? '' : `, ${grouped(counts.failed)} of them could not be scored`;
    const mean = counts.sum / counts.tokens;
    const all = counts.tokens === 0 ? '' : `, mean ${mean.toFixed(4)}, perplexity ${Math.exp(-mean).toFixed(3)}`;
    const cut = status === null ? 'Interrupted: ' : '';
    note(`${cut}${grouped(counts.rows)} rows${failed}, ${grouped(counts.tokens)} tokens${all}, ${secondsNow()}`);
    return status ?? exitCodes.interrupted;
  } finally {
    input.destroy();
  }
}
