/**
 * A change of workflow code stands behind `patched('…')`, and each such change has been seen from both sides: by a history from before
 * it, which must replay without it, and by one from after it, whose marker must still be understood.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HistoryEvent, type RecordedHistory, readHistories } from '../support/history.ts';

const sources = join(import.meta.dirname, '../../workflows/src');
const histories = readHistories(join(import.meta.dirname, 'histories'));

/** The ids of `patched(…)` and `deprecatePatch(…)` in the workflows. */
function patchIds(): string[] {
  const texts = globSync('**/*.ts', { cwd: sources }).map((name) => readFileSync(join(sources, name), 'utf8'));
  const calls = texts.flatMap((text) => [...text.matchAll(/\b(?:patched|deprecatePatch)\(([^)]*)\)/g)]);
  return [...new Set(calls.map(([, argument = '']) => argument))].sort();
}

interface MarkerEvent extends HistoryEvent {
  readonly markerRecordedEventAttributes?: {
    readonly markerName: string;
    readonly details?: Readonly<Record<string, { readonly payloads: readonly { readonly data: string }[] }>>;
  };
}

function markersOf({ history }: RecordedHistory): string[] {
  return (history.events as readonly MarkerEvent[]).flatMap(({ markerRecordedEventAttributes: marker }) => {
    if (marker?.markerName !== 'core_patch') return [];
    const payloads = Object.values(marker.details ?? {}).flatMap((detail) => detail.payloads);
    return payloads.map(({ data }) => (JSON.parse(Buffer.from(data, 'base64').toString()) as { id: string }).id);
  });
}

function typeOf({ history }: RecordedHistory): string {
  const first = history.events[0] as unknown as {
    readonly workflowExecutionStartedEventAttributes: { readonly workflowType: { readonly name: string } };
  };
  return first.workflowExecutionStartedEventAttributes.workflowType.name;
}

/** The release in whose folder it lies. */
function versionOf({ name }: RecordedHistory): string {
  return name.split('/', 1)[0]!;
}

function isEarlier(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

describe('a patch of the workflows', () => {
  test('is named by a plain text, so that it can be found', () => {
    for (const id of patchIds()) expect(id).toMatch(/^'[a-z0-9-]+'$/);
  });

  test.each(patchIds().map((id) => [id.replaceAll("'", '')]))(
    '%s has a recorded history from before it, of an earlier release, and one from after it',
    (id) => {
      const after = histories.filter((history) => markersOf(history).includes(id));
      const how = `record one: node test/replay/record.ts --home DIR --run NAME --prefix ${id}`;
      expect(
        after.map(({ name }) => name),
        `no history has the marker of "${id}"; ${how}`,
      ).not.toEqual([]);
      const before = histories.filter(
        (history) =>
          !markersOf(history).includes(id) &&
          after.some((later) => typeOf(later) === typeOf(history) && isEarlier(versionOf(history), versionOf(later))),
      );
      expect(
        before.map(({ name }) => name),
        `no earlier history is without the marker of "${id}"`,
      ).not.toEqual([]);
    },
  );

  test('that histories know is known to the workflows: a marker without its patch would stop a run', () => {
    const known = patchIds().map((id) => id.replaceAll("'", ''));
    for (const id of new Set(histories.flatMap(markersOf))) expect(known).toContain(id);
  });
});
