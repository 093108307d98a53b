/** The process that serves Temporal: workflow code in its sandbox, and the activities on their queues. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createActivities } from '@evenkeel/activities';
import { hashOf, type Logger, sha256Hex } from '@evenkeel/core';
import { makeFolder, readEndpoints } from '@evenkeel/infra';
import { WorkerClient } from '@evenkeel/protocol';
import { openFolderStore, replaceFile } from '@evenkeel/store';
import { taskQueues } from '@evenkeel/workflows';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { modelFolder } from '../model/model-folder.ts';
import { sourceFiles } from './source-files.ts';

const CONNECT_ATTEMPTS = 100;
/** Jobs of all runs of a home that may be at a role's workers at once. Each costs some KB and a heartbeat every few seconds. */
const WAITING_ACTIVITIES = 1_000;
const CONNECT_DELAY_MS = 200;

export interface WorkflowWorker {
  readonly close: () => Promise<void>;
  /** Rejects where the worker cannot go on. */
  readonly ended: Promise<void>;
}

const ownWorkflows = fileURLToPath(import.meta.resolve('@evenkeel/workflows'));

/**
 * The workflows as one script. Bundling costs seconds, so the script is kept in the home under the hash of its sources.
 */
async function workflowBundle(home: string, workflowsPath: string): Promise<string> {
  const require = createRequire(import.meta.url);
  const versions = require('@temporalio/worker/package.json').version as string;
  const folder = dirname(workflowsPath);
  const sources = await Promise.all(
    (await sourceFiles(folder)).map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')]),
  );
  const path = join(home, 'cache', `workflows-${hashOf({ versions, sources }).slice(0, 16)}.js`);
  if (!(await isWhole(path))) {
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
    makeFolder(dirname(path));
    for (const [name, text] of [
      [path, code],
      [`${path}.sha256`, sha256Hex(code)],
    ] as const) {
      await replaceFile(name, Buffer.from(text), dirname(path));
    }
  }
  return path;
}

/** Whether a kept script is the one that was bundled: of a damaged one the worker would die again and again. */
async function isWhole(path: string): Promise<boolean> {
  const [code, sha256] = await Promise.all(
    [path, `${path}.sha256`].map((name) => readFile(name, 'utf8').catch(() => null)),
  );
  return code != null && sha256Hex(code) === sha256;
}

async function connect(home: string): Promise<{ connection: NativeConnection; namespace: string }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { temporal } = await readEndpoints(home);
      if (temporal === null) throw new Error('the Temporal server is not up yet');
      return {
        connection: await NativeConnection.connect({ address: temporal.address }),
        namespace: temporal.namespace,
      };
    } catch (error) {
      if (attempt === CONNECT_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, CONNECT_DELAY_MS));
    }
  }
}

/**
 * Connects to the home's Temporal server and polls every task queue. `stallMs`: as activities have it; `workflowsPath`: other workflows
 * than those of this checkout, for tests of an upgrade.
 */
export async function startWorkflowWorker(
  home: string,
  logger: Logger,
  { stallMs, workflowsPath = ownWorkflows }: { readonly stallMs?: number; readonly workflowsPath?: string } = {},
): Promise<WorkflowWorker> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (message.startsWith('No workflows registered')) return;
      const write = level === 'ERROR' ? logger.error : logger.warn;
      const error = meta?.error instanceof Error ? { error: meta.error.message } : {};
      write(message, { ...error, workflow: meta?.workflowId, activity: meta?.activityType });
    }),
    shutdownSignals: [],
  });
  const [codePath, { connection, namespace }, store] = await Promise.all([
    workflowBundle(home, workflowsPath),
    connect(home),
    openFolderStore(join(home, 'store')),
  ]);
  const client = new WorkerClient({ logger });
  const context = {
    ...{ home, store, client, endpoints: async () => readEndpoints(home), logger },
    ...(stallMs === undefined ? {} : { stallMs }),
  };
  const activities = createActivities(context, { modelFolder: (model) => modelFolder(model, home) });
  const { rollOut, verify, update, ...control } = activities;
  const common = { connection, namespace, shutdownGraceTime: '1s', shutdownForceTime: '5s' } as const;
  const serve = (taskQueue: string, options: Partial<WorkerOptions>) =>
    Worker.create({ ...common, taskQueue, ...options });
  // These activities only wait for a worker, whose queue lets the runs take turns: a run with many shards must not keep the others
  // from getting there.
  const waiting = { maxConcurrentActivityTaskExecutions: WAITING_ACTIVITIES };
  const workers = await Promise.all([
    serve(taskQueues.control, {
      activities: { ...control },
      workflowBundle: { codePath },
      stickyQueueScheduleToStartTimeout: '2s',
      maxCachedWorkflows: 50,
    }),
    serve(taskQueues.rollout, { ...waiting, activities: { rollOut } }),
    serve(taskQueues.verify, { ...waiting, activities: { verify } }),
    serve(taskQueues.train, { ...waiting, activities: { update } }),
  ]);
  const ended = Promise.all(workers.map((worker) => worker.run())).then(() => {});
  return {
    ended,
    close: async () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended.catch(() => {});
      await client.close();
      await connection.close();
      await store.close();
    },
  };
}
