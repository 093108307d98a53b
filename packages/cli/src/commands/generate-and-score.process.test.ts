/** The tool as it is called: what it exports, scores and answers is what transformers makes of the same folder. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

interface FromTransformers {
  readonly rows: readonly { readonly tokens: readonly number[]; readonly logprobs: readonly number[] }[];
  readonly greedy: readonly (readonly number[])[];
}

interface Golden {
  readonly tolerance: { readonly logprobs: number };
  readonly rows: readonly { readonly completion: string }[];
  readonly greedyTokens: number;
  readonly float32: FromTransformers;
  readonly bfloat16: FromTransformers;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../../test/golden/cli-export.golden.json', import.meta.url), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], input: string | null) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args, '--home', folder]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // Of standard input that is left open, nothing is known to come any more.
  if (input !== null) child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
  return { child, ended };
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
}

describe.each(['float32', 'bfloat16'] as const)('a policy exported as %s', (type) => {
  const out = join(folder, type);
  const rows = golden.rows.map((row) => JSON.stringify(row)).join('\n');
  const expected = golden[type];

  test('is a whole folder, under the name that was asked for, and nothing beside it', async () => {
    const { status, stdout } = await start(['model', 'export', 'tiny', '--out', out, '--dtype', type, '--json'], '')
      .ended;
    expect(status).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ kind: 'exported', path: out, dtype: type, parameters: 845_952 }]);
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['README.md', 'config.json', 'model.safetensors']));
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    const again = await start(['model', 'export', 'tiny', '--out', out], '').ended;
    expect(again).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/the folder is not empty, expected a new one/),
    });
  });

  test('has the tokens and the log-probabilities that transformers gives it', async () => {
    const { status, stdout, stderr } = await start(['score', out, '--json'], rows).ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const scored = jsonLines(stdout) as unknown as FromTransformers['rows'];
    expect(scored.map(({ tokens }) => tokens)).toEqual(expected.rows.map(({ tokens }) => tokens));
    for (const [place, { logprobs }] of expected.rows.entries()) {
      for (const [token, logprob] of logprobs.entries()) {
        const difference = Math.abs(scored[place]!.logprobs[token]! - logprob) / Math.max(1, Math.abs(logprob));
        expect(difference).toBeLessThanOrEqual(golden.tolerance.logprobs);
      }
    }
  });

  test('answers greedily as generate() of transformers does', async () => {
    const args = ['generate', out, '-', '--temperature', '0', '--max-tokens', String(golden.greedyTokens), '--json'];
    const { status, stdout } = await start(args, rows).ended;
    expect(status).toBe(0);
    const answers = jsonLines(stdout) as unknown as { completions: { tokens: number[] }[] }[];
    expect(answers.map(({ completions }) => completions[0]!.tokens)).toEqual(expected.greedy);
  });
});

describe('generate', () => {
  test('ends with 130 where it is interrupted, also while it waits for rows; what was answered is there', async () => {
    const { child, ended } = start(['generate', 'tiny', '--batch', '1', '--max-tokens', '4'], null);
    child.stdin.write('{"prompt":"make 6 from 4 5 5 :"}\n'.repeat(4));
    await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
    child.kill('SIGINT');
    const { status, stdout, stderr } = await ended;
    expect(status).toBe(130);
    expect(jsonLines(stdout)).toHaveLength(4);
    expect(stderr).toMatch(/Interrupted: 4 rows, \d+ tokens/);
  });
});
