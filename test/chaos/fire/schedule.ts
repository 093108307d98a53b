/**
 * What is done to a run, in which order, from one seed: so that what failed can be played again. When exactly a blow falls depends
 * on the machine as well; which one it is, and after how much undisturbed work, does not.
 */
import { type KeyedRandom, keyedRandom } from '@evenkeel/core';

/** The processes of a home under fire, by their names. */
export const targets = [
  'temporal',
  'supervisor',
  'workflow',
  'rollout-0',
  'rollout-1',
  'trainer',
  'verifier',
  'sandbox',
] as const;
export type Target = (typeof targets)[number];

/** Those that others reach over a socket. */
const reachable: readonly Target[] = ['temporal', 'rollout-0', 'rollout-1', 'trainer', 'verifier'];
/** SIGKILL, SIGSTOP with SIGCONT after `forMs`, the sockets reset, the sockets silent for `forMs`. */
export type Action = 'kill' | 'stop' | 'cut' | 'stall';

export interface Blow {
  readonly number: number;
  readonly target: Target;
  readonly action: Action;
  /** How long a process stands still, or a socket is silent; 0 for the others. */
  readonly forMs: number;
  /** After the last blow's recovery; or after the last blow itself, where it falls into the recovery. */
  readonly afterMs: number;
  readonly duringRecovery: boolean;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** SIGKILLs. Every kind of process gets its share. */
  readonly kills: number;
  /** Of the other three, so many for each ten kills. */
  readonly othersPerTenKills: number;
  /** Undisturbed work between two blows, on average. */
  readonly meanGapMs: number;
}

/** The blows of a seed, in order. */
export function schedule({ seed, kills, othersPerTenKills, meanGapMs }: ScheduleOptions): Blow[] {
  const random = keyedRandom(seed, 'chaos');
  const others = Math.round((kills * othersPerTenKills) / 10);
  const picks = [
    ...Array.from({ length: kills }, (_, at) => ({ action: 'kill' as const, target: targets[at % targets.length]! })),
    ...Array.from({ length: others }, (_, at) => {
      const action = (['stop', 'cut', 'stall'] as const)[at % 3]!;
      // A stopped supervisor or sandbox harms nobody for so short a time: those that work are stopped.
      const pool = action === 'stop' ? targets.filter((name) => name !== 'supervisor') : reachable;
      return { action, target: random.pick(pool) };
    }),
  ];
  return shuffled(random, picks).map(({ action, target }, number) => ({
    number,
    target,
    action,
    forMs: action === 'stop' || action === 'stall' ? 200 + random.integer(2800) : 0,
    afterMs: Math.round(meanGapMs * (0.1 + (1.8 * random.integer(1000)) / 1000)),
    duringRecovery: number > 0 && random.integer(8) === 0,
  }));
}

function shuffled<T>(random: KeyedRandom, values: readonly T[]): T[] {
  const rest = [...values];
  for (let at = rest.length - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [rest[at], rest[other]] = [rest[other]!, rest[at]!];
  }
  return rest;
}
