import type { Evaluation } from '@evenkeel/activities';
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  ParentClosePolicy,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { evaluation } from './evaluation.ts';
import {
  type CarriedRun,
  evaluationWorkflowId,
  pauseUpdate,
  type RunPhase,
  type RunResult,
  resumeUpdate,
  searchAttributes,
  statusQuery,
  stepWorkflowId,
  stopUpdate,
  type TrainingRunInput,
} from './messages.ts';
import { control } from './proxies.ts';
import { trainingStep } from './training-step.ts';

/**
 * A whole run: the base is evaluated, then one child workflow per step, an evaluation every so many steps, and at the end the
 * policy is written. It holds the run's small state, answers `status`, and takes `pause`, `resume` and `stop`.
 */
export async function trainingRun(input: TrainingRunInput): Promise<RunResult> {
  const { run, config, stepsPerHistory = Number.POSITIVE_INFINITY } = input;
  let phase: RunPhase = 'opening';
  let carried = input.carried;
  let { paused, stopping } = carried ?? { paused: false, stopping: false };
  setHandler(statusQuery, () => ({
    run,
    phase: paused && phase === 'training' ? 'paused' : phase,
    step: carried?.state.step ?? 0,
    steps: carried?.steps ?? 0,
    method: carried?.method ?? '',
    tasks: carried?.tasks ?? [],
    table: carried?.table ?? null,
    evaluations: carried?.evaluations ?? [],
    ...{ paused, stopping },
  }));
  const answer = () => ({ step: carried?.state.step ?? 0 });
  setHandler(pauseUpdate, () => {
    paused = true;
    return answer();
  });
  setHandler(resumeUpdate, () => {
    paused = false;
    return answer();
  });
  setHandler(stopUpdate, () => {
    stopping = true;
    paused = false;
    return answer();
  });

  if (carried === undefined) {
    const opened = await control('open the run').openRun({ run, config });
    carried = { ...opened, evaluations: [], table: null, paused, stopping };
  }
  if (carried.evaluations.length === 0) await evaluate();
  phase = 'training';
  const firstStep = carried.state.step;
  while (carried.state.step < carried.steps && !stopping) {
    if (paused) show('paused');
    await condition(() => !paused);
    if (stopping) break;
    show('training');
    await step(carried);
    if (isEvaluationDue(carried)) await evaluate();
    if (workflowInfo().continueAsNewSuggested || carried.state.step - firstStep >= stepsPerHistory) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof trainingRun>({ ...input, carried: { ...carried, paused, stopping } });
    }
  }
  if (carried.evaluations.at(-1)?.step !== carried.state.step) await evaluate();
  phase = 'closing';
  const policy = await control('write the policy').closeRun({ run, config, state: carried.state });
  phase = 'done';
  show('done');
  await condition(allHandlersFinished);
  return { run, step: carried.state.step, policy, evaluations: carried.evaluations };

  function show(value: RunPhase): void {
    upsertSearchAttributes([
      { key: searchAttributes.phase, value },
      { key: searchAttributes.step, value: carried?.state.step ?? 0 },
    ]);
  }

  async function step(before: CarriedRun): Promise<void> {
    const number = before.state.step + 1;
    const { state, table } = await executeChild(trainingStep, {
      workflowId: stepWorkflowId(run, number),
      args: [{ run, config, state: before.state }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      // A worker that dies while it decides is seen by this.
      workflowTaskTimeout: '5 seconds',
      staticSummary: `${run}: step ${number} of ${before.steps} (${before.method})`,
      typedSearchAttributes: [
        { key: searchAttributes.run, value: run },
        { key: searchAttributes.method, value: before.method },
        { key: searchAttributes.step, value: number },
      ],
    });
    carried = { ...before, state, table };
  }

  async function evaluate(): Promise<void> {
    phase = 'evaluating';
    const { state, evaluations } = carried!;
    const result: Evaluation = await executeChild(evaluation, {
      workflowId: evaluationWorkflowId(run, state.step),
      args: [{ run, config, state }],
      staticSummary: `${run}: evaluation after step ${state.step}`,
      typedSearchAttributes: [
        { key: searchAttributes.run, value: run },
        { key: searchAttributes.step, value: state.step },
      ],
    });
    carried = { ...carried!, evaluations: [...evaluations.slice(0, 1), result] };
    phase = 'training';
  }
}

function isEvaluationDue({ state, steps, evaluateEvery }: CarriedRun): boolean {
  return evaluateEvery > 0 && state.step % evaluateEvery === 0 && state.step < steps;
}
