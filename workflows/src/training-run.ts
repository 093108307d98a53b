import type { Evaluation } from '@evenkeel/activities';
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { evaluation } from './evaluation.ts';
import { LiveRun } from './live-run.ts';
import {
  evaluationWorkflowId,
  type RunResult,
  searchAttributes,
  stepWorkflowId,
  type TrainingRunInput,
} from './messages.ts';
import { control } from './proxies.ts';
import { emptyStepText } from './summaries.ts';
import { trainingStep } from './training-step.ts';

/**
 * A whole run: the base is evaluated, then one child workflow per step, an evaluation every so many steps, and at the end the
 * policy is written. It holds the run's small state, answers `status`, and takes changes, which take effect between two steps. What
 * fails for good does not end it: it waits, and says why.
 */
export async function trainingRun(input: TrainingRunInput): Promise<RunResult> {
  const { run, stepsPerHistory = Number.POSITIVE_INFINITY } = input;
  const live = new LiveRun(input);
  await live.open();
  live.phase = 'training';
  const firstStep = live.opened.state.step;
  let endsHistory = false;
  /** Someone stopped the run while its evaluation failed. */
  let goesWithout = false;
  /** The run waits because of what a step brought: nothing has failed. */
  let hasNothingFailed = false;
  for (;;) {
    await live.takeChanges();
    if (live.waitsWithReason) {
      const wasEvaluating = !hasNothingFailed && (live.evaluationDue || live.isAtEnd);
      const stopped = await live.rest();
      hasNothingFailed = live.waitsWithReason && hasNothingFailed;
      if (stopped && wasEvaluating) {
        live.evaluationDue = false;
        goesWithout = true;
      }
    } else if (live.evaluationDue) {
      await evaluate();
    } else if (endsHistory) {
      endsHistory = false;
      await condition(allHandlersFinished);
      await continueAsNew<typeof trainingRun>({ ...input, carried: live.carried });
    } else if (live.isAtEnd) {
      if (goesWithout || live.opened.evaluations.at(-1)?.step === live.opened.state.step) break;
      await evaluate();
    } else if (live.isPaused) {
      await live.rest();
    } else {
      live.show('training');
      await step();
    }
  }
  live.phase = 'closing';
  live.close();
  const { state, evaluations } = live.opened;
  let policy: RunResult['policy'] | undefined;
  const write = async () => {
    policy = await control('write the policy').closeRun({ run, config: live.config, state });
  };
  while (!(await live.attempt(run, write))) await live.rest();
  live.phase = 'done';
  live.show('done');
  await condition(allHandlersFinished);
  return { run, step: state.step, policy: policy!, evaluations };

  async function step(): Promise<void> {
    const { state: before, steps, method } = live.opened;
    const number = before.step + 1;
    const workflowId = stepWorkflowId(run, number);
    const done = await live.attemptStep(workflowId, async () => {
      const { state: after, table } = await executeChild(trainingStep, {
        workflowId,
        args: [{ run, config: live.config, state: before }],
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        // A step that failed is tried again under its name.
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        // A worker that dies while it decides is seen by this.
        workflowTaskTimeout: '5 seconds',
        staticSummary: `${run}: step ${number} of ${steps} (${method})`,
        typedSearchAttributes: [
          { key: searchAttributes.run, value: run },
          { key: searchAttributes.method, value: method },
          { key: searchAttributes.step, value: number },
        ],
      });
      live.moveOn({ state: after, table });
    });
    if (!done) return;
    const { evaluateEvery, emptyStep, table } = live.opened;
    live.evaluationDue = evaluateEvery > 0 && number % evaluateEvery === 0 && number < steps;
    endsHistory = workflowInfo().continueAsNewSuggested || number - firstStep >= stepsPerHistory;
    if (emptyStep === 'pause' && table?.empty === true && !live.isAtEnd) {
      live.waitFor({ code: 'step-empty', message: emptyStepText(table), step: number, at: workflowId });
      hasNothingFailed = true;
    }
  }

  async function evaluate(): Promise<void> {
    live.phase = 'evaluating';
    const { state: now, evaluations: earlier } = live.opened;
    const workflowId = evaluationWorkflowId(run, now.step);
    const done = await live.attempt(
      workflowId,
      async () => {
        const result: Evaluation = await executeChild(evaluation, {
          workflowId,
          args: [{ run, config: live.config, state: now }],
          workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
          staticSummary: `${run}: evaluation after step ${now.step}`,
          typedSearchAttributes: [
            { key: searchAttributes.run, value: run },
            { key: searchAttributes.step, value: now.step },
          ],
        });
        live.moveOn({ evaluations: [...earlier.slice(0, 1), result] });
      },
      true,
    );
    if (done) live.evaluationDue = false;
    live.phase = 'training';
  }
}
