import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FuzzCampaign } from './campaign.ts';
import { guidedTarget } from './guided-target.ts';
import { fuzzTasks } from './tasks.ts';

const CASES = 8000;
const program = join(import.meta.dirname, '../bench/fuzz.ts');

/** Deeper: `npm run bench fuzz -- --count 1000000`. */
describe('fuzzing, a short run of it', () => {
  test.each(fuzzTasks)('of %s finds no throw, no other reward than deserved and no verdict that changes', (task) => {
    const campaign = new FuzzCampaign(task, 0);
    campaign.run(Array.from({ length: CASES }, (_, index) => index));
    expect(campaign.findings).toEqual([]);
    expect(campaign.tally.cases).toBe(CASES);
    expect(campaign.tally.longestCompletion).toBeGreaterThan(50_000);
    const rewards = Object.keys(campaign.tally.outcomes).map((outcome) => outcome.split(' ')[0]);
    expect(new Set(rewards)).toEqual(new Set(['0', '0.1', '1', 'failed']));
  });

  test('reaches every block of the scoring code, by command', async () => {
    const args = ['--no-warnings', program, '--count', '2500', '--seed', '1', '--coverage', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map(({ kind, task, findings }) => [kind, task, findings])).toEqual(
      fuzzTasks.map((task) => ['result', task, 0]),
    );
    expect(results.flatMap(({ coverage }) => coverage.missed)).toEqual([]);
    for (const { coverage } of results) expect(coverage.blocks).toBeGreaterThan(20);
  });

  test('a case is the same when it is asked for again, alone', () => {
    const [one, other] = [new FuzzCampaign('countdown', 3), new FuzzCampaign('countdown', 3)];
    for (let index = 0; index < 200; index++) one.caseOf(index);
    for (const index of [199, 0, 77]) expect(other.caseOf(index)).toEqual(one.caseOf(index));
    expect(new FuzzCampaign('countdown', 4).caseOf(77)).not.toEqual(one.caseOf(77));
  });

  test.each(fuzzTasks)('the target of the coverage-guided fuzzer takes any bytes for %s', (task) => {
    const fuzz = guidedTarget(task);
    for (const text of ['', '\u0000', '\u0000\\boxed{17 * 3 + 20}', '\u0001\ud800', '\u0004\\boxed{8 / (3 - 8 / 3)}']) {
      expect(() => fuzz(Buffer.from(text))).not.toThrow();
    }
  });

  test('refuses a task that is not here', () => {
    expect(() => new FuzzCampaign('chess', 0)).toThrow(
      'Cannot fuzz "chess": there is no such task here, expected one of countdown, zebra, arc',
    );
  });
});
