import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../src/process/run-command.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const LOCKED = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'];

describe('setup.mjs', () => {
  let root: string;
  let setup: string;

  /** A checkout in which nothing is installed. */
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'evenkeel-setup-'));
    setup = join(root, 'infra/setup/setup.mjs');
    mkdirSync(dirname(setup), { recursive: true });
    for (const file of [...LOCKED, 'infra/setup/setup.mjs']) copyFileSync(join(CHECKOUT, file), join(root, file));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** As if the packages had been installed before, with a command-line tool of one file. */
  function install(main: string): void {
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'));
    const hash = createHash('sha256');
    for (const file of LOCKED) hash.update(readFileSync(join(root, file)));
    const key = hash.update(`${process.platform}-${process.arch}`).digest('hex');
    writeFileSync(join(root, 'node_modules/.evenkeel-setup.json'), JSON.stringify({ key }));
    mkdirSync(join(root, 'packages/cli/src'), { recursive: true });
    writeFileSync(join(root, 'packages/cli/src/main.ts'), main);
  }

  const run = (args: string[], env: NodeJS.ProcessEnv = process.env) =>
    runCommand(process.execPath, [setup, ...args], { env });

  test('refuses a word that it does not know', async () => {
    expect(await run(['strat'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Cannot run "strat": expected start, test or nothing\n',
    });
  });

  test('says what to do where there is no npm', async () => {
    const { code, stderr } = await run(['start'], { PATH: join(root, 'empty') });
    expect(code).toBe(1);
    expect(stderr).toContain('there is no npx on PATH, expected npm beside Node');
  });

  test('says what to do where the registry cannot be reached', async () => {
    const { code, stderr } = await run(['start'], {
      PATH: process.env.PATH,
      HOME: join(root, 'home'),
      npm_config_cache: join(root, 'cache'),
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_fetch_retries: '0',
    });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'Cannot install the packages (1): the package registry cannot be reached: check the network',
    );
  });

  test('once set up, it hands over at once: arguments, output and exit code', async () => {
    install(`console.log(JSON.stringify(process.argv.slice(2))); process.exit(7);`);
    expect(await run(['start', '--steps', '3'])).toEqual({
      code: 7,
      stdout: '["train","--steps","3"]\n',
      stderr: '',
    });
  });

  test('a changed lockfile asks for a new set-up', async () => {
    install('');
    writeFileSync(join(root, 'pnpm-lock.yaml'), 'another');
    const { stderr } = await run(['start'], { PATH: join(root, 'empty') });
    expect(stderr).toContain('Setting up Evenkeel');
  });

  test('passes a signal on, and ends as the program ended', async () => {
    install(`process.on('SIGTERM', () => process.exit(130)); console.log('up'); setInterval(() => {}, 1000);`);
    const child = spawn(process.execPath, [setup, 'start'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });
});

describe('the evenkeel launcher', () => {
  test('says what to do in a checkout that is not set up', async () => {
    const root = mkdtempSync(join(tmpdir(), 'evenkeel-launcher-'));
    copyFileSync(join(CHECKOUT, 'evenkeel'), join(root, 'evenkeel'));
    const { code, stderr } = await runCommand(join(root, 'evenkeel'), ['--help']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Cannot run evenkeel: the packages are not installed, expected a set-up. Run: (cd '${root}' && npm run setup)\n`,
    );
    rmSync(root, { recursive: true, force: true });
  });
});
