/**
 * One run under fire: starts a home's processes behind proxies, starts the run, strikes as the schedule says, and writes down what
 * happened. It knows nothing of what a step is: work is what the journal says.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type JournalEvent, openFolderStore, type Store } from '@evenkeel/store';
import { homeProcessIds, isAlive, startEvenkeel, type TrainResult } from '../../support/train-process.ts';
import { type FaultyProxy, startFaultyProxy } from './proxy.ts';
import type { Blow, Target } from './schedule.ts';

/** What a blow did. Times in milliseconds since the run's start. */
export interface Interruption {
  readonly blow: Blow;
  readonly atMs: number;
  /** When the process was up again; null where it was not away (a cut socket), or not before the run's end. */
  readonly backMs: number | null;
  /** When work was next begun or committed, after the process was back. */
  readonly productiveMs: number | null;
  /** Computing that was under way in the process and had to be done again. */
  readonly lostMs: number;
}

export interface FireReport {
  readonly result: TrainResult;
  readonly wallMs: number;
  readonly interruptions: readonly Interruption[];
  /** When each step's update was committed. */
  readonly steps: readonly { readonly step: number; readonly atMs: number }[];
}

export interface FireOptions {
  readonly home: string;
  /** Path of the run's configuration. */
  readonly config: string;
  readonly blows: readonly Blow[];
  readonly say: (line: string) => void;
}

const POLL_MS = 20;
const PATIENCE_MS = 15_000;
const proxied = ['temporal', 'rollout-0', 'rollout-1', 'trainer', 'verifier'] as const;

interface Up {
  readonly name: string;
  readonly at: number;
}

/** Runs until the run's result is there. */
export async function runUnderFire({ home, config, blows, say }: FireOptions): Promise<FireReport> {
  const proxies = new Map<string, FaultyProxy>();
  for (const name of proxied) proxies.set(name, await startFaultyProxy());
  const ups: Up[] = [];
  let supervisor = await startSupervising(home, proxies, ups, say);
  const store = await openFolderStore(join(home, 'store'));
  const startedAt = Date.now();
  let train = startEvenkeel(['train', config, '--json', '--home', home]);
  const interruptions: Interruption[] = [];
  let result: TrainResult | null = null;
  let over = false;
  /** Nobody supervises the home: a `train` that is typed now would become its supervisor, without proxies and the second worker. */
  let isLeft = false;

  /** The command that follows the run is a process like the others: where it lost its server, it is typed again. */
  const following = (async () => {
    while (result === null && !over) {
      await train.ended;
      const found = train.lines.findLast((line) => line.kind === 'result');
      if (found !== undefined) result = found as unknown as TrainResult;
      else if (!over) {
        say(`train ended (${train.errors.at(-1) ?? JSON.stringify(train.lines.at(-1))}); typed again`);
        while (isLeft || !existsSync(join(home, 'endpoints.json'))) await sleep(POLL_MS);
        train = startEvenkeel(['train', config, '--json', '--home', home]);
      }
    }
  })();

  try {
    await firstWork(store, () => result !== null);
    let lastProductive = Date.now();
    for (const blow of blows) {
      await sleep(Math.max(0, lastProductive + (blow.duringRecovery ? blow.afterMs / 4 : blow.afterMs) - Date.now()));
      if (result !== null) break;
      if (!(await present(blow, home, proxies, () => result !== null))) {
        say(`#${blow.number} ${blow.action} ${blow.target}: not there, left out`);
        continue;
      }
      const at = Date.now();
      const under = await jobsUnderWay(store, home, blow.target);
      const upsBefore = ups.length;
      if (blow.target === 'supervisor' && blow.action === 'kill') {
        isLeft = true;
        // The command that follows goes with it: left alone, it would take the home over within a moment.
        train.child.kill('SIGKILL');
        supervisor.kill('SIGKILL');
        await Promise.all([train.ended, new Promise<void>((resolve) => supervisor.once('exit', () => resolve()))]);
        supervisor = await startSupervising(home, proxies, ups, say);
        isLeft = false;
      } else strike(blow, home, proxies);
      const back = await waitForBack(blow, upsBefore, ups, at, () => result !== null);
      const productive = await waitForWork(store, back ?? at, () => result !== null);
      lastProductive = blow.duringRecovery ? at : Date.now();
      interruptions.push({
        blow,
        atMs: at - startedAt,
        backMs: back === null ? null : back - startedAt,
        productiveMs: productive === null ? null : productive - startedAt,
        lostMs: blow.action === 'kill' ? under.reduce((sum, job) => sum + Math.max(0, at - job.at), 0) : 0,
      });
      const seconds = productive === null ? '–' : ((productive - (back ?? at)) / 1000).toFixed(1);
      say(
        `#${blow.number} ${blow.action} ${blow.target}: working again ${seconds} s after ${back === null ? 'it' : 'it was back'}`,
      );
    }
    await following;
    const wallMs = Date.now() - startedAt;
    return { result: result!, wallMs, interruptions, steps: stepsOf(await store.readJournal(), startedAt) };
  } finally {
    over = true;
    train.child.kill('SIGTERM');
    await endSupervising(supervisor);
    await store.close();
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
  }
}

async function startSupervising(
  home: string,
  proxies: ReadonlyMap<string, FaultyProxy>,
  ups: Up[],
  say: (line: string) => void,
): Promise<ChildProcess> {
  const ports = Object.fromEntries([...proxies].map(([name, { port }]) => [name, port]));
  const child = fork(fileURLToPath(new URL('./supervise.ts', import.meta.url)), [home, JSON.stringify(ports)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { kind: string } & Record<string, unknown>) => {
      if (message.kind === 'ready') {
        ups.push({ name: 'supervisor', at: Date.now() });
        resolve();
      }
      if (message.kind === 'target')
        proxies.get(String(message.name))?.target(String(message.host), Number(message.port));
      if (message.kind === 'log') say(`supervisor: ${message.message}`);
      const event = message.event as { kind: string; name: string } | undefined;
      if (event?.kind === 'up') ups.push({ name: event.name, at: Date.now() });
      if (event?.kind === 'gave-up') reject(new Error(`Cannot keep ${event.name} running: the supervisor gave it up`));
    });
    child.once('exit', (code, signal) => reject(new Error(`The supervisor ended with ${code ?? signal}: ${errors}`)));
  });
  return child;
}

async function endSupervising(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 25_000);
  await exited;
  clearTimeout(patience);
}

/** Waits until there is something to strike at: what was struck before may still be away. */
async function present(
  blow: Blow,
  home: string,
  proxies: ReadonlyMap<string, FaultyProxy>,
  ended: () => boolean,
): Promise<boolean> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until && !ended(); await sleep(POLL_MS)) {
    if (isThere(blow, home, proxies)) return true;
  }
  return false;
}

function isThere({ target, action }: Blow, home: string, proxies: ReadonlyMap<string, FaultyProxy>): boolean {
  if (action === 'stall' || target === 'supervisor') return true;
  if (action === 'cut') return (proxies.get(target)?.connections() ?? 0) > 0;
  const pid = pidOf(target, home);
  return pid !== undefined && isAlive(pid);
}

function strike({ target, action, forMs }: Blow, home: string, proxies: ReadonlyMap<string, FaultyProxy>): void {
  if (action === 'cut') proxies.get(target)?.cut();
  else if (action === 'stall') proxies.get(target)?.stall(forMs);
  else {
    const pid = pidOf(target, home);
    if (pid === undefined || !isAlive(pid)) return;
    process.kill(pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    if (action === 'stop') setTimeout(() => isAlive(pid) && process.kill(pid, 'SIGCONT'), forMs);
  }
}

function pidOf(target: Target, home: string): number | undefined {
  const ids = homeProcessIds(home);
  if (target !== 'sandbox') return ids[target];
  const host = ids.verifier;
  return host === undefined ? undefined : childrenOf(host)[0];
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function firstWork(store: Store, ended: () => boolean): Promise<void> {
  while (!ended() && (await store.readJournal()).length === 0) await sleep(POLL_MS);
}

/** What the process had begun and not committed. */
async function jobsUnderWay(store: Store, home: string, target: Target): Promise<readonly JournalEvent[]> {
  const events = await store.readJournal();
  const committed = new Set(events.filter(({ kind }) => kind === 'committed').map(({ key }) => key));
  const pids = target === 'supervisor' ? Object.values(homeProcessIds(home)) : [homeProcessIds(home)[target]];
  const last = new Map<string, JournalEvent>();
  for (const event of events) if (event.kind === 'started' && !committed.has(event.key)) last.set(event.key, event);
  return [...last.values()].filter(({ pid }) => pids.includes(pid));
}

async function waitForBack(
  { target, action, forMs }: Blow,
  upsBefore: number,
  ups: readonly Up[],
  at: number,
  ended: () => boolean,
): Promise<number | null> {
  if (action === 'cut' || target === 'sandbox') return null;
  if (action === 'stop' || action === 'stall') {
    await sleep(Math.max(0, at + forMs - Date.now()));
    return at + forMs;
  }
  while (!ended()) {
    const up = ups.slice(upsBefore).findLast(({ name }) => name === target);
    if (up !== undefined) return up.at;
    await sleep(POLL_MS);
  }
  return null;
}

async function waitForWork(store: Store, since: number, ended: () => boolean): Promise<number | null> {
  while (!ended()) {
    const next = (await store.readJournal()).find((event) => event.at > since && event.kind !== 'found');
    if (next !== undefined) return next.at;
    await sleep(POLL_MS);
  }
  return null;
}

function stepsOf(journal: readonly JournalEvent[], startedAt: number): { step: number; atMs: number }[] {
  return journal.flatMap(({ key, kind, at }) => {
    const step = /\/step-(\d+)\/update\//.exec(key)?.[1];
    return kind === 'committed' && step !== undefined ? [{ step: Number(step) + 1, atMs: at - startedAt }] : [];
  });
}
