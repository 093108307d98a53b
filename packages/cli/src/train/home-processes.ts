import { fileURLToPath } from 'node:url';
import type { ProcessSpec } from '@evenkeel/infra';
import type { RunConfig } from '@evenkeel/protocol';
import type { Flag } from '../command.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** MB of the young generation's halves: small where large data lies outside of V8's heap, larger where tables become objects. */
const YOUNG_MB = { rollout: 8, trainer: 8, verifier: 8, workflow: 32 } as const;

export interface HomeProcessesOptions {
  /** Of each inference session. */
  readonly threads: number;
  /** What the workers that hold a policy compute on. Default: the CPU. */
  readonly device?: RunConfig['device'];
  /** Default 1: several pay where there are cores for them, and shards or runs to share out. */
  readonly rolloutWorkers?: number | undefined;
  /** After so long without a sign of life a process or a job is taken for hung. Default 120. */
  readonly stallSeconds?: number | undefined;
  /** What SIGTERM gives the workers. Default 30. */
  readonly noticeSeconds?: number | undefined;
}

export const stallSecondsFlag: Flag = {
  type: 'string',
  value: 'N',
  help: 'a process or job that shows no life for so long is taken for hung and started again (default: 120)',
};

export const noticeSecondsFlag: Flag = {
  type: 'string',
  value: 'N',
  help: 'how long after SIGTERM the machine may be gone: what is under way is ended within that time (default: 30)',
};

/** Of a notice's time the part in which work may still be ended: the rest is for the processes' own end. */
export function drainMs(noticeSeconds: number): number {
  return 1000 * Math.max(noticeSeconds - 5, noticeSeconds / 2);
}

/** The processes of a home on one machine: one worker of each role, of the rollout workers as many as are asked for. */
export function homeProcesses(home: string, options: HomeProcessesOptions): ProcessSpec[] {
  const { threads, device = 'cpu', rolloutWorkers = 1, stallSeconds = 120, noticeSeconds = 30 } = options;
  const worker = (role: keyof typeof YOUNG_MB, args: readonly string[] = [], name: string = role): ProcessSpec => ({
    name,
    role,
    command: process.execPath,
    args: [
      ...[`--max-semi-space-size=${YOUNG_MB[role]}`, '--no-warnings', main, 'worker', role, '--home', home],
      ...['--stall-seconds', String(stallSeconds), ...args],
    ],
  });
  const noticed = ['--notice-seconds', String(noticeSeconds)];
  const computing = ['--threads', String(threads), ...(device === 'cpu' ? [] : ['--device', device]), ...noticed];
  const rollouts = Array.from({ length: rolloutWorkers }, (_, index) => {
    const name = index === 0 ? 'rollout' : `rollout-${index + 1}`;
    return worker('rollout', [...computing, '--name', name], name);
  });
  return [...rollouts, worker('trainer', computing), worker('verifier', noticed), worker('workflow')];
}
