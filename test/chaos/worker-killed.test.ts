/** A worker that is killed at each of its fault points: every job ends once, and nothing that was committed is begun again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { callWorker } from '@evenkeel/protocol';
import { type FolderStore, openFolderStore, repeatedWork } from '@evenkeel/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';

const TOKEN = 'the-token-of-this-home';
const JOBS = 5;

const workerText = (folder: string) => `
  import { startWorkerServer } from ${JSON.stringify(import.meta.resolve('@evenkeel/protocol'))};
  import { openFolderStore } from ${JSON.stringify(import.meta.resolve('@evenkeel/store'))};
  const store = await openFolderStore(${JSON.stringify(folder)});
  const job = { safeParse: (data) => ({ success: true, data }) };
  const server = await startWorkerServer({
    token: ${JSON.stringify(TOKEN)}, worker: 'rollout-1', role: 'rollout', store, jobSchema: job,
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: [], maxConcurrentJobs: 1 },
    run: async ({ n }) => {
      const text = await store.put('text', new TextEncoder().encode('job ' + n));
      return { result: { n, text }, refs: [text] };
    },
  });
  console.log(server.url);`;

let folder: string;
let store: FolderStore;
let worker: SupervisedWorker;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-killed-'));
  store = await openFolderStore(join(folder, 'store'));
});

afterEach(async () => {
  await worker.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A worker that is started again whenever it dies: each time on another port. */
class SupervisedWorker {
  deaths = 0;
  #url: string | undefined;
  #child: ChildProcess;
  #stopping = false;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment;
    this.#child = this.#start();
  }

  async endpoint(): Promise<{ url: string; token: string }> {
    if (this.#url === undefined) throw new Error('it is being started');
    return { url: this.#url, token: TOKEN };
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #start(): ChildProcess {
    const args = ['--input-type=module-typescript', '--eval', workerText(store.folder)];
    const child = spawn(process.execPath, args, {
      cwd: import.meta.dirname,
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface(child.stdout).on('line', (line) => {
      this.#url = line;
    });
    child.on('exit', () => {
      if (this.#stopping) return;
      this.deaths++;
      this.#url = undefined;
      this.#child = this.#start();
    });
    return child;
  }
}

const resultSchema = z.strictObject({
  n: z.number(),
  text: z.strictObject({ kind: z.string(), sha256: z.string(), bytes: z.number() }),
});

test.each([
  { point: 'worker/before-run', startedTwice: 1 },
  { point: 'worker/before-commit', startedTwice: 1 },
  { point: 'worker/after-commit', startedTwice: 0 },
])('killed at $point, a worker loses no job and repeats no committed one', async ({ point, startedTwice }) => {
  worker = new SupervisedWorker({ EVENKEEL_FAULT: `${point}:3`, EVENKEEL_FAULT_ONCE: join(folder, 'marker') });
  const keys = Array.from({ length: JOBS }, (_, n) => `run/step-000001/shard-${n}`);
  const results = await Promise.all(
    keys.map((key, n) =>
      callWorker({
        endpoint: () => worker.endpoint(),
        role: 'rollout',
        key,
        attempt: 1,
        job: 'echo',
        payload: { kind: 'echo', n },
        resultSchema,
      }),
    ),
  );
  for (const [n, result] of results.entries()) {
    expect(result.n).toBe(n);
    expect(Buffer.from(await store.get(result.text)).toString()).toBe(`job ${n}`);
  }
  expect(worker.deaths).toBe(1);
  const events = await store.readJournal();
  const commits = await store.listCommits('run/step-000001/');
  expect(commits.map((commit) => commit.key)).toEqual(keys);
  expect(repeatedWork(events, commits)).toEqual([]);
  expect(events.filter((event) => event.kind === 'started')).toHaveLength(JOBS + startedTwice);
});
