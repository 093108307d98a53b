/** The tool as it is called: exit statuses, and what goes to which stream. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { commandHelp } from './command.ts';
import { commands } from './commands/index.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-cli-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function evenkeel(args: readonly string[], input = '') {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args, '--home', home]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, stdout, stderr };
}

describe('evenkeel', () => {
  test('every command has help that names its arguments and flags', () => {
    for (const command of commands) {
      const help = commandHelp(command);
      expect(help).toContain(`Usage: evenkeel ${command.name}`);
      for (const flag of [...Object.keys(command.flags), 'home', 'json', 'help']) expect(help).toContain(`--${flag}`);
    }
  });

  test('help goes to stdout and ends with 0', async () => {
    const { status, stdout, stderr } = await evenkeel(['verifier', 'generate', '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('Usage: evenkeel verifier generate TASK [flags]');
  });

  test('wrong usage ends with 2 and says what to type', async () => {
    const missing = await evenkeel(['evaluate']);
    expect(missing).toEqual({
      status: 2,
      stdout: '',
      stderr: 'Cannot read arguments: no argument is given, expected one model: evenkeel evaluate MODEL\n',
    });
    const unknown = await evenkeel(['runs', '--all']);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/--all.*see evenkeel runs --help/);
  });

  test('what fails ends with 1; with --json stdout holds one error line', async () => {
    const { status, stdout, stderr } = await evenkeel(['show', 'nothing', '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'error', code: 'run-unknown' });
    expect(stderr).toContain('begin with: evenkeel train');
  });

  test('verify reads standard input to its end and writes a verdict for each of many rows', async () => {
    const rows = Array.from({ length: 3000 }, (_, place) =>
      JSON.stringify({ groundTruth: { target: 6, numbers: [2, 4] }, completion: place % 2 ? '\\boxed{2+4}' : '6' }),
    );
    const { status, stdout, stderr } = await evenkeel(['verify', 'countdown', '--json'], rows.join('\n'));
    const rewards = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).reward);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(rewards).toEqual(rows.map((_, place) => (place % 2 ? 1 : 0)));
  });
});
