import type { RunConfig } from '@evenkeel/protocol';
import type { ConfiguredRun, RunState } from './types.ts';

/** What the workflow has to know of a configuration. */
export function configuredRun(config: RunConfig, state: RunState): ConfiguredRun {
  return {
    state,
    steps: config.steps,
    evaluateEvery: config.evaluation.every,
    method: config.method.name,
    tasks: config.tasks.map((task) => task.name),
    ...(config.emptyStep === undefined ? {} : { emptyStep: config.emptyStep }),
  };
}
