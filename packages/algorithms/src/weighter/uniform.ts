import type { NoOptions, PartDefinition } from '../part.ts';
import { byTask, expectState, expectTasks } from '../state.ts';
import type { PartState, TaskWeighter } from '../types.ts';

export interface UniformState extends PartState {
  readonly tasks: readonly string[];
}

const FORM = { kind: 'uniform', version: 1 } as const;

/** The weighter `uniform`: every task weighs the same, always. The mixture of GRPO and DAPO. */
export const uniformWeighter: PartDefinition<NoOptions, TaskWeighter<UniformState>> = {
  kind: 'uniform',
  defaults: {},
  create: () => ({
    kind: 'uniform',
    needsObjectives: false,
    init: (tasks) => ({ ...FORM, tasks: expectTasks(tasks) }),
    weights: (state) => {
      expectState(state, FORM);
      const share = 1 / state.tasks.length;
      return byTask(
        state.tasks,
        state.tasks.map(() => share),
      );
    },
    observe: (state) => {
      expectState(state, FORM);
      return state;
    },
  }),
};
