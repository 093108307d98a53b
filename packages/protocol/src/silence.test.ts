import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookIntervalMs, Silence } from './silence.ts';

describe('Silence', () => {
  test('counts what passes between the looks, and begins anew at each word', () => {
    const silence = new Silence(3_000, 0);
    expect([1_000, 2_000].map((now) => silence.look(now))).toEqual([false, false]);
    silence.heard();
    expect([3_000, 4_000, 5_000].map((now) => silence.look(now))).toEqual([false, false, true]);
  });

  test('a machine that slept finds nobody hung: the first look only starts the count again', () => {
    const silence = new Silence(120_000, 0);
    for (let now = 5_000; now <= 115_000; now += 5_000) expect(silence.look(now)).toBe(false);
    expect(silence.look(115_000 + 8 * 3_600_000)).toBe(false);
    expect(silence.look(120_000 + 8 * 3_600_000)).toBe(false);
  });

  test('whoever speaks within every half of the bound is never taken for hung, whatever the watcher’s own delays', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10_000_000 }), { maxLength: 60 }), (delays) => {
        const silence = new Silence(3_000, 0);
        let now = 0;
        for (const delay of delays) {
          now += delay;
          expect(silence.look(now)).toBe(false);
          silence.heard();
        }
      }),
      { seed: 42 },
    );
  });

  test('whoever never speaks is found within the bound and one look, where the looks are punctual', () => {
    for (const boundMs of [500, 3_000, 120_000, 3_600_000]) {
      const interval = lookIntervalMs(boundMs);
      const silence = new Silence(boundMs, 0);
      let now = 0;
      do now += interval;
      while (!silence.look(now));
      expect(now).toBeGreaterThanOrEqual(boundMs);
      expect(now).toBeLessThanOrEqual(boundMs + interval);
    }
  });
});
