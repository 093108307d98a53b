/** What is known of a run as it goes, gathered into the model that the live view shows. The clock is the caller's. */
import type { Evaluation, StepTable } from '@evenkeel/activities';
import type { AppliedChange } from '@evenkeel/protocol';
import type { RunStatus } from '@evenkeel/workflows';
import { appliedChangeText, isOfWeight } from '../view/change-text.ts';
import type { LiveModel, LiveTask } from '../view/render-live.ts';
import { addSilence, silenceText } from '../view/silence-text.ts';
import type { RunEvent } from './follow-run.ts';
import type { RunRecord } from './run-record.ts';

/** Steps whose pace counts for the time left. */
const PACE_STEPS = 10;

export interface Progress {
  readonly status: RunStatus | null;
  readonly stepPhase: string | null;
  readonly tables: readonly StepTable[];
  readonly base: Evaluation | null;
  readonly evaluation: Evaluation | null;
  /** Those that took effect, of all of the run. */
  readonly changes: readonly AppliedChange[];
  /** When each step was seen to be done, in seconds since the start of looking. */
  readonly finishedAt: readonly { readonly step: number; readonly seconds: number; readonly tokens: number }[];
}

export const noProgress: Progress = {
  status: null,
  stepPhase: null,
  tables: [],
  base: null,
  evaluation: null,
  changes: [],
  finishedAt: [],
};

/** What an event adds. */
export function observeEvent(progress: Progress, event: RunEvent, seconds: number): Progress {
  switch (event.kind) {
    case 'status':
      return { ...progress, status: event.status, stepPhase: event.step?.phase ?? null };
    case 'retry':
      return progress;
    case 'change':
      return { ...progress, changes: [...progress.changes, event.change] };
    case 'evaluation':
      return { ...progress, base: progress.base ?? event.evaluation, evaluation: event.evaluation };
    case 'step': {
      const { table } = event;
      const finished = { step: table.step, seconds, tokens: table.completionTokens + table.trainedTokens };
      return {
        ...progress,
        tables: [...progress.tables, table],
        finishedAt: [...progress.finishedAt, finished].slice(-PACE_STEPS - 1),
      };
    }
  }
}

/** Seconds and tokens per step over the last steps; null before two of them were seen. */
function paceOf({ finishedAt }: Progress): { secondsPerStep: number; tokensPerSecond: number } | null {
  const first = finishedAt[0];
  const last = finishedAt.at(-1);
  if (first === undefined || last === undefined || last.step === first.step || last.seconds <= first.seconds)
    return null;
  const tokens = finishedAt.slice(1).reduce((sum, step) => sum + step.tokens, 0);
  const seconds = last.seconds - first.seconds;
  return { secondsPerStep: seconds / (last.step - first.step), tokensPerSecond: tokens / seconds };
}

/** What got no verdict of a task in the steps seen; nothing where everything got one. */
function silenceOf(tables: readonly StepTable[], task: string): Pick<LiveTask, 'silence'> {
  const silence = addSilence(tables.flatMap(({ tasks }) => tasks.filter((row) => row.task === task)));
  return silenceText(silence) === null ? {} : { silence };
}

export interface Surroundings {
  readonly seconds: number;
  readonly temporalUi: string | null;
  readonly processes: LiveModel['processes'];
}

export function liveModel({ config, branch }: RunRecord, progress: Progress, around: Surroundings): LiveModel {
  const { status, tables, base, evaluation, changes } = progress;
  // What was changed as it went: the workflow knows the run as it is, the record as it began.
  const steps = status === null || status.steps === 0 ? config.steps : status.steps;
  const told = changes.filter(isOfWeight);
  const tasks = status === null || status.tasks.length === 0 ? config.tasks.map(({ name }) => name) : status.tasks;
  const table = tables.at(-1) ?? status?.table ?? null;
  const pace = paceOf(progress);
  const step = status?.step ?? 0;
  const accuracyOf = (of: Evaluation | null, task: string) => {
    const row = of?.tasks.find((candidate) => candidate.task === task);
    return row === undefined || row.total === 0 ? null : row.correct / row.total;
  };
  return {
    run: config.run,
    method: config.method.name,
    phase: status?.phase ?? 'opening',
    stepPhase: status?.phase === 'paused' ? null : progress.stepPhase,
    step,
    steps,
    ...(branch === undefined ? {} : { branch: `${branch.of} after step ${branch.step}` }),
    ...(told.length === 0 ? {} : { changes: told.map(appliedChangeText) }),
    ...(status === null || status.waiting.length === 0 ? {} : { waiting: status.waiting.length }),
    ...(status?.reason == null ? {} : { reason: `${status.reason.message} (${status.reason.code})` }),
    tasks: tasks.map((name) => {
      const row = table?.tasks.find(({ task }) => task === name);
      return {
        task: name,
        accuracy: row === undefined || row.drawn === 0 || row.silent === true ? null : row.accuracy,
        baseAccuracy: accuracyOf(base, name),
        weight: row?.weight ?? 1 / tasks.length,
        filterRate: row?.filterRate ?? 0,
        trained: row?.trained ?? 0,
        ...silenceOf(tables, name),
      };
    }),
    worst: table === null ? null : table.worst,
    mean: table?.mean ?? null,
    tokensPerSecond: pace?.tokensPerSecond ?? null,
    secondsLeft: pace === null ? null : pace.secondsPerStep * (steps - step),
    elapsedSeconds: around.seconds,
    temporalUi: around.temporalUi,
    processes: around.processes,
    history: tables.map((row) => ({ step: row.step, worst: row.worst.accuracy, mean: row.mean })),
    evaluation:
      evaluation === null
        ? null
        : {
            step: evaluation.step,
            worst: evaluation.worst.accuracy,
            mean: evaluation.mean,
            tasks: Object.fromEntries(
              evaluation.tasks.map(({ task, correct, total }) => [task, total === 0 ? null : correct / total]),
            ),
          },
  };
}
