/** `evenkeel worker …`: one process of a home. The supervisor starts them; by hand they serve a cluster, or a debugger. */
import { join } from 'node:path';
import {
  announceWorker,
  exitWithParent,
  homeToken,
  leaveHung,
  readEndpoints,
  reportListening,
  reportReady,
} from '@evenkeel/infra';
import { chooseDevice, type Device, expectDevice } from '@evenkeel/policy';
import type { StallOptions, WorkerRole } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { type Command, exitCodes, type Flag } from '../command.ts';
import { textFlag, wholeFlag } from '../flag-values.ts';
import { stderrLogger } from '../stderr-logger.ts';
import { drainMs, noticeSecondsFlag, stallSecondsFlag } from '../train/home-processes.ts';

const flags: Readonly<Record<string, Flag>> = {
  name: {
    type: 'string',
    value: 'NAME',
    help: 'its name in logs and in the work journal (default: the role, with the process by hand)',
  },
  threads: { type: 'string', value: 'N', help: 'threads of each inference session (default: 2)' },
  device: { type: 'string', value: 'NAME', help: 'what a policy computes on: cpu (default), webgpu or cuda' },
  port: { type: 'string', value: 'N', help: 'port to listen on (default: a free one)' },
  host: {
    type: 'string',
    value: 'ADDRESS',
    help: 'address to listen on and to be reached at, for another machine that shares the home (default: 127.0.0.1)',
  },
  'stall-seconds': stallSecondsFlag,
  'notice-seconds': noticeSecondsFlag,
};

type Logger = ReturnType<typeof stderrLogger>;

/** A job that hangs cannot be ended by itself: the process says which, and goes. Whoever keeps it alive starts it again. */
function stallOptions(seconds: number, logger: Logger): StallOptions {
  return {
    afterMs: 1000 * seconds,
    onStalled({ key, job, progress, silentMs }) {
      const last = progress === null ? {} : { done: progress.done, total: progress.total, phase: progress.phase };
      logger.error('Job hangs: this process ends', { key, job, silentSeconds: silentMs / 1000, ...last });
      leaveHung();
    },
  };
}

/** What a supervised process is told of its supervisor, and where its log lies; by hand it has neither. */
function supervised(home: string, name: string): { readonly session: string; readonly logPath: string } {
  const { supervisor } = readEndpoints(home);
  return { session: `${supervisor.pid} ${supervisor.startedAt}`, logPath: join(home, 'logs', `${name}.log`) };
}

type Start = (common: {
  readonly home: string;
  readonly token: string;
  readonly worker: string;
  readonly host: string;
  readonly port: number;
  readonly storeFolder: string;
  readonly threads: number;
  readonly device: Device;
  /** Of `--processes`; undefined where it is left out. */
  readonly processes: number | undefined;
  readonly logger: Logger;
  readonly session?: string;
  readonly logPath?: string;
  readonly stall: StallOptions;
}) => Promise<{ readonly url: string; drain(): Promise<void>; close(): Promise<void> }>;

function workerCommand(
  role: WorkerRole,
  summary: string,
  start: Start,
  moreFlags: Readonly<Record<string, Flag>> = {},
): Command {
  return {
    name: `worker ${role}`,
    summary,
    usage: '',
    flags: { ...flags, ...moreFlags },
    async run(invocation) {
      const { home } = invocation;
      // By hand it may come before the home's supervisor, or from another machine that shares the folder.
      const byHand = process.send === undefined;
      const name = textFlag(invocation.flags, 'name') ?? (byHand ? `${role}-${process.pid}` : role);
      const logger = stderrLogger();
      // Supervised, it was tried before.
      const wish = textFlag(invocation.flags, 'device') ?? 'cpu';
      const { device } = byHand ? await chooseDevice(wish) : { device: expectDevice(wish) };
      const processes =
        invocation.flags.processes === undefined ? undefined : wholeFlag(invocation.flags, 'processes', 1, 1);
      const worker = await start({
        home,
        token: homeToken(home),
        worker: name,
        host: textFlag(invocation.flags, 'host') ?? '127.0.0.1',
        port: wholeFlag(invocation.flags, 'port', 0),
        storeFolder: join(home, 'store'),
        threads: wholeFlag(invocation.flags, 'threads', 2, 1),
        device,
        processes,
        logger,
        ...(byHand ? {} : supervised(home, name)),
        stall: stallOptions(wholeFlag(invocation.flags, 'stall-seconds', 120, 1), logger),
      });
      reportListening(worker.url);
      const announced = byHand ? announceWorker(home, { role, url: worker.url, worker: name }) : null;
      if (announced !== null)
        logger.info(`Worker ${name} takes ${role} work at ${worker.url}`, { announced: announced.path });
      const close = async () => {
        announced?.withdraw();
        await worker.close();
      };
      const drain = async () => {
        announced?.withdraw();
        logger.info('Told to end: ending what is under way');
        await worker.drain();
      };
      exitWithParent(close, { drain, drainMs: drainMs(wholeFlag(invocation.flags, 'notice-seconds', 30, 2)) });
      return await new Promise(() => {});
    },
  };
}

export const workerRollout = workerCommand(
  'rollout',
  'serve rollouts: sample completions of a policy',
  async (options) => {
    const { startRolloutWorker } = await import('@evenkeel/rollout-worker');
    return await startRolloutWorker(options);
  },
);

export const workerTrainer = workerCommand(
  'trainer',
  'serve updates: loss, gradient and optimizer',
  async (options) => {
    const { startTrainerWorker } = await import('@evenkeel/trainer-worker');
    return await startTrainerWorker(options);
  },
);

export const workerVerifier = workerCommand(
  'verifier',
  'serve puzzles and verdicts from sandboxed verifiers',
  async ({ storeFolder, threads: _threads, device: _device, processes, ...options }) => {
    const { startVerifierHost } = await import('@evenkeel/verifier-host');
    const store = await openFolderStore(storeFolder);
    return await startVerifierHost({ ...options, store, ...(processes === undefined ? {} : { processes }) });
  },
  {
    processes: {
      type: 'string',
      value: 'N',
      help: 'most sandboxed processes of one verifier (default: one a core, at most 4)',
    },
  },
);

export const workerWorkflow: Command = {
  name: 'worker workflow',
  summary: "serve Temporal's task queues: workflows and activities",
  usage: '',
  flags: { 'stall-seconds': stallSecondsFlag },
  async run({ home, flags: given }) {
    const { startWorkflowWorker } = await import('../train/workflow-worker.ts');
    const stallMs = 1000 * wholeFlag(given, 'stall-seconds', 120, 1);
    const worker = await startWorkflowWorker(home, stderrLogger(), { stallMs });
    reportReady();
    exitWithParent(worker.close);
    await worker.ended;
    return exitCodes.failed;
  },
};
