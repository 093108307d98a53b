import { fileURLToPath } from 'node:url';
import type { ProcessSpec } from '@evenkeel/infra';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A small young generation: these processes live long and hold their large data outside of V8's heap. */
const nodeFlags = ['--max-semi-space-size=8', '--no-warnings'];

/** The processes of a home on one machine: one worker of each role. */
export function homeProcesses(home: string, options: { readonly threads: number }): ProcessSpec[] {
  const worker = (role: ProcessSpec['role'], ...args: string[]): ProcessSpec => ({
    name: role,
    role,
    command: process.execPath,
    args: [...nodeFlags, main, 'worker', role, '--home', home, ...args],
  });
  const threads = ['--threads', String(options.threads)];
  return [worker('rollout', ...threads), worker('trainer', ...threads), worker('verifier'), worker('workflow')];
}
