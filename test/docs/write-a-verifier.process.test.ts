/**
 * `docs/write-a-verifier.md`, followed word by word: what it says to type is typed, in a folder of its own; what it says to write is
 * written; what it shows must be what was printed. Then the run that it made is looked at, and was in the Temporal UI meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRunFile } from '@evenkeel/protocol';
import { conformanceChecks } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { patternOf } from '../support/shown-pattern.ts';

const root = join(import.meta.dirname, '../..');
const RUN = 'price-first';
let folder = '';
let page = '';
const underWay = new Set<ChildProcess>();

/** A fenced block of the page. */
interface Block {
  readonly line: number;
  /** What stands behind the fence: `sh`, `sh fails`, `text`, … */
  readonly info: string;
  readonly body: string;
  /** The path that the paragraph above says to put it into. */
  readonly path: string | null;
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    if (!lines[at]!.startsWith('```')) continue;
    const start = at;
    while (lines[++at] !== '```');
    blocks.push({
      line: start + 1,
      info: lines[start]!.slice(3),
      body: `${lines.slice(start + 1, at).join('\n')}\n`,
      path: /into `([^`]+)`:$/.exec(lines[start - 2] ?? '')?.[1] ?? null,
    });
  }
  return blocks;
}

interface Shown {
  readonly code: number | null;
  /** Both streams, as a terminal shows them. */
  readonly output: string;
}

/** Types commands; `onOutput` hears all that was printed so far. */
function type(commands: string, onOutput: (output: string) => void = () => {}): Promise<Shown> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${commands}`], {
    cwd: folder,
    // A group of its own, so that whatever it started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PATH: `${root}${delimiter}${process.env.PATH}`,
      EVENKEEL_HOME: join(folder, '.evenkeel'),
      NO_COLOR: '1',
      npm_config_loglevel: 'error',
    },
  });
  underWay.add(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data;
    onOutput(output);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      underWay.delete(child);
      resolve({ code, output });
    });
  });
}

/** What the UI's HTTP API says of the run while it is at work: its workflow, and the ids of its steps. */
async function lookInto(address: URL): Promise<{ workflow: unknown; steps: string[] }> {
  const api = `${address.origin}/api/v1${address.pathname.replace(/\/[^/]+$/, '')}`;
  for (;;) {
    const [workflow, list] = await Promise.all(
      [`${api}/${RUN}`, `${api}?query=${encodeURIComponent(`EvenkeelRun="${RUN}"`)}`].map(
        async (url) => (await (await fetch(url)).json()) as Record<string, unknown>,
      ),
    );
    const executions = (list?.executions ?? []) as { readonly execution: { readonly workflowId: string } }[];
    const steps = executions.map(({ execution }) => execution.workflowId).filter((id) => id.includes('/step-'));
    if (steps.length > 0) return { workflow: workflow?.workflowExecutionInfo, steps };
    await sleep(50);
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-page-'));
  page = await readFile(join(root, 'docs/write-a-verifier.md'), 'utf8');
});

afterAll(async () => {
  for (const { pid } of underWay) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('docs/write-a-verifier.md', () => {
  test('does what it says, from nothing to a task that was trained on', async () => {
    let last: Shown = { code: 0, output: '' };
    let seen: ReturnType<typeof lookInto> | null = null;
    const known = new Set<string>();
    for (const { line, info, body, path } of blocksOf(page)) {
      const where = `docs/write-a-verifier.md:${line}`;
      known.add(info);
      if (path !== null) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), body);
      } else if (info === 'diff') {
        await writeFile(join(folder, 'change.diff'), body);
        last = await type('git apply change.diff');
        expect(last, where).toEqual({ code: 0, output: '' });
      } else if (info === 'text') {
        expect(last.output, where).toMatch(patternOf(body));
      } else if (info === 'json') {
        expect(() => parseRunFile(JSON.parse(body)), where).not.toThrow();
      } else {
        last = await type(body, (output) => {
          const address = /Temporal UI: (http\S+)/.exec(output)?.[1];
          if (address !== undefined) seen ??= lookInto(new URL(address));
        });
        expect(last.code, `${where}\n${last.output}`).toBe(info === 'sh fails' ? 1 : 0);
      }
    }
    expect([...known].sort()).toEqual(['diff', 'js', 'json', 'sh', 'sh fails', 'text']);

    expect(await seen).toMatchObject({
      workflow: { execution: { workflowId: RUN } },
      steps: expect.arrayContaining([`${RUN}/step-000001`]),
    });
    const shown = (await type(`evenkeel show ${RUN} --json`)).output
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row));
    const steps = shown.filter(({ kind }) => kind === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    for (const { tasks } of steps) {
      expect(tasks).toMatchObject([{ task: 'price@1.1.0' }, { task: 'zebra' }]);
      expect(tasks[0].trained).toBeGreaterThan(0);
    }
  }, 200_000);

  test('lists every check of the kit, with its severity', () => {
    const rows = new Map(
      [...page.matchAll(/^\| `([a-z-]+)` +\| (error|warning) +\|/gm)].map(([, id, severity]) => [id, severity]),
    );
    for (const [id, { severity }] of Object.entries(conformanceChecks)) expect(rows.get(id), id).toBe(severity);
    for (const id of rows.keys()) expect(id!.startsWith('package-') || id! in conformanceChecks, id).toBe(true);
  });
});
