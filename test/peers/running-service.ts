/** `evenkeel verifier serve` as a process of its own, for those who ask it from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface RunningService {
  readonly url: string;
  readonly process: ChildProcess;
  /** Asks it to stop, and gives its exit status. */
  stop(): Promise<number>;
}

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');

/** @param args of the command: tasks and flags */
export async function startService(args: readonly string[], token?: string): Promise<RunningService> {
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      main,
      'verifier',
      'serve',
      ...args,
      '--port',
      '0',
      '--json',
      ...(token === undefined ? [] : ['--token-env', 'EVENKEEL_VERIFIERS_TOKEN']),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...(token === undefined ? {} : { EVENKEEL_VERIFIERS_TOKEN: token }) },
    },
  );
  const ended = once(child, 'exit').then(([code]) => (code as number | null) ?? 1);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) throw new Error(`Cannot start service: it ended with ${await ended}, expected it to listen`);
  const { url } = JSON.parse(first.value) as { url: string };
  return {
    url,
    process: child,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
