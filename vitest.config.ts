import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** One worker a core, and no more than four: the tests that start processes of their own need room beside them. */
const maxWorkers = Math.max(1, Math.min(4, availableParallelism()));

/** Tests that start servers and whole runs: two files at a time, for a run waits as often as it computes. */
const processes = ['infra/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', '**/*.process.test.ts'];

/** Tests that kill, stop and wait for silence: one file at a time, after everything else, so that only what they do is slow. */
const alone = ['kill-matrix', 'under-fire', 'stuck', 'preemption', 'many-runs'].map(
  (name) => `test/chaos/${name}.test.ts`,
);

export default defineConfig({
  test: {
    pool: 'forks',
    slowTestThreshold: 30_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{packages,verifiers,test}/**/*.test.ts', 'workflows/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...processes],
          testTimeout: 60_000,
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'processes',
          include: processes,
          exclude: ['**/node_modules/**', ...alone],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxWorkers: Math.min(2, maxWorkers),
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          exclude: ['**/node_modules/**'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
