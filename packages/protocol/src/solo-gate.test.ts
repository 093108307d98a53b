import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SoloGate } from './solo-gate.ts';

const { signal } = new AbortController();

/** Enters when the turn comes; `leave` is there from then on. */
function visitor(gate: SoloGate, alone: boolean, until: AbortSignal = signal) {
  const visit: { leave?: () => void; refused?: unknown } = {};
  gate.enter(alone, until).then(
    (leave) => {
      visit.leave = leave;
    },
    (reason: unknown) => {
      visit.refused = reason;
    },
  );
  return visit;
}

describe('SoloGate', () => {
  test('lets any number through together', async () => {
    const gate = new SoloGate();
    const visits = [1, 2, 3].map(() => visitor(gate, false));
    await turn();
    expect(visits.every(({ leave }) => leave !== undefined)).toBe(true);
  });

  test('lets one in alone when the others have left, before those who came later', async () => {
    const gate = new SoloGate();
    const first = visitor(gate, false);
    const alone = visitor(gate, true);
    const later = visitor(gate, false);
    await turn();
    expect([alone.leave, later.leave]).toEqual([undefined, undefined]);
    first.leave!();
    await turn();
    expect(alone.leave).toBeDefined();
    expect(later.leave).toBeUndefined();
    alone.leave!();
    await turn();
    expect(later.leave).toBeDefined();
  });

  test('lets several who want to be alone in one after the other', async () => {
    const gate = new SoloGate();
    const both = [visitor(gate, true), visitor(gate, true)];
    const other = visitor(gate, false);
    await turn();
    expect(both.filter(({ leave }) => leave !== undefined)).toHaveLength(1);
    both.find(({ leave }) => leave !== undefined)!.leave!();
    await turn();
    expect(both.every(({ leave }) => leave !== undefined)).toBe(true);
    expect(other.leave).toBeUndefined();
    both[1]!.leave!();
    await turn();
    expect(other.leave).toBeDefined();
  });

  test('forgets who no longer wants in', async () => {
    const gate = new SoloGate();
    const inside = visitor(gate, false);
    const controller = new AbortController();
    await turn();
    const alone = visitor(gate, true, controller.signal);
    const other = visitor(gate, false);
    await turn();
    expect(other.leave).toBeUndefined();
    controller.abort('enough');
    await turn();
    expect(alone.refused).toBe('enough');
    expect(other.leave).toBeDefined();
    expect(inside.leave).toBeDefined();
  });
});
