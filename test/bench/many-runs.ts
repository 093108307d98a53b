/**
 * Several runs on the workers of one home: steps per second of each and of all, how evenly the workers' time is shared out, and what
 * trainers had to do again because runs took turns (nothing is expected).
 *
 *     npm run bench many-runs -- [--runs 1,2,4] [--steps N] [--priorities 1,3,5] [--json]
 *
 * `--priorities` gives the runs of the last group theirs, in order. The time shared out is that of jobs between their start and their
 * commit (work journal), from when every run has done a step until the first one has done its last.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { updateResultSchema } from '@evenkeel/protocol';
import { type JournalEvent, openFolderStore } from '@evenkeel/store';
import { endTrainProcesses, startEvenkeel } from '../support/train-process.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1,2,4' },
    steps: { type: 'string', default: '12' },
    priorities: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);

interface RunMeasure {
  readonly run: string;
  readonly priority: number;
  readonly stepsPerSecond: number;
  /** Seconds of workers' time in the overlap, by role and together. */
  readonly rolloutSeconds: number;
  readonly trainerSeconds: number;
  readonly sha256: string;
  readonly redone: number;
}

interface Measure {
  readonly runs: readonly RunMeasure[];
  readonly overlapSeconds: number;
  readonly stepsPerSecond: number;
  /** Jain's index of the worker time: 1 where all have the same, 1/n where one has all. Of runs of equal priority. */
  readonly fairness: { readonly rollout: number; readonly trainer: number };
}

interface Span {
  readonly key: string;
  readonly run: string;
  readonly role: 'rollout' | 'update' | 'other';
  readonly from: number;
  readonly to: number;
}

/** The jobs of training steps with their times; a job that was begun and not committed counts for nobody. */
function spansOf(events: readonly JournalEvent[]): Span[] {
  const started = new Map<string, number>();
  const spans: Span[] = [];
  for (const { key, kind, at } of events.toSorted((a, b) => a.at - b.at)) {
    if (kind === 'started') started.set(key, at);
    const from = started.get(key);
    if (kind !== 'committed' || from === undefined) continue;
    const run = key.split('/')[0]!;
    const role = key.includes('/update/')
      ? 'update'
      : key.includes('/train/') && key.includes('/rollout/')
        ? 'rollout'
        : 'other';
    spans.push({ key, run, role, from, to: at });
  }
  return spans;
}

const secondsWithin = (spans: readonly Span[], from: number, to: number): number =>
  spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0) / 1000;

function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

async function measure(count: number, priorities: readonly number[]): Promise<Measure> {
  const home = mkdtempSync(join(tmpdir(), 'evenkeel-many-runs-'));
  try {
    const names = Array.from({ length: count }, (_, index) => `run-${index}`);
    const commands = names.map((run, index) => {
      const config = join(home, `${run}.json`);
      const shape = { promptsPerStep: 32, groupSize: 8, shardPrompts: 8, threads: 1, checkpointEvery: 5 };
      writeFileSync(
        config,
        JSON.stringify({ run, steps, seed: index, ...shape, evaluation: { every: 0, promptsPerTask: 4 } }),
      );
      const priority = priorities[index] === undefined ? [] : ['--priority', String(priorities[index])];
      return startEvenkeel(['train', config, '--json', '--home', home, ...priority]);
    });
    const results = await Promise.all(commands.map((command) => command.result()));
    await Promise.all(commands.map(({ ended }) => ended));
    const store = await openFolderStore(join(home, 'store'));
    const spans = spansOf(await store.readJournal());
    const updates = names.map((run) => spans.filter((span) => span.run === run && span.role === 'update'));
    const from = Math.max(...updates.map((own) => own[0]!.to));
    const to = Math.min(...updates.map((own) => own.at(-1)!.to));
    const seconds = (run: string, role: Span['role']) =>
      secondsWithin(
        spans.filter((span) => span.run === run && span.role === role),
        from,
        to,
      );
    const runs = await Promise.all(
      names.map(async (run, index): Promise<RunMeasure> => {
        // After the first run's end another command takes the home over, with a trainer that has to remember.
        const within = new Set(updates[index]!.filter((span) => span.to <= to).map(({ key }) => key));
        const commits = (await store.listCommits(`${run}/`)).filter(({ key }) => within.has(key));
        const redone = await Promise.all(
          commits.map(async ({ key }) => updateResultSchema.parse((await store.lookup(key))?.result).metrics.redone),
        );
        const done = updates[index]!.filter((span) => span.to > from && span.to <= to).length;
        return {
          ...{ run, priority: priorities[index] ?? 3, stepsPerSecond: (1000 * done) / (to - from) },
          ...{ rolloutSeconds: seconds(run, 'rollout'), trainerSeconds: seconds(run, 'update') },
          ...{ sha256: results[index]!.policy.sha256, redone: redone.reduce((sum, one) => sum + one, 0) },
        };
      }),
    );
    await store.close();
    return {
      runs,
      overlapSeconds: (to - from) / 1000,
      stepsPerSecond: runs.reduce((sum, run) => sum + run.stepsPerSecond, 0),
      fairness: {
        rollout: jain(runs.map((run) => run.rolloutSeconds)),
        trainer: jain(runs.map((run) => run.trainerSeconds)),
      },
    };
  } finally {
    await endTrainProcesses();
    rmSync(home, { recursive: true, force: true });
  }
}

const counts = values.runs.split(',').map(Number);
const given = values.priorities?.split(',').map(Number) ?? [];
for (const [index, count] of counts.entries()) {
  const measured = await measure(count, index === counts.length - 1 ? given : []);
  if (values.json) {
    console.log(JSON.stringify({ count, ...measured }));
    continue;
  }
  const { fairness, overlapSeconds, stepsPerSecond } = measured;
  console.log(
    `${count} ${count === 1 ? 'run ' : 'runs'}: ${stepsPerSecond.toFixed(2)} steps/s together over ${overlapSeconds.toFixed(1)} s; fairness (Jain) of rollout time ${fairness.rollout.toFixed(3)}, of trainer time ${fairness.trainer.toFixed(3)}`,
  );
  for (const run of measured.runs) {
    console.log(
      `  ${run.run} (priority ${run.priority}): ${run.stepsPerSecond.toFixed(2)} steps/s, rollout ${run.rolloutSeconds.toFixed(1)} s, trainer ${run.trainerSeconds.toFixed(1)} s, redone ${run.redone}, ${run.sha256.slice(0, 12)}`,
    );
  }
}
