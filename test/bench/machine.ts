/** What a measurement was made on: the machine, and how busy it was beside it. */
import { availableParallelism, cpus, loadavg } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** Ready processes, the mean over the last minute. */
  readonly load: number;
}

/** The machine as it is now. */
export function machine(): Machine {
  return { processor: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), load: loadavg()[0]! };
}

const QUIET = 0.5;

/** Says on stderr where the machine is too busy for the clock to say much; before the measurement, which is load itself. */
export function warnIfBusy({ cores, load }: Machine): void {
  if (load <= QUIET * cores) return;
  console.error(
    `The machine is busy (${load.toFixed(1)} ready processes for ${cores} cores): take no ratio from this run. A peer whose threads wait ` +
      'by spinning loses most; with OMP_WAIT_POLICY=PASSIVE they sleep.',
  );
}
