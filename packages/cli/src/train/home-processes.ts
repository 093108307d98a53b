import { fileURLToPath } from 'node:url';
import type { ProcessSpec } from '@evenkeel/infra';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** MB of the young generation's halves: small where large data lies outside of V8's heap, larger where tables become objects. */
const YOUNG_MB = { rollout: 8, trainer: 8, verifier: 8, workflow: 32 } as const;

export interface HomeProcessesOptions {
  /** Of each inference session. */
  readonly threads: number;
  /** Default 1: several pay where there are cores for them, and shards or runs to share out. */
  readonly rolloutWorkers?: number | undefined;
}

/** The processes of a home on one machine: one worker of each role, of the rollout workers as many as are asked for. */
export function homeProcesses(home: string, options: HomeProcessesOptions): ProcessSpec[] {
  const worker = (role: keyof typeof YOUNG_MB, args: readonly string[] = [], name: string = role): ProcessSpec => ({
    name,
    role,
    command: process.execPath,
    args: [`--max-semi-space-size=${YOUNG_MB[role]}`, '--no-warnings', main, 'worker', role, '--home', home, ...args],
  });
  const threads = ['--threads', String(options.threads)];
  const rollouts = Array.from({ length: options.rolloutWorkers ?? 1 }, (_, index) => {
    const name = index === 0 ? 'rollout' : `rollout-${index + 1}`;
    return worker('rollout', [...threads, '--name', name], name);
  });
  return [...rollouts, worker('trainer', threads), worker('verifier'), worker('workflow')];
}
