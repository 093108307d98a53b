import { describe, expect, test } from 'vitest';
import { ItemBudget } from './item-budget.ts';

function budget(maxItems = 10, maxBytes = 1000) {
  const clock = { ms: 0 };
  return { clock, budget: new ItemBudget({ maxItems, maxBytes, now: () => clock.ms }) };
}

describe('ItemBudget', () => {
  test('takes items up to its bound and gives their room to others when they are answered or released', () => {
    const { budget: items } = budget();
    const [first, second] = [items.hold(), items.hold()];
    expect(first.add({ items: 6 })).toBe(true);
    expect(second.add({ items: 5 })).toBe(false);
    expect(second.add({ items: 4 })).toBe(true);
    first.answered(5);
    expect(items.items).toBe(5);
    expect(second.add({ items: 5 })).toBe(true);
    second.release();
    second.release();
    expect(items.items).toBe(1);
    first.release();
    expect(items.items).toBe(0);
  });

  test('bounds bytes as it bounds items, and counts what an answer holds', () => {
    const { budget: items } = budget();
    const [first, second] = [items.hold(), items.hold()];
    expect(first.add({ bytes: 900 })).toBe(true);
    expect(second.add({ bytes: 200 })).toBe(false);
    expect(second.add({ bytes: 50 })).toBe(true);
    second.charge(500);
    expect(items.bytes).toBe(1450);
    expect(first.add({ bytes: 1 })).toBe(false);
    second.release();
    expect(items.bytes).toBe(900);
  });

  test('takes any one request where nothing else waits, however large', () => {
    const { budget: items } = budget();
    const large = items.hold();
    expect(large.add({ items: 5000, bytes: 10_000 })).toBe(true);
    expect(large.add({ bytes: 10_000 })).toBe(true);
    expect(items.hold().add({ items: 1 })).toBe(false);
  });

  test('tells those it turns away to come back when what waits will have been answered', () => {
    const { clock, budget: items } = budget(1000);
    const hold = items.hold();
    expect(items.retryAfterS).toBe(1);
    hold.add({ items: 200 });
    clock.ms += 1000;
    hold.answered(20);
    expect(items.pace).toBe(20);
    expect(items.retryAfterS).toBe(9);
    hold.add({ items: 800 });
    clock.ms += 1000;
    hold.answered(1);
    expect(items.retryAfterS).toBe(60);
  });

  test('counts only the time in which something waited, and forgets how fast it once was', () => {
    const { clock, budget: items } = budget(1000);
    const hold = items.hold();
    hold.add({ items: 100 });
    clock.ms += 1000;
    hold.answered(100);
    clock.ms += 3_600_000;
    hold.add({ items: 100 });
    expect(items.pace).toBe(100);
    for (let second = 0; second < 60; second++) {
      clock.ms += 1000;
      hold.answered(1);
    }
    expect(items.pace!).toBeGreaterThan(1);
    expect(items.pace!).toBeLessThan(1.5);
  });
});
