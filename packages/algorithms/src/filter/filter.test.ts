import { expect, test } from 'vitest';
import { groupOf } from '../fixtures.ts';
import { lenientVerdict } from './lenient.ts';
import { noneVerdict } from './none.ts';
import { strictVerdict } from './strict.ts';

test('each filter drops what it says, and with that reason', () => {
  const rows: [rewards: (number | null)[], strict: string, lenient: string, none: string][] = [
    [[1, 0, 0], 'keep', 'keep', 'keep'],
    [[1, 0.1], 'keep', 'keep', 'keep'],
    [[1, 1, 1], 'all-correct', 'constant-reward', 'keep'],
    [[0, 0, 0], 'none-correct', 'constant-reward', 'keep'],
    [[0.1, 0.1], 'none-correct', 'constant-reward', 'keep'],
    [[0.1, 0, 0], 'none-correct', 'keep', 'keep'],
    [[1, null, 1], 'all-correct', 'constant-reward', 'keep'],
    [[1, null, 0], 'keep', 'keep', 'keep'],
    [[1, null], 'too-few-rewards', 'too-few-rewards', 'too-few-rewards'],
    [[], 'too-few-rewards', 'too-few-rewards', 'too-few-rewards'],
  ];
  for (const [rewards, strict, lenient, none] of rows) {
    const group = groupOf('g', 'arc', rewards);
    expect([strictVerdict(group), lenientVerdict(group), noneVerdict(group)]).toEqual([strict, lenient, none]);
  }
});

test('the strict filter reads the verdict, not a shaped reward', () => {
  const shaped = groupOf('g', 'arc', [1, 1]);
  const rollouts = shaped.rollouts.map((rollout, i) => ({ ...rollout, reward: i === 0 ? 1 : 0.4 }));
  expect(strictVerdict({ ...shaped, rollouts })).toBe('all-correct');
});
