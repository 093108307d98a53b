/** Where the time of a finished workflow went: computing, Temporal, sockets; from its recorded history and the home's work journal. */
import type { JournalEvent } from '@evenkeel/store';
import { type ActivityInterval, type Interval, type Timeline, unionMs } from './history.ts';

export interface StepCost {
  readonly step: string;
  readonly rounds: number;
  readonly events: number;
  readonly durationMs: number;
  /** No activity is started. */
  readonly temporalMs: number;
  /** An activity is started, but its job does not run. Null where there is no journal. */
  readonly socketsMs: number | null;
}

/** Where the keys of an activity's job begin; undefined for a control activity, and for work that runs share. */
function keyOf({ type, input }: ActivityInterval): string | undefined {
  const state = input.state as { step: number } | undefined;
  const done = input.step ?? state?.step;
  if (done === 0 && type !== 'update') return undefined;
  const step = `${input.run}/step-${String(done).padStart(6, '0')}`;
  const round = `${step}/${input.purpose}/round-${input.round}`;
  if (type === 'rollOut') return `${round}/shard-${input.shard}/rollout/`;
  if (type === 'verify') return `${round}/verify/`;
  return type === 'update' ? `${step}/update/` : undefined;
}

/** When the worker worked for an activity; where the job was found committed, not at all. A control activity is all work. */
export function workOf(activity: ActivityInterval, journal: readonly JournalEvent[]): Interval[] {
  const key = keyOf(activity);
  if (key === undefined) return [activity];
  const own = journal.filter((event) => event.key.startsWith(key));
  return own
    .filter(({ kind }) => kind === 'committed')
    .map((committed) => {
      const started = own.findLast(
        (event) => event.kind === 'started' && event.pid === committed.pid && event.at <= committed.at,
      );
      return { from: started?.at ?? committed.at, to: committed.at };
    });
}

export function costOf(timeline: Timeline, journal: readonly JournalEvent[] | null): StepCost {
  const durationMs = timeline.to - timeline.from;
  const underWay = unionMs(timeline.activities, timeline);
  const work = journal === null ? null : timeline.activities.flatMap((activity) => workOf(activity, journal));
  return {
    step: timeline.workflowId,
    rounds: timeline.activities.filter(({ type }) => type === 'closeRound').length,
    events: timeline.events,
    durationMs,
    temporalMs: durationMs - underWay,
    socketsMs: work === null ? null : underWay - unionMs(work, timeline),
  };
}
