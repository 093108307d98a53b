import { describe, expect, test } from 'vitest';
import { differenceEstimate, meanEstimate, taskEstimate } from './estimate.ts';
import { resultPlaces, resultTable } from './result-table.ts';

describe('resultTable()', () => {
  const base = {
    step: 0,
    tasks: [
      { task: 'countdown', correct: 70, total: 200 },
      { task: 'arc', correct: 36, total: 200 },
    ],
  };
  const trained = {
    step: 30,
    tasks: [
      { task: 'countdown', correct: 120, total: 200 },
      { task: 'arc', correct: 130, total: 200 },
    ],
  };

  test('sets base against trained, with the spread of each figure and of the change', () => {
    expect(resultTable({ base, trained }, false)).toEqual([
      'task                     base       95 %  trained       95 %  points            95 %',
      'countdown              35.0 %  28.7–41.8   60.0 %  53.1–66.5   +25.0  +15.3 to +34.1',
      'arc                    18.0 %  13.3–23.9   65.0 %  58.2–71.3   +47.0  +38.0 to +54.8',
      'worst: arc, countdown  18.0 %  13.3–23.9   60.0 %  53.1–66.5   +42.0  +32.9 to +50.1',
      'average                26.5 %  22.2–30.8   62.5 %  57.8–67.2   +36.0  +29.6 to +42.4',
      '',
      '200 held-out puzzles per task: never trained on, the same for every run.',
      "base: step 0; trained: step 30. Intervals: Wilson's; of a change Newcombe's, base and trained taken as independent.",
    ]);
  });

  test('a task that came or went has a line; worst and average compare those that are in both', () => {
    const changed = { step: 30, tasks: [trained.tasks[0]!, { task: 'zebra', correct: 10, total: 200 }] };
    const lines = resultTable({ base, trained: changed }, false);
    expect(lines.slice(1, 6).map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
      'countdown  35.0 %  28.7–41.8  60.0 %  53.1–66.5  +25.0  +15.3 to +34.1',
      'zebra  –  5.0 %  2.7–9.0  –',
      'arc  18.0 %  13.3–23.9  –  –',
      'worst of the 1 in both: countdown  35.0 %  28.7–41.8  60.0 %  53.1–66.5  +25.0  +15.3 to +34.1',
      'average of the 1 in both  35.0 %  28.4–41.6  60.0 %  53.2–66.8  +25.0  +15.5 to +34.5',
    ]);
  });

  test('puzzles that settings may be chosen by are not called held out', () => {
    const lines = resultTable({ base, trained, split: 'tune' }, false);
    expect(lines.join('\n')).not.toContain('held-out');
    expect(lines.join('\n')).toContain('200 puzzles per task of the tuning split');
  });

  test('says the change in green only where its whole interval lies above 0', () => {
    const better = resultTable({ base, trained }, true).join('\n');
    expect(better).toContain('\x1b[32m+25.0\x1b[39m');
    const same = resultTable({ base, trained: { ...base, step: 30 } }, true).join('\n');
    expect(same).not.toContain('\x1b[32m');
  });

  test('a task of which nothing was scored has no figure, and the average has none either', () => {
    const lines = resultTable(
      { base: { step: 0, tasks: [] }, trained: { step: 3, tasks: [{ task: 'arc', correct: 0, total: 0 }] } },
      false,
    );
    expect(lines[1]).toMatch(/^arc +– +– +–$/);
    expect(lines.find((line) => line.startsWith('average'))).toMatch(/^average +– +– +–$/);
  });
});

describe('estimates', () => {
  test('the difference of two proportions is Newcombe’s: his example (a), 56/70 against 48/80', () => {
    // Newcombe 1998, table II: method 10 gives 0.0524 to 0.3339 for 56/70 − 48/80.
    const change = differenceEstimate(
      taskEstimate({ correct: 48, total: 80 })!,
      taskEstimate({ correct: 56, total: 70 })!,
    );
    expect(change.value).toBeCloseTo(0.2, 12);
    expect(change.low).toBeCloseTo(0.0524, 4);
    expect(change.high).toBeCloseTo(0.3339, 4);
  });

  test('several samples of a puzzle do not count as several puzzles', () => {
    const four = taskEstimate({ correct: 400, total: 800 }, 4)!;
    expect(four).toEqual(taskEstimate({ correct: 100, total: 200 }));
    const one = taskEstimate({ correct: 400, total: 800 })!;
    expect(one.high - one.low).toBeLessThan(four.high - four.low);
  });

  test('the average counts each task the same, whatever its number of puzzles', () => {
    expect(
      meanEstimate([
        { correct: 1, total: 10 },
        { correct: 900, total: 1000 },
      ])!.value,
    ).toBeCloseTo(0.5, 12);
    expect(meanEstimate([])).toBeNull();
  });
});

describe('resultPlaces()', () => {
  test('says where policy, metrics and history lie, and what to type next', () => {
    const text = resultPlaces({
      run: 'first-run-2',
      seed: 4,
      folder: '.evenkeel/runs/first-run-2',
      policy: { path: '.evenkeel/runs/first-run-2/policy', sha256: 'ab'.repeat(32) },
      temporalUi: null,
    }).join('\n');
    expect(text).toContain('.evenkeel/runs/first-run-2/policy');
    expect(text).toContain(`sha256 ${'ab'.repeat(32)}`);
    expect(text).toContain('.evenkeel/runs/first-run-2/metrics.arrow');
    expect(text).toContain('./evenkeel show first-run-2');
    expect(text).toContain('npm start -- --run first-run-3 --seed 5');
  });
});
