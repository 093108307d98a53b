import { describe, expect, test } from 'vitest';
import { FuzzCampaign } from './campaign.ts';
import { startScoringCoverage } from './coverage.ts';
import { fuzzTasks } from './tasks.ts';

const CASES = 12_000;

/** Deeper: `npm run bench fuzz -- --count 1000000`. */
describe('fuzzing, a short run of it', () => {
  // First of all: a function that was compiled before is counted as a whole.
  test('reaches every block of the scoring code', async () => {
    const coverage = await startScoringCoverage();
    for (const task of fuzzTasks) new FuzzCampaign(task, 1).run(Array.from({ length: 4000 }, (_, index) => index));
    const { blocks, missed } = await coverage();
    expect(missed).toEqual([]);
    expect(blocks).toBeGreaterThan(50);
  });

  test.each(fuzzTasks)('of %s finds no throw, no other reward than deserved and no verdict that changes', (task) => {
    const campaign = new FuzzCampaign(task, 0);
    campaign.run(Array.from({ length: CASES }, (_, index) => index));
    expect(campaign.findings).toEqual([]);
    expect(campaign.tally.cases).toBe(CASES);
    expect(campaign.tally.longestCompletion).toBeGreaterThan(100_000);
    const rewards = Object.keys(campaign.tally.outcomes).map((outcome) => outcome.split(' ')[0]);
    expect(new Set(rewards)).toEqual(new Set(['0', '0.1', '1', 'failed']));
  });

  test('a case is the same when it is asked for again, alone', () => {
    const [one, other] = [new FuzzCampaign('countdown', 3), new FuzzCampaign('countdown', 3)];
    for (let index = 0; index < 200; index++) one.caseOf(index);
    for (const index of [199, 0, 77]) expect(other.caseOf(index)).toEqual(one.caseOf(index));
    expect(new FuzzCampaign('countdown', 4).caseOf(77)).not.toEqual(one.caseOf(77));
  });

  test('refuses a task that is not here', () => {
    expect(() => new FuzzCampaign('chess', 0)).toThrow(
      'Cannot fuzz "chess": there is no such task here, expected one of countdown, zebra, arc',
    );
  });
});
