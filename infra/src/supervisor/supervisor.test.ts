import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger as log } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identifyProcess, isLiving, type ProcessIdentity } from '../process/process-identity.ts';
import { ensureTemporalServer } from '../temporal/temporal-binary.ts';
import { readEndpoints } from './endpoints-file.ts';
import { livingSupervisor } from './home-lock.ts';
import type { ProcessSpec, SupervisorEvent } from './supervised-process.ts';
import { type Supervisor, startSupervisor } from './supervisor.ts';

const SOURCES = join(import.meta.dirname, '..');
const CHECKOUT_HOME = join(import.meta.dirname, '../../../.evenkeel');

let home: string;
let scripts: string;
let events: SupervisorEvent[];
let running: Supervisor | null;
const onEvent = (event: SupervisorEvent): void => void events.push(event);

beforeEach(() => {
  home = join(mkdtempSync(join(tmpdir(), 'evenkeel-supervisor-')), 'home');
  scripts = mkdtempSync(join(tmpdir(), 'evenkeel-scripts-'));
  events = [];
  running = null;
});
afterEach(async () => {
  await running?.stop();
  rmSync(join(home, '..'), { recursive: true, force: true });
  rmSync(scripts, { recursive: true, force: true });
});

const CHILD = join(SOURCES, 'process/child-channel.ts');

/** A worker that listens and answers with its pid. */
const LISTENING = `
  import { createServer } from 'node:http';
  import { exitWithParent, reportListening } from '${CHILD}';
  exitWithParent();
  const server = createServer((_, response) => response.end(String(process.pid)));
  server.listen(0, '127.0.0.1', () => reportListening('ws://127.0.0.1:' + server.address().port));
`;
/** A worker that only says that it is ready, and has a child of its own. */
const WITH_CHILD = `
  import { spawn } from 'node:child_process';
  import { exitWithParent, reportReady } from '${CHILD}';
  exitWithParent();
  const child = spawn('sleep', ['600']);
  process.send({ kind: 'grandchild', pid: child.pid });
  reportReady();
  setInterval(() => {}, 1000);
`;
/** A worker that hears nothing. */
const DEAF = `
  import { reportReady } from '${CHILD}';
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => {});
  reportReady();
  setInterval(() => {}, 1000);
`;

function spec(name: string, role: ProcessSpec['role'], source: string): ProcessSpec {
  const file = join(scripts, `${name}.ts`);
  writeFileSync(file, source);
  return { name, role, command: process.execPath, args: [file] };
}

/** A worker whose event loop can be blocked for good, by SIGUSR1. */
const BLOCKABLE = `
  import { exitWithParent, reportReady } from '${CHILD}';
  exitWithParent();
  process.on('SIGUSR1', () => { for (;;); });
  setInterval(() => {}, 1000);
  reportReady();
`;
/** A worker that ends what is under way when it is given notice: it takes 300 ms. */
const DRAINING = `
  import { writeFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { exitWithParent, reportReady } from '${CHILD}';
  exitWithParent(() => {}, {
    drain: async () => { await sleep(300); writeFileSync(process.argv[1] + '.done', String(process.pid)); },
  });
  setInterval(() => {}, 1000);
  reportReady();
`;

async function start(...processes: ProcessSpec[]): Promise<Supervisor> {
  running = await startSupervisor({ home, processes, log, onEvent, temporal: null, graceMs: 500, stallMs: 800 });
  return running;
}

/** Another process that supervises the home; resolves when it is at work. */
async function startElsewhere(
  ...processes: ProcessSpec[]
): Promise<{ supervisor: ChildProcess; pids: ProcessIdentity[] }> {
  const file = join(scripts, 'supervisor.ts');
  writeFileSync(
    file,
    `import { startSupervisor } from '${join(SOURCES, 'supervisor/supervisor.ts')}';
     const log = { debug() {}, info() {}, warn() {}, error() {} };
     const supervisor = await startSupervisor({ home: ${JSON.stringify(home)}, processes: ${JSON.stringify(processes)}, log, temporal: null });
     process.send(supervisor.processes().map((process) => process.pid));`,
  );
  const supervisor = spawn(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const pids = await new Promise<number[]>((resolve) =>
    supervisor.once('message', (message) => resolve(message as number[])),
  );
  return { supervisor, pids: pids.map((pid) => identifyProcess(pid)!) };
}

async function until(what: () => boolean): Promise<void> {
  for (let wait = 0; wait < 1200 && !what(); wait++) await sleep(25);
  expect(what()).toBe(true);
}

function statusOf(supervisor: Supervisor, name: string) {
  return supervisor.processes().find((process) => process.name === name)!;
}

describe('startSupervisor()', () => {
  test('returns when every process has reported, and writes where they are', async () => {
    const supervisor = await start(spec('rollout-0', 'rollout', LISTENING), spec('flow', 'workflow', WITH_CHILD));
    const endpoints = readEndpoints(home);
    expect(endpoints).toEqual(supervisor.endpoints());
    expect(endpoints.supervisor.pid).toBe(process.pid);
    expect(endpoints.workers.rollout).toHaveLength(1);
    const answer = await fetch(endpoints.workers.rollout[0]!.replace('ws:', 'http:'));
    expect(Number(await answer.text())).toBe(statusOf(supervisor, 'rollout-0').pid);
    expect(statSync(join(home, 'token')).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'endpoints.json')).mode & 0o777).toBe(0o600);
  });

  test('a killed process is started again, and the endpoints follow', async () => {
    const supervisor = await start(spec('trainer', 'trainer', LISTENING));
    const before = statusOf(supervisor, 'trainer');
    supervisor.kill('trainer');
    await until(() => statusOf(supervisor, 'trainer').state === 'up' && statusOf(supervisor, 'trainer').restarts === 1);
    const after = statusOf(supervisor, 'trainer');
    expect(after.pid).not.toBe(before.pid);
    expect(readEndpoints(home).workers.trainer).toEqual([after.url]);
    expect(events).toContainEqual({
      kind: 'died',
      name: 'trainer',
      role: 'trainer',
      code: null,
      signal: 'SIGKILL',
      restartInMs: 0,
    });
  });

  test('a process that is stopped, or whose event loop is, is killed after the bound and started again', async () => {
    const supervisor = await start(
      spec('trainer', 'trainer', BLOCKABLE),
      spec('verifier', 'verifier', BLOCKABLE),
      spec('flow', 'workflow', BLOCKABLE),
    );
    const well = statusOf(supervisor, 'flow').pid;
    supervisor.kill('trainer', 'SIGSTOP');
    supervisor.kill('verifier', 'SIGUSR1');
    await until(() => ['trainer', 'verifier'].every((name) => statusOf(supervisor, name).restarts === 1));
    await until(() => ['trainer', 'verifier'].every((name) => statusOf(supervisor, name).state === 'up'));
    const hung = events.filter((event) => event.kind === 'hung');
    expect(hung.map(({ name, silentMs }) => [name, silentMs]).toSorted()).toEqual([
      ['trainer', 800],
      ['verifier', 800],
    ]);
    await sleep(1_600);
    expect(statusOf(supervisor, 'flow')).toMatchObject({ pid: well, restarts: 0 });
    expect(events.filter((event) => event.kind === 'hung')).toHaveLength(2);
  });

  test('drain() lets each process end what is under way, and starts none again', async () => {
    const supervisor = await start(spec('trainer', 'trainer', DRAINING), spec('flow', 'workflow', WITH_CHILD));
    const pid = statusOf(supervisor, 'trainer').pid;
    await supervisor.drain(5_000);
    expect(readFileSync(join(scripts, 'trainer.ts.done'), 'utf8')).toBe(String(pid));
    expect(supervisor.processes()).toMatchObject([
      { pid: null, state: 'stopped', restarts: 0 },
      { pid: null, state: 'stopped', restarts: 0 },
    ]);
    expect(events.filter((event) => event.kind === 'died')).toEqual([]);
  });

  test('a process that is given notice by others ends what is under way, and is started again', async () => {
    const supervisor = await start(spec('trainer', 'trainer', DRAINING));
    const pid = statusOf(supervisor, 'trainer').pid;
    supervisor.kill('trainer', 'SIGTERM');
    supervisor.kill('trainer', 'SIGTERM');
    await until(() => statusOf(supervisor, 'trainer').restarts === 1 && statusOf(supervisor, 'trainer').state === 'up');
    expect(readFileSync(join(scripts, 'trainer.ts.done'), 'utf8')).toBe(String(pid));
    expect(events).toContainEqual(expect.objectContaining({ kind: 'died', code: 0, signal: null }));
  });

  test('after notice() a process that ends in good order is left alone, and one that crashes is started again', async () => {
    const supervisor = await start(spec('trainer', 'trainer', DRAINING), spec('flow', 'workflow', WITH_CHILD));
    supervisor.notice();
    supervisor.kill('trainer', 'SIGTERM');
    supervisor.kill('flow', 'SIGKILL');
    await until(() => statusOf(supervisor, 'flow').restarts === 1 && statusOf(supervisor, 'flow').state === 'up');
    await until(() => statusOf(supervisor, 'trainer').state === 'stopped');
    expect(statusOf(supervisor, 'trainer')).toMatchObject({ pid: null, restarts: 0 });
  });

  test('stop() does not wait for what is under way', async () => {
    const supervisor = await start(spec('trainer', 'trainer', DRAINING));
    await supervisor.stop();
    expect(existsSync(join(scripts, 'trainer.ts.done'))).toBe(false);
  });

  test('the children of a killed process are ended with it', async () => {
    const supervisor = await start(spec('flow', 'workflow', WITH_CHILD));
    const message = events.find((event) => event.kind === 'message')!.message as { pid: number };
    const grandchild = identifyProcess(message.pid)!;
    supervisor.kill('flow');
    await until(() => !isLiving(grandchild));
  });

  test('a process that dies at once again and again is given up, with its last words', async () => {
    const failing = spec('verifier', 'verifier', `console.error('no such model'); process.exit(3);`);
    await expect(start(failing)).rejects.toMatchObject({
      code: 'process-gave-up',
      message: expect.stringContaining('no such model'),
    });
    expect(events.filter((event) => event.kind === 'died')).toHaveLength(4);
    expect(livingSupervisor(home)).toBeNull();
  });

  test('a second supervisor is refused with the pid of the first, and changes nothing', async () => {
    await start(spec('rollout-0', 'rollout', LISTENING));
    const before = readFileSync(join(home, 'endpoints.json'), 'utf8');
    await expect(startSupervisor({ home, processes: [], log, temporal: null })).rejects.toMatchObject({
      code: 'home-in-use',
      pid: process.pid,
    });
    expect(readFileSync(join(home, 'endpoints.json'), 'utf8')).toBe(before);
  });

  test('stop() ends every process, the deaf ones too, and gives the home free', async () => {
    const supervisor = await start(spec('rollout-0', 'rollout', LISTENING), spec('deaf', 'trainer', DEAF));
    const processes = supervisor.processes().map((process) => identifyProcess(process.pid!)!);
    await supervisor.stop();
    expect(processes.map(isLiving)).toEqual([false, false]);
    expect(livingSupervisor(home)).toBeNull();
    expect(() => readEndpoints(home)).toThrow(
      `Cannot reach the processes of ${home}: none are running, expected a run. Start one: evenkeel train`,
    );
  });

  test('the processes of a killed supervisor end by themselves', async () => {
    const { supervisor, pids } = await startElsewhere(spec('rollout-0', 'rollout', LISTENING));
    supervisor.kill('SIGKILL');
    await until(() => !pids.some(isLiving));
    expect(livingSupervisor(home)).toBeNull();
  });

  test('what a killed supervisor left running is ended by the next one, which takes the home', async () => {
    const { supervisor, pids } = await startElsewhere(spec('deaf', 'trainer', DEAF));
    supervisor.kill('SIGKILL');
    await until(() => livingSupervisor(home) === null);
    expect(pids.map(isLiving)).toEqual([true]);
    await start(spec('rollout-0', 'rollout', LISTENING));
    expect(pids.map(isLiving)).toEqual([false]);
  });

  test('a pid that belongs to somebody else by now is left alone', async () => {
    const stranger = spawn('sleep', ['600']);
    await start();
    await running!.stop();
    writeFileSync(
      join(home, 'processes.json'),
      JSON.stringify({ trainer: { pid: stranger.pid, startedAt: 'at another time' } }),
    );
    await start();
    expect(identifyProcess(stranger.pid!)).not.toBeNull();
    stranger.kill('SIGKILL');
  });

  test('the secret stays the same from one supervisor to the next', async () => {
    const first = (await start()).endpoints().token;
    await running!.stop();
    expect((await start()).endpoints().token).toBe(first);
  });

  test('a home that cannot be written is an error that says what to do', async () => {
    writeFileSync(join(home, '..', 'file'), '');
    home = join(home, '..', 'file', 'home');
    await expect(start()).rejects.toMatchObject({
      code: 'home-unwritable',
      message: `Cannot write ${home}: a file stands in the way, expected a folder: choose another folder with --home`,
    });
    home = join(home, '..');
  });

  test.skipIf(process.getuid?.() === 0)(
    'a read-only home is an error (skipped for root, who may write everywhere)',
    async () => {
      const { home: made } = await start();
      await running!.stop();
      chmodSync(made, 0o500);
      await expect(start()).rejects.toMatchObject({ code: 'home-unwritable' });
      chmodSync(made, 0o700);
    },
  );

  test('a killed Temporal server, and one that hangs, comes back at the same address', async () => {
    const temporal = await ensureTemporalServer({ home: CHECKOUT_HOME, log });
    running = await startSupervisor({
      home,
      processes: [spec('flow', 'workflow', WITH_CHILD)],
      log,
      onEvent,
      temporal,
      stallMs: 1_500,
    });
    const before = readEndpoints(home).temporal;
    running.kill('temporal');
    await until(() => events.some((event) => event.kind === 'died' && event.name === 'temporal'));
    await until(() => statusOf(running!, 'temporal').state === 'up');
    expect(readEndpoints(home).temporal).toEqual(before);
    expect(statusOf(running, 'flow').restarts).toBe(0);

    // A server that is stopped lives, and its port accepts: only the answer is missing.
    expect(events.filter((event) => event.kind === 'hung')).toEqual([]);
    running.kill('temporal', 'SIGSTOP');
    await until(() => events.some((event) => event.kind === 'hung' && event.name === 'temporal'));
    await until(() => statusOf(running!, 'temporal').restarts === 2 && statusOf(running!, 'temporal').state === 'up');
    expect(readEndpoints(home).temporal).toEqual(before);
    const server = identifyProcess(statusOf(running, 'temporal').pid!)!;
    await running.stop();
    expect(isLiving(server)).toBe(false);
  });
});
