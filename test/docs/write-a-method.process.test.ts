/**
 * `docs/write-a-method.md`, followed word by word in a copy of the checkout: what it says to write is written, what it says to type is
 * typed, what it shows must be what was printed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseRunFile } from '@evenkeel/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patternOf } from '../support/shown-pattern.ts';

const root = join(import.meta.dirname, '../..');
const PAGE = 'docs/write-a-method.md';
let folder = '';
/** What a checkout consists of, in git's words; whatever else lies in this one is none of the copy's. */
const PARTS = ['packages', 'workflows', 'verifiers', 'infra', 'test', 'docs', '.ci', ':(glob)*'];
const underWay = new Set<ChildProcess>();

/** A fenced block of the page, with what the paragraph above says is to be done with it. */
interface Block {
  readonly line: number;
  readonly info: string;
  readonly body: string;
  readonly place: { readonly path: string; readonly adds: boolean } | null;
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    if (!lines[at]!.startsWith('```')) continue;
    const start = at;
    while (lines[++at] !== '```');
    const [, verb, path] = /(into|line to) `([^`]+)`:$/.exec(lines[start - 2] ?? '') ?? [];
    blocks.push({
      line: start + 1,
      info: lines[start]!.slice(3),
      body: `${lines.slice(start + 1, at).join('\n')}\n`,
      place: path === undefined ? null : { path, adds: verb === 'line to' },
    });
  }
  return blocks;
}

/**
 * A checkout like this one, as it lies here: files are copied, what was installed is linked to. Links between packages are relative, so
 * that the copy's packages find each other and not this checkout's.
 */
async function copyCheckout(): Promise<void> {
  const which = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...PARTS];
  const files = execFileSync('git', which, { cwd: root }).toString().split('\0').slice(0, -1);
  for (const file of files.filter((name) => existsSync(join(root, name)))) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await cp(join(root, file), join(folder, file));
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const packages = new Set(files.filter((name) => name.endsWith('/package.json')).map((name) => dirname(name)));
  for (const own of packages) {
    const installed = join(root, own, 'node_modules');
    if (!existsSync(installed)) continue;
    await cp(installed, join(folder, own, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('.cache'),
    });
  }
}

function type(commands: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${commands}`], {
    cwd: folder,
    // A group of its own, so that whatever it started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, EVENKEEL_HOME: join(folder, '.evenkeel'), NO_COLOR: '1' },
  });
  underWay.add(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data;
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      underWay.delete(child);
      resolve({ code, output });
    });
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-method-'));
  await copyCheckout();
}, 60_000);

afterAll(async () => {
  for (const { pid } of underWay) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

test('docs/write-a-method.md does what it says: a method by one file and one line, and a run with it', async () => {
  const page = await readFile(join(root, PAGE), 'utf8');
  let last = { code: 0 as number | null, output: '' };
  const known = new Set<string>();
  for (const { line, info, body, place } of blocksOf(page)) {
    const where = `${PAGE}:${line}`;
    known.add(info);
    if (place !== null) {
      if (info === 'json') expect(() => parseRunFile(JSON.parse(body)), where).not.toThrow();
      if (place.adds) {
        expect(body.trimEnd().split('\n'), where).toHaveLength(1);
        await appendFile(join(folder, place.path), body);
      } else await writeFile(join(folder, place.path), body);
    } else if (info === 'text') {
      expect(last.output, where).toMatch(patternOf(body));
    } else {
      last = await type(body);
      expect(last.code, `${where}\n${last.output}`).toBe(info === 'sh fails' ? 1 : 0);
    }
  }
  expect([...known].sort()).toEqual(['json', 'sh', 'sh fails', 'text', 'ts']);

  const shown = (await type('./evenkeel show bounded-first --json')).output.trim().split('\n');
  const steps = shown.map((row) => JSON.parse(row)).filter(({ kind }) => kind === 'step');
  expect(steps.map(({ step, loss }) => [step, Number.isFinite(loss)])).toEqual([
    [1, true],
    [2, true],
    [3, true],
  ]);
}, 400_000);
