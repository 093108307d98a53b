import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** One worker a core, and no more than four: the tests that start processes of their own need room beside them. */
const maxWorkers = Math.max(1, Math.min(4, availableParallelism()));

/** Tests that start servers and whole runs: one file at a time, after everything else. */
const processes = ['infra/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', '**/*.process.test.ts'];

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
          exclude: ['**/node_modules/**'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
