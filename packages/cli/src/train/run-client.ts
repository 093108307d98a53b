/** A run as the command line reaches it: through the home's Temporal server. */
import type { ArtefactRef } from '@evenkeel/core';
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import { readEndpoints } from '@evenkeel/infra';
import type { RunChange, ScheduledChange } from '@evenkeel/protocol';
import {
  type ChangeAnswer,
  changeUpdate,
  pauseUpdate,
  type RunResult,
  type RunStatus,
  resumeUpdate,
  type StepStatus,
  searchAttributes,
  statusQuery,
  stepStatusQuery,
  stepWorkflowId,
  stopUpdate,
  type TrainingRunInput,
  taskQueues,
  trainingRun,
} from '@evenkeel/workflows';
import {
  Client,
  WorkflowFailedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { connectServer } from './server-connection.ts';
import { workflowTaskFailure } from './stuck-workflow.ts';

const updates = { pause: pauseUpdate, resume: resumeUpdate, stop: stopUpdate } as const;
export type RunUpdate = keyof typeof updates;

export interface StartOptions {
  readonly run: string;
  readonly config: ArtefactRef;
  readonly method: string;
  /** Changes that take effect at their steps, as another run recorded them. */
  readonly scheduled?: readonly ScheduledChange[];
  /** The run begins with this state of another. */
  readonly branch?: NonNullable<TrainingRunInput['branch']>;
}

/** An activity of a run that failed and is tried again. */
export interface Retry {
  /** For example `finishStep`. */
  readonly activity: string;
  /** The attempt under way or waited for, from 1. */
  readonly attempt: number;
  /** Why the last attempt failed. */
  readonly message: string;
}

export interface RunClient {
  /** The Web UI's page of a run. */
  uiOf(run: string): string;
  /** Starts the run, or finds it: running, or ended. A run that failed is started again and finds what it committed. */
  start(options: StartOptions): Promise<void>;
  /** @param signal ends the waiting where no workflow worker answers; an AbortError then */
  status(run: string, signal?: AbortSignal): Promise<RunStatus>;
  /** The step under way; null where it has just ended or not begun. */
  stepStatus(run: string, step: number): Promise<StepStatus | null>;
  /**
   * The activities of the run and of its children under way that failed at least once and are tried again, and workflows whose own
   * code does.
   */
  retries(run: string): Promise<readonly Retry[]>;
  /** The runs that have begun and not ended, paused ones not among them; sorted. */
  atWork(): Promise<readonly string[]>;
  update(run: string, update: RunUpdate): Promise<{ readonly step: number }>;
  /** Changes a run after its step under way. @throws {EvenkeelError} with the reason's code where the run could not go on with it */
  change(run: string, change: RunChange): Promise<ChangeAnswer>;
  /** Waits for the end. @throws {EvenkeelError} `run-failed` with the reason; an AbortError where the signal aborts */
  result(run: string, signal: AbortSignal): Promise<RunResult>;
  close(): Promise<void>;
}

/** For tests that go through many histories. @throws {ConfigError} where it is no count */
function historyBound(text: string | undefined): { stepsPerHistory?: number } {
  if (text === undefined || text === '') return {};
  if (/^[1-9]\d*$/.test(text)) return { stepsPerHistory: Number(text) };
  throw new ConfigError(`Cannot read EVENKEEL_STEPS_PER_HISTORY: it is "${text}", expected a number of steps from 1`);
}

/** The innermost reason of a failed workflow. */
function reasonOf(error: unknown): string {
  const cause = error instanceof WorkflowFailedError || error instanceof TemporalFailure ? error.cause : undefined;
  return cause === undefined ? (error instanceof Error ? error.message : String(error)) : reasonOf(cause);
}

/** Connects to the server of a home at work. @throws {InfraError} `home-not-running` */
export async function connectRunClient(home: string): Promise<RunClient> {
  const { temporal } = readEndpoints(home);
  if (temporal === null) {
    throw new EvenkeelError(
      `Cannot reach the Temporal server of ${home}: it is still starting, try again in a moment`,
      {
        code: 'temporal-starting',
        retryable: true,
      },
    );
  }
  const { connection, close } = await connectServer(temporal.address);
  const client = new Client({ connection, namespace: temporal.namespace });
  return {
    uiOf: (run) => `${temporal.ui}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(run)}`,
    async start({ run, config, method, scheduled, branch }) {
      const input: TrainingRunInput = {
        ...{ run, config, ...historyBound(process.env.EVENKEEL_STEPS_PER_HISTORY) },
        ...(scheduled === undefined ? {} : { scheduled }),
        ...(branch === undefined ? {} : { branch }),
      };
      await client.workflow
        .start(trainingRun, {
          workflowId: run,
          taskQueue: taskQueues.control,
          args: [input],
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
          workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
          staticSummary: `training run ${run} (${method})`,
          typedSearchAttributes: [
            { key: searchAttributes.run, value: run },
            { key: searchAttributes.method, value: method },
          ],
        })
        .catch((error: unknown) => {
          if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
        });
    },
    async status(run, signal) {
      const ask = async () => await client.workflow.getHandle(run).query(statusQuery);
      return await (signal === undefined ? ask() : client.withAbortSignal(signal, ask));
    },
    async stepStatus(run, step) {
      try {
        return await client.workflow.getHandle(stepWorkflowId(run, step)).query(stepStatusQuery);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
    async retries(run) {
      const own = await client.workflow.getHandle(run).describe();
      const children = (own.raw.pendingChildren ?? []).flatMap(({ workflowId }) => workflowId || []);
      const all = [own, ...(await Promise.all(children.map((id) => client.workflow.getHandle(id).describe())))];
      const failures = await Promise.all(all.map((description) => workflowTaskFailure(client, description)));
      const activities = all.flatMap(({ raw }) =>
        (raw.pendingActivities ?? []).flatMap(({ activityType, attempt, lastFailure }): Retry[] =>
          lastFailure == null
            ? []
            : [{ activity: activityType?.name ?? '', attempt: attempt ?? 1, message: lastFailure.message ?? '' }],
        ),
      );
      return [...failures.filter((failure) => failure !== null), ...activities];
    },
    async atWork() {
      const runs: string[] = [];
      const open = client.workflow.list({ query: "WorkflowType = 'trainingRun' AND ExecutionStatus = 'Running'" });
      for await (const { workflowId, typedSearchAttributes } of open) {
        if (typedSearchAttributes.get(searchAttributes.phase) !== 'paused') runs.push(workflowId);
      }
      return runs.toSorted();
    },
    update: async (run, update) => await client.workflow.getHandle(run).executeUpdate(updates[update]),
    async change(run, change) {
      try {
        return await client.workflow.getHandle(run).executeUpdate(changeUpdate, { args: [change] });
      } catch (error) {
        if (!(error instanceof WorkflowUpdateFailedError)) throw error;
        const code =
          error.cause instanceof ApplicationFailure ? (error.cause.type ?? 'change-refused') : 'change-refused';
        throw new EvenkeelError(reasonOf(error.cause ?? error), { code, cause: error });
      }
    },
    async result(run, signal) {
      try {
        const handle = client.workflow.getHandle<typeof trainingRun>(run);
        return await client.withAbortSignal(signal, () => handle.result());
      } catch (error) {
        if (!(error instanceof WorkflowFailedError)) throw error;
        throw new EvenkeelError(`Cannot finish run "${run}": ${reasonOf(error)}`, { code: 'run-failed', cause: error });
      }
    },
    close,
  };
}
