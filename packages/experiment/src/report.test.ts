import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { intervalChart, lineChart } from './chart.ts';
import { measuresOf } from './fixtures.ts';
import { choose } from './plan-runs.ts';
import { presetOf } from './preset.ts';
import { curveOf } from './run-measures.ts';
import { summarise } from './summary.ts';
import { writeReport } from './write-report.ts';

const preset = choose(presetOf('mt-grpo-1'), { arms: ['grpo', 'dapo', 'mt-grpo'], seeds: 2, steps: 45 });
const measures = [0, 1].flatMap((seed) => [
  measuresOf('grpo', seed, { steps: 135, every: 5, rise: 0.002, sequences: 512 }),
  measuresOf('dapo', seed, { steps: 45, every: 5, rise: 0.004, sequences: 1536 }),
  measuresOf('mt-grpo', seed, { steps: 45, every: 5, rise: 0.008, sequences: 1536 }),
]);

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe('summarise()', () => {
  const summary = summarise(preset, measures);
  const arm = (name: string) => summary.arms.find((one) => one.arm === name)!;

  test('reads each arm at both budgets', () => {
    expect(arm('mt-grpo').bySteps!.worst.mean).toBeCloseTo(0.2 + 0.008 * 45 + 0.005, 10);
    expect(arm('grpo').bySteps!.worst.mean).toBeCloseTo(0.2 + 0.002 * 45 + 0.005, 10);
    expect(arm('grpo').byRollouts!.worst.mean).toBeCloseTo(0.2 + 0.002 * 135 + 0.005, 10);
    expect(arm('mt-grpo').byRollouts!.worst.mean).toBeCloseTo(arm('mt-grpo').bySteps!.worst.mean, 10);
  });

  test('tells differences seed by seed, so that what the seeds have in common falls out', () => {
    const worst = summary.differences.find(
      (one) => one.against === 'dapo' && one.axis === 'step' && one.what === 'worst',
    )!;
    expect(worst.difference.mean).toBeCloseTo(0.18, 10);
    expect(worst.difference.high - worst.difference.low).toBeLessThan(1e-10);
  });

  test("tells the gain over DAPO's accuracy of the same seed, and DAPO's own as 0", () => {
    expect(arm('dapo').bySteps!.gain!.mean).toBeCloseTo(0, 10);
    expect(arm('mt-grpo').bySteps!.gain!.mean).toBeGreaterThan(20);
  });

  test('tells when the worst task arrives, and that it never does', () => {
    const { threshold } = summary;
    expect(arm('mt-grpo').arrivals[0]!.steps).toBeNull();
    const lower = summarise({ ...preset, threshold: 0.4 }, measures);
    const [first] = lower.arms.find((one) => one.arm === 'mt-grpo')!.arrivals;
    expect(threshold).toBe(0.6);
    expect(first).toMatchObject({ seed: 0, steps: expect.closeTo(25, 6), rollouts: expect.closeTo(25 * 1536, 3) });
  });

  test('names the runs that are missing and leaves them out', () => {
    const partly = measures.map((run, index) => (index === 5 ? { ...run, sha256: null } : run));
    const found = summarise(preset, partly);
    expect(found.missing).toEqual(['x-mt-grpo-s1']);
    expect(found.arms.find((one) => one.arm === 'mt-grpo')!.seeds).toEqual([0]);
  });

  test('of nothing at all has no numbers and does not fail', () => {
    const found = summarise(preset, []);
    expect(found.arms.map(({ bySteps }) => bySteps)).toEqual([null, null, null]);
    expect(found.differences).toEqual([]);
  });
});

describe('curveOf()', () => {
  test('counts what was generated until each evaluation, and leaves out what nothing was scored of', () => {
    const { steps } = measuresOf('x', 0, { steps: 4, every: 2, rise: 0, sequences: 10 });
    const row = (task: string, correct: number, total: number) => ({ task, correct, formatted: correct, total });
    const policy = { kind: 'policy', sha256: '0'.repeat(64), bytes: 1 };
    const evaluations = [4, 0].map((step) => ({
      ...{ step, policy, tasks: [row('a', 1, 4), row('b', 3, 4), row('c', 0, 0)] },
      ...{ worst: { task: 'a', accuracy: 0.25 }, mean: 0.5 },
    }));
    expect(curveOf(steps, evaluations)).toEqual([
      { step: 0, rollouts: 0, accuracies: { a: 0.25, b: 0.75 }, worst: 0.25, mean: 0.5 },
      { step: 4, rollouts: 40, accuracies: { a: 0.25, b: 0.75 }, worst: 0.25, mean: 0.5 },
    ]);
  });
});

/** Tags open and close in order, and no attribute holds a number that is none. */
function expectSound(svg: string): void {
  const open: string[] = [];
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (self === '/') continue;
    if (close === '/') expect(open.pop()).toBe(name);
    else open.push(name!);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
}

describe('a chart', () => {
  test('is sound, with its names escaped, also of one point and of none', () => {
    const chart = (points: { x: number; y: number }[]) =>
      lineChart({ title: 'a < b & c', xLabel: 'x', yLabel: 'y', series: [{ name: '"q"', colour: '#000', points }] });
    for (const points of [
      [],
      [{ x: 1, y: 1 }],
      [
        { x: 0, y: 0 },
        { x: 2, y: 5 },
      ],
    ])
      expectSound(chart(points));
    expect(chart([])).toContain('a &lt; b &amp; c');
    // What never changes has its line in the middle, on a scale around it.
    const flat = chart([
      { x: 0, y: 0.5 },
      { x: 9, y: 0.5 },
    ]);
    const labels = [...flat.matchAll(/text-anchor="end">([^<]+)</g)].map(([, label]) => Number(label));
    expect([Math.min(...labels) < 0.5, Math.max(...labels) > 0.5, Math.max(...labels) <= 1]).toEqual([
      true,
      true,
      true,
    ]);
    expectSound(intervalChart({ title: 't', xLabel: 'x', intervals: [] }));
    expectSound(
      intervalChart({ title: 't', xLabel: 'x', intervals: [{ name: 'n', mean: 0, low: 0, high: 0, values: [0] }] }),
    );
  });
});

describe('writeReport()', () => {
  test('writes a folder whose pages show what the summary says, and stand alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    folders.push(folder);
    const summary = await writeReport(folder, preset, measures, 'evenkeel experiment mt-grpo-1');
    expect(JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(summary)),
    );
    const html = await readFile(join(folder, 'report.html'), 'utf8');
    const markdown = await readFile(join(folder, 'report.md'), 'utf8');
    for (const page of [html, markdown]) {
      expect(page).toContain('evenkeel experiment mt-grpo-1');
      expect(page).toContain('56.5 [56.0, 57.0]');
    }
    expect(html.match(/(?:src|href)="/g)).toBeNull();
    const figures = await readdir(join(folder, 'figures'));
    const named = [...markdown.matchAll(/figures\/([^)]+)\)/g)].map(([, name]) => name!);
    expect(named.toSorted()).toEqual(figures.toSorted());
    for (const name of figures) expectSound(await readFile(join(folder, 'figures', name), 'utf8'));
    const rows = (await readFile(join(folder, 'evaluations.csv'), 'utf8')).trim().split('\n');
    expect(rows).toHaveLength(1 + 2 * 3 * (28 + 10 + 10));
    expect(rows[1]).toBe('grpo,0,0,0,countdown,0.2');
  });
});
