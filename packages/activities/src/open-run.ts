import { importModel } from '@evenkeel/policy';
import { initialAlgorithmState, loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import type { ControlActivities } from './types.ts';

/** The run's first state: the base policy taken into the store, the method's parts at their start. */
export function openRun(
  context: ActivityContext,
  modelFolder: (model: string) => string,
): ControlActivities['openRun'] {
  return async ({ config: configRef }) => {
    const { config } = await loadRun(context, configRef);
    const base = await importModel(context.store, modelFolder(config.model));
    const algorithm = await context.store.putJson('algorithm-state', initialAlgorithmState(config));
    return {
      state: { step: 0, base, policy: base, algorithm, checkpoint: null, redo: [] },
      steps: config.steps,
      evaluateEvery: config.evaluation.every,
      method: config.method.name,
      tasks: config.tasks.map((task) => task.name),
    };
  };
}
