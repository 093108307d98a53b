/** Runs `evenkeel train --json` as a user does, in a process of its own, and reads what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProcessIdentity } from '@evenkeel/infra';

const main = fileURLToPath(import.meta.resolve('../../packages/cli/src/main.ts'));

/** One JSON line of `train`. */
export type TrainLine = { readonly kind: string } & Readonly<Record<string, unknown>>;

export interface TrainResult {
  readonly kind: 'result';
  readonly run: string;
  readonly step: number;
  readonly policy: { readonly sha256: string; readonly path: string };
  readonly evaluation: {
    readonly base: Readonly<Record<string, number>>;
    readonly trained: Readonly<Record<string, number>>;
  };
}

export interface TrainProcess {
  readonly child: ChildProcess;
  readonly lines: readonly TrainLine[];
  readonly errors: readonly string[];
  /** Resolves with the exit status, or the signal, when the process is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** The result line. @throws where the process ended without one */
  result(): Promise<TrainResult>;
}

/** A run that takes seconds: a few puzzles, a few rollouts, three threads of work. */
export const smallRun = {
  steps: 6,
  promptsPerStep: 12,
  groupSize: 4,
  threads: 1,
  minibatches: 2,
  checkpointEvery: 4,
  shardPrompts: 24,
  evaluation: { every: 0, promptsPerTask: 8 },
};

const underWay = new Set<TrainProcess>();

/** Ends what a failed test left behind: the command first asked, so that it stops its own processes. For `afterAll`. */
export async function endTrainProcesses(): Promise<void> {
  for (const { child, ended } of underWay) {
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(patience);
  }
}

/** Starts `evenkeel ARGS`. */
export function startEvenkeel(args: readonly string[], env: Readonly<Record<string, string>> = {}): TrainProcess {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: TrainLine[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line) as TrainLine));
  createInterface({ input: child.stderr! }).on('line', (line) => errors.push(line));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => {
      underWay.delete(started);
      resolve({ code, signal });
    });
  });
  const started: TrainProcess = {
    child,
    lines,
    errors,
    ended,
    async result() {
      const exit = await ended;
      const found = lines.findLast((line) => line.kind === 'result');
      if (found === undefined) {
        throw new Error(
          `No result; exit ${exit.code ?? exit.signal}; ${JSON.stringify(lines.at(-1))}; ${errors.join('\n')}`,
        );
      }
      return found as unknown as TrainResult;
    },
  };
  underWay.add(started);
  return started;
}

/** What a command that must succeed wrote. @throws with what it said where it failed */
export async function linesOf({ child, ended, lines, errors }: TrainProcess): Promise<readonly TrainLine[]> {
  const { code } = await ended;
  if (code === 0) return lines;
  const args = child.spawnargs.slice(child.spawnargs.indexOf(main) + 1);
  throw new Error(`evenkeel ${args.join(' ')} ended with ${code}: ${errors.join('\n')}`);
}

/** The living processes of a home by name, as the supervisor recorded them. */
export function homeProcesses(home: string): Readonly<Record<string, ProcessIdentity>> {
  return JSON.parse(readFileSync(join(home, 'processes.json'), 'utf8')) as Record<string, ProcessIdentity>;
}

/** Their numbers alone. */
export function homeProcessIds(home: string): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(homeProcesses(home)).map(([name, { pid }]) => [name, pid]));
}

/** Whether a process lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
