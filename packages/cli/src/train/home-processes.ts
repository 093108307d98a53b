import { fileURLToPath } from 'node:url';
import type { ProcessSpec } from '@evenkeel/infra';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** MB of the young generation's halves: small where large data lies outside of V8's heap, larger where tables become objects. */
const YOUNG_MB = { rollout: 8, trainer: 8, verifier: 8, workflow: 32 } as const;

/** The processes of a home on one machine: one worker of each role. */
export function homeProcesses(home: string, options: { readonly threads: number }): ProcessSpec[] {
  const worker = (role: keyof typeof YOUNG_MB, ...args: string[]): ProcessSpec => ({
    name: role,
    role,
    command: process.execPath,
    args: [`--max-semi-space-size=${YOUNG_MB[role]}`, '--no-warnings', main, 'worker', role, '--home', home, ...args],
  });
  const threads = ['--threads', String(options.threads)];
  return [worker('rollout', ...threads), worker('trainer', ...threads), worker('verifier'), worker('workflow')];
}
