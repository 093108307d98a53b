import type { LiveModel } from './render-live.ts';

/** A run in its middle, for tests. */
export const liveModelFixture: LiveModel = {
  run: 'first-run',
  method: 'mt-grpo',
  phase: 'training',
  stepPhase: 'roll out',
  step: 12,
  steps: 30,
  tasks: [
    { task: 'countdown', accuracy: 0.4375, baseAccuracy: 0.35, weight: 0.415, filterRate: 0.14, trained: 27 },
    { task: 'zebra', accuracy: 0.5, baseAccuracy: 0.51, weight: 0.2, filterRate: 0.03, trained: 13 },
    { task: 'arc', accuracy: 0.3125, baseAccuracy: null, weight: 0.385, filterRate: 0.31, trained: 24 },
  ],
  worst: { task: 'arc', accuracy: 0.3125 },
  mean: 0.4167,
  tokensPerSecond: 8123.4,
  secondsLeft: 100,
  elapsedSeconds: 133,
  temporalUi: 'http://127.0.0.1:8233/namespaces/evenkeel/workflows/first-run',
  processes: [
    { name: 'temporal', state: 'up', restarts: 0 },
    { name: 'rollout', state: 'up', restarts: 1 },
    { name: 'trainer', state: 'backing-off', restarts: 2 },
  ],
  history: [
    { step: 10, worst: 0.1, mean: 0.2 },
    { step: 11, worst: 0.2, mean: 0.3 },
    { step: 12, worst: 0.3125, mean: 0.4167 },
  ],
  evaluation: { step: 10, worst: 0.25, mean: 0.4, tasks: { countdown: 0.4, zebra: 0.55, arc: 0.25 } },
};
