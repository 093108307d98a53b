/** Recorded workflow histories: as files in the JSON form of `temporal workflow show --output json`, and as intervals of time. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One event, as far as it is read here. Attributes stand under a name of the event's own type. */
export interface HistoryEvent {
  readonly eventId: string;
  readonly eventTime: string;
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

export interface RecordedHistory {
  /** The file's path below the folder without its ending: `0.1.0/recorded-step`. */
  readonly name: string;
  readonly history: { readonly events: readonly HistoryEvent[] };
}

/** From when to when, in milliseconds since 1970. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

export interface ActivityInterval extends Interval {
  /** The activity's name, for example `rollOut`. */
  readonly type: string;
  /** Its first argument. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a finished workflow's history says of its time. */
export interface Timeline extends Interval {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly events: number;
  readonly activities: readonly ActivityInterval[];
}

/** Every `*.json` of a folder and of the folders in it, by name. */
export function readHistories(folder: string): RecordedHistory[] {
  return globSync('**/*.json', { cwd: folder })
    .sort()
    .map((name) => ({
      name: name.replace(/\.json$/, ''),
      history: JSON.parse(readFileSync(join(folder, name), 'utf8')),
    }));
}

type Attributes = Readonly<Record<string, never>>;

/** `EVENT_TYPE_ACTIVITY_TASK_STARTED` → its `activityTaskStartedEventAttributes`. */
function attributesOf(event: HistoryEvent): Attributes {
  const words = event.eventType.replace('EVENT_TYPE_', '').toLowerCase().split('_');
  const name = words.map((word, place) => (place === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('');
  return (event[`${name}EventAttributes`] ?? {}) as Attributes;
}

/** Milliseconds, with what the time has beyond them: `Date` knows no microseconds. */
function millisecondsOf({ eventTime }: HistoryEvent): number {
  const [seconds = '', fraction = ''] = eventTime.replace('Z', '').split('.');
  return Date.parse(`${seconds}Z`) + 1000 * Number(`0.${fraction || '0'}`);
}

function inputOf(attributes: Attributes): Readonly<Record<string, unknown>> {
  const [payload] = (attributes as { input?: { payloads?: { data?: string }[] } }).input?.payloads ?? [];
  if (payload?.data === undefined) return {};
  return JSON.parse(Buffer.from(payload.data, 'base64').toString()) as Record<string, unknown>;
}

interface Clock {
  readonly seconds: number;
  readonly nanos: number;
}

function clockMs({ seconds, nanos }: Clock): number {
  return seconds * 1000 + nanos / 1e6;
}

/**
 * A local activity from its marker. The SDK's core puts down its end as the start of the workflow task that ran it plus what it
 * took, whenever within that task it ran.
 */
function localActivityOf(marker: HistoryEvent, byId: ReadonlyMap<string, HistoryEvent>): ActivityInterval[] {
  const { markerName, details, workflowTaskCompletedEventId } = attributesOf(marker) as unknown as {
    markerName: string;
    details: { data: { payloads: { data: string }[] } };
    workflowTaskCompletedEventId: string;
  };
  if (markerName !== 'core_local_activity') return [];
  const data = JSON.parse(Buffer.from(details.data.payloads[0]!.data, 'base64').toString());
  const { startedEventId } = attributesOf(byId.get(workflowTaskCompletedEventId)!) as unknown as Record<string, string>;
  const took = clockMs(data.complete_time) - millisecondsOf(byId.get(startedEventId!)!);
  const from = clockMs(data.original_schedule_time);
  return [{ type: data.activity_type, input: {}, from, to: from + took }];
}

/** The timeline of a history; null where its workflow has not completed. */
export function timelineOf({ events }: RecordedHistory['history']): Timeline | null {
  const first = events[0]!;
  const last = events.at(-1)!;
  if (last.eventType !== 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED') return null;
  const started = attributesOf(first) as unknown as { workflowId: string; workflowType: { name: string } };
  const byId = new Map(events.map((event) => [event.eventId, event]));
  const activities = events
    .filter(({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_COMPLETED')
    .map((event): ActivityInterval => {
      const { scheduledEventId, startedEventId } = attributesOf(event) as unknown as Record<string, string>;
      const scheduled = attributesOf(byId.get(scheduledEventId!)!);
      const { activityType } = scheduled as unknown as { activityType: { name: string } };
      const from = millisecondsOf(byId.get(startedEventId!)!);
      return { type: activityType.name, input: inputOf(scheduled), from, to: millisecondsOf(event) };
    });
  return {
    workflowId: started.workflowId,
    workflowType: started.workflowType.name,
    events: events.length,
    from: millisecondsOf(first),
    to: millisecondsOf(last),
    activities: [...activities, ...events.flatMap((event) => localActivityOf(event, byId))],
  };
}

/** How long at least one of the intervals lasted, within the bounds. */
export function unionMs(intervals: readonly Interval[], bounds: Interval): number {
  let covered = 0;
  let end = bounds.from;
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    const [start, stop] = [Math.max(from, end), Math.min(to, bounds.to)];
    if (stop > start) covered += stop - start;
    end = Math.max(end, stop);
  }
  return covered;
}
