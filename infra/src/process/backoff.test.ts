import { describe, expect, test } from 'vitest';
import { createBackoff } from './backoff.ts';

describe('createBackoff()', () => {
  test('the first restart is immediate, later ones wait longer, up to 5 s', () => {
    const backoff = createBackoff();
    backoff.up(-1);
    const delays = Array.from({ length: 8 }, (_, death) => backoff.died(death * 1000));
    expect(delays).toEqual([0, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  test('a process that was up for ten seconds is started at once again', () => {
    const backoff = createBackoff();
    for (let death = 0; death < 4; death++) backoff.died(0);
    backoff.up(1_000);
    expect(backoff.died(11_000)).toBe(0);
  });

  test('being up for less than that changes nothing', () => {
    const backoff = createBackoff();
    backoff.died(0);
    backoff.up(100);
    expect(backoff.died(9_000)).toBe(200);
  });

  test('the eleventh death within a minute is the last', () => {
    const backoff = createBackoff();
    backoff.up(0);
    for (let death = 0; death < 10; death++) expect(backoff.died(death)).not.toBe('gave-up');
    expect(backoff.died(10)).toBe('gave-up');
  });

  test('a process that never came up is given up at its fifth death', () => {
    const backoff = createBackoff();
    for (let death = 0; death < 4; death++) expect(backoff.died(death)).not.toBe('gave-up');
    expect(backoff.died(4)).toBe('gave-up');
  });

  test('ten deaths a minute apart are none too many', () => {
    const backoff = createBackoff();
    for (let death = 0; death < 30; death++) expect(backoff.died(death * 60_000)).not.toBe('gave-up');
  });
});
