import { describe, expect, test } from 'vitest';
import { htmlPage, markdownPage } from '../page.ts';
import { studyManyTasks } from './many-tasks.ts';
import { manyTasksFiles, manyTasksPage } from './many-tasks-page.ts';

describe('studyManyTasks()', () => {
  const lines: string[] = [];
  const study = studyManyTasks({ counts: [3], costCounts: [3, 50], seeds: 2, threshold: 0.4, mostSteps: 40 }, (line) =>
    lines.push(line),
  );

  test('answers each question for each of the seven methods, and says how far it is', () => {
    expect(study.arrivals).toHaveLength(7);
    expect(study.costs).toHaveLength(14);
    expect(study.comeAndGo.map(({ steps }) => steps.length)).toEqual(Array(7).fill(120));
    expect(study.unlearnable).toHaveLength(7);
    expect(lines).toHaveLength(5);
  });

  test('counts who arrives, and has no time for who does not', () => {
    for (const { arrived, steps } of study.arrivals) expect(steps === null).toBe(arrived === 0);
    expect(study.arrivals.some(({ arrived }) => arrived > 0)).toBe(true);
  });

  test('is there as files of numbers, a row for each', () => {
    const files = manyTasksFiles(study);
    const rows = Object.entries(files).map(([name, text]) => [name, text.trim().split('\n').length - 1]);
    const tasks = study.comeAndGo[0]!.steps.filter(({ step }) => step % 10 === 0).map(
      (step) => Object.keys(step.weights).length,
    );
    expect(Object.fromEntries(rows)).toEqual({
      ...{ 'arrivals.csv': 7, 'costs.csv': 14, 'unlearnable.csv': 7 },
      'come-and-go.csv': 7 * tasks.reduce((sum, count) => sum + count, 0),
    });
    for (const text of Object.values(files)) expect(text).not.toMatch(/NaN|undefined/);
  });

  test('is told on a page that holds every number and picture', () => {
    const page = manyTasksPage(study, 'evenkeel simulate');
    expect(page.tables.map(({ rows }) => rows.length)).toEqual([7, 14, 7]);
    for (const text of [htmlPage(page), markdownPage(page)]) {
      expect(text).toContain('A task that cannot be learned');
      expect(text).not.toMatch(/NaN|undefined/);
    }
  });
});
