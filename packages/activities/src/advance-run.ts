import type { ArtefactRef } from '@evenkeel/core';
import type { ControlActivities, RunState } from './types.ts';

type FinishStepInput = Parameters<ControlActivities['finishStep']>[0];

/** The run's state after a step: an update without a checkpoint is one more entry of the redo log. */
export function advanceRun(
  { state, outcome, update }: Pick<FinishStepInput, 'state' | 'outcome' | 'update'>,
  algorithm: ArtefactRef,
): RunState {
  const next = { ...state, step: state.step + 1, algorithm };
  if (update === null || outcome.batch === null) return next;
  const { policy, optimizer } = update;
  if (optimizer !== null) return { ...next, policy, checkpoint: { step: next.step, policy, optimizer }, redo: [] };
  return { ...next, policy, redo: [...state.redo, { step: state.step, batch: outcome.batch, policy }] };
}
