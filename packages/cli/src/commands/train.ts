/** `evenkeel train`: the main job. Starts what is not running, follows the run, and says at the end what it was worth. */
import { join } from 'node:path';
import { type Evaluation, readChanges, runFolder, type StepTable, writeRunPriority } from '@evenkeel/activities';
import { ConfigError, type Logger } from '@evenkeel/core';
import { InfraError, livingSupervisor, type Supervisor, startSupervisor } from '@evenkeel/infra';
import type { Device } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { emptyStepText, type RunResult } from '@evenkeel/workflows';
import { type Command, type ExitCode, exitCodes, type Invocation } from '../command.ts';
import { textFlag, wholeFlag } from '../flag-values.ts';
import { chosenDevice } from '../model/chosen-device.ts';
import { readResult } from '../run-records.ts';
import { type BeginOptions, beginRun } from '../train/begin-run.ts';
import { claimEngine } from '../train/claim-engine.ts';
import { type Configured, configureRun, goOnWith } from '../train/configure.ts';
import { currentConfig } from '../train/current-config.ts';
import { followRun, nothingSeen, PausedRun, type RunEvent, type Seen } from '../train/follow-run.ts';
import { connectWhenUp, isOfTheRun, untilAborted, watchHome } from '../train/hand-over.ts';
import { homeProcesses } from '../train/home-processes.ts';
import { NOTICE_GRACE_MS, pauseInterrupted } from '../train/interrupted.ts';
import { keepScripts } from '../train/keep-scripts.ts';
import { liveModel, noProgress, observeEvent } from '../train/live-model.ts';
import { runPausedError, writePauseReason } from '../train/pause-reason.ts';
import { checkChanges, readChangesFile } from '../train/recorded-changes.ts';
import type { RunClient } from '../train/run-client.ts';
import { claimRun, findRunRecord, type RunRecord, readRunRecord } from '../train/run-record.ts';
import { scheduledVerifiers } from '../train/scheduled-inputs.ts';
import { settingsOf } from '../train/setting-assignments.ts';
import { roomFrom, startTidy } from '../train/tidy.ts';
import { fruitlessTasks, fruitlessTaskText } from '../view/fruitless-task.ts';
import { createLiveView, type LiveView } from '../view/live-view.ts';
import { resultPlaces, resultTable } from '../view/result-table.ts';
import { silentTaskText } from '../view/silence-text.ts';
import { wantsColour } from '../view/terminal-text.ts';
import { namesRunAlone, priorityFrom, runFileFrom, trainFlags, watchFrom, workersFrom } from './train-flags.ts';

/** The command that ran the home has ended. */
const homeLeft = 'home-left';

export const train: Command = {
  name: 'train',
  summary: 'train a policy on several tasks; goes on where a run of this name was left',
  usage: '[CONFIG.json]',
  flags: trainFlags,
  help: `
Without arguments: MT-GRPO on Countdown, Zebra and ARC from the shipped tiny policy, on the CPU. The same command goes on
after Ctrl-C (which pauses the run) and after any crash. A configuration file has the flags' names in camelCase and more:
see docs/configuration.md.

Examples:
  evenkeel train --run mine --method grpo --steps 50
  evenkeel train --tasks countdown,zebra --seed 1 --run two-tasks
  evenkeel train --tasks ./my-task,words@1.2.0:hard,countdown=my-prompts --run own-tasks
  evenkeel train my-run.json --json > run.jsonl`,
  run: async (invocation) => await runTraining(invocation),
};

async function runTraining(invocation: Invocation): Promise<ExitCode> {
  const { home, json, flags } = invocation;
  const request = requestFrom(flags);
  const room = roomFrom(invocation);
  const { config, verifiers } = await configure(invocation);
  await refuseRequest(home, config.run, request);
  const changesFile = textFlag(flags, 'changes');
  const scheduled = changesFile === undefined ? [] : readChangesFile(changesFile);
  checkChanges(config, scheduled);
  const store = await openFolderStore(join(home, 'store'));
  const coming = await scheduledVerifiers(scheduled, invocation, store);
  const { isNew } = await claimRun(home, config, new Date().toISOString(), { scheduled });
  const priority = priorityFrom(invocation);
  if (priority !== undefined) await writeRunPriority(home, config.run, priority);
  const engine = await claimEngine(home, config, flags['accept-engine'] === true);
  await keepScripts(store, { ...coming, ...verifiers }, home);
  const configRef = await store.putJson('config', config);
  const stream = process.stderr;
  const view = json ? null : createLiveView({ stream, isTty: stream.isTTY === true, noColor: !wantsColour(stream) });
  const record = { ...(await readRunRecord(home, config.run)), config };
  const session = new Session(invocation, record, view);
  if (engine !== null && engine.note !== null) session.logger.warn(engine.note);
  const begin = { ...request, home, record, config: configRef, goesOn: !isNew };
  try {
    // Where another command ran the home, and ends, this one takes the home over.
    for (;;) {
      const supervisor = await takeHome(invocation, session, config);
      const tidy = supervisor === null ? null : startTidy({ ...room, home, log: session.logger });
      try {
        const code = await session.follow(supervisor, begin);
        if (code !== 'home-left') return code;
      } finally {
        await tidy?.stop();
        if (supervisor !== null) view?.close();
        await supervisor?.stop(session.graceMs);
      }
      session.logger.info('The evenkeel that ran this home has ended; this command takes the home over');
    }
  } finally {
    view?.close();
    await store.close();
  }
}

type Request = Pick<BeginOptions, 'settings' | 'stop'>;

/** What is asked of a run that is there, besides going on. */
function requestFrom({ set, stop }: Invocation['flags']): Request {
  const assignments = (set ?? []) as readonly string[];
  return { settings: assignments.length === 0 ? null : settingsOf(assignments), stop: stop === true };
}

/** @throws {ConfigError} where there is no run of which it could be asked, or it is finished */
async function refuseRequest(home: string, run: string, { settings, stop }: Request): Promise<void> {
  if (settings === null && !stop) return;
  const refuse = (state: string, wish: string) => {
    const flags = [...(settings === null ? [] : ['--set']), ...(stop ? ['--stop'] : [])].join(' and ');
    throw new ConfigError(`Cannot take ${flags} for run "${run}": ${state}, expected ${wish}`, { code: 'run-unfit' });
  };
  if ((await findRunRecord(home, run)) === null) {
    refuse('it is a new one', 'one that was begun; what a new run is, its flags and its configuration file say');
  }
  const end = await readResult(home, run);
  if (end !== null) {
    const wish = `one under way: to train on from any of its steps, evenkeel rollback ${run} --to STEP --set steps=N`;
    refuse(`it is finished after step ${end.step}`, wish);
  }
}

/** @throws {ConfigError} or whatever keeps the run from beginning, or from going on */
async function configure(invocation: Invocation): Promise<Configured> {
  const { flags, home, json, note, printJson } = invocation;
  const keepInputs = flags['keep-inputs'] === true;
  const wish = textFlag(flags, 'device');
  const chosen = wish === undefined ? undefined : await chosenDevice(wish, note);
  const record = namesRunAlone(invocation) ? await findRunRecord(home, textFlag(flags, 'run')!) : null;
  const configured =
    record === null
      ? await configureRun({
          ...{ invocation, file: runFileFrom(withDevice(invocation, chosen)), keepInputs },
          note: (message) => (json ? printJson({ kind: 'log', level: 'warn', message }) : note(message)),
        })
      : await goOn(invocation, record, keepInputs);
  // A device of a configuration file, or of the run's record: one that was chosen just now is not tried again.
  if (chosen === undefined) await chosenDevice(configured.config.device, note);
  return configured;
}

/** The invocation with the device that `auto` came to. */
function withDevice(invocation: Invocation, device: Device | undefined): Invocation {
  return device === undefined ? invocation : { ...invocation, flags: { ...invocation.flags, device } };
}

/** The run that is named, as it was recorded. */
async function goOn(invocation: Invocation, record: RunRecord, keepInputs: boolean): Promise<Configured> {
  const current = await currentConfig(invocation.home, record);
  const threads = wholeFlag(invocation.flags, 'threads', undefined, 1);
  return await goOnWith({ invocation, record, current, keepInputs, threads });
}

/** Becomes the home's supervisor; null where another process is it already. */
async function takeHome(invocation: Invocation, session: Session, config: RunConfig): Promise<Supervisor | null> {
  const { home } = invocation;
  try {
    return await startSupervisor({
      home,
      processes: homeProcesses(home, { ...config, ...workersFrom(invocation), ...watchFrom(invocation) }),
      stallMs: 1000 * watchFrom(invocation).stallSeconds,
      log: session.logger,
      onEvent: (event) => {
        if (event.kind === 'died')
          session.logger.warn(`${event.name} died (${event.signal ?? event.code}); starting it again`);
        if (event.kind === 'gave-up')
          session.logger.error(`${event.name} dies again and again: ${event.lastLines.at(-1) ?? ''}`);
      },
    });
  } catch (error) {
    if (!(error instanceof InfraError) || error.code !== 'home-in-use') throw error;
    session.logger.info(`Another evenkeel (process ${livingSupervisor(home)?.pid}) runs this home; attaching to it`);
    return null;
  }
}

/** One look at one run: what is seen, shown and said. */
class Session {
  readonly logger: Logger;
  #invocation: Invocation;
  #record: RunRecord;
  #view: LiveView | null;
  #progress = noProgress;
  /** Tasks that were told of. */
  readonly #fruitless = new Set<string>();
  /** Null until the run has begun. */
  #seen: Seen | null = null;
  #startedAt = performance.now();
  /** How long the processes get to end; undefined: as usual. */
  graceMs: number | undefined;

  constructor(invocation: Invocation, record: RunRecord, view: LiveView | null) {
    this.#invocation = invocation;
    this.#record = record;
    this.#view = view;
    const say = (level: string) => (message: string) => {
      if (invocation.json) invocation.printJson({ kind: 'log', level, message });
      else view?.log(message);
    };
    this.logger = { debug() {}, info: say('info'), warn: say('warn'), error: say('error') };
  }

  /**
   * Begins the run, or goes on following it.
   *
   * @returns `home-left` where another command ran the home, and does so no more
   */
  async follow(
    supervisor: Supervisor | null,
    begin: Omit<BeginOptions, 'client'>,
  ): Promise<ExitCode | typeof homeLeft> {
    const { home } = this.#invocation;
    const { run } = this.#record;
    const watch = supervisor === null ? watchHome(home) : null;
    const interrupt = new AbortController();
    const signal = watch === null ? interrupt.signal : AbortSignal.any([interrupt.signal, watch.left]);
    const onSignal = (name: NodeJS.Signals) => interrupt.abort(name);
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    let client: RunClient | null = null;
    try {
      client = await connectWhenUp(home, signal);
      if (client === null) return watch?.left.aborted === true ? homeLeft : exitCodes.interrupted;
      const followed = await this.#followBy(client, supervisor, begin, signal);
      if (followed === null && watch?.left.aborted === true && !interrupt.signal.aborted) return homeLeft;
      const code =
        followed === null
          ? await this.#interrupted(supervisor, client, interrupt.signal.reason)
          : this.#finish(followed, client.uiOf(run));
      if (supervisor !== null && this.graceMs === undefined) await this.#sayOthers(client);
      return code;
    } catch (error) {
      if (watch !== null && !isOfTheRun(error) && (await watch.untilLeft(interrupt.signal))) return homeLeft;
      if (supervisor !== null && client !== null) await this.#sayOthers(client);
      if (!(error instanceof PausedRun)) throw error;
      const { code, message, step } = error.reason;
      const { json, printJson } = this.#invocation;
      await writePauseReason(home, run, { code, message, step });
      if (json) printJson({ kind: 'paused', run, step, reason: error.reason });
      throw runPausedError(run, error.reason);
    } finally {
      watch?.stop();
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      await client?.close();
    }
  }

  async #followBy(
    client: RunClient,
    supervisor: Supervisor | null,
    begin: Omit<BeginOptions, 'client'>,
    signal: AbortSignal,
  ): Promise<RunResult | null> {
    const { home } = this.#invocation;
    const { run } = this.#record;
    if (this.#seen === null) {
      const changes = await readChanges(home, run);
      this.#progress = { ...noProgress, changes };
      await beginRun({ ...begin, client });
      this.#seen = nothingSeen(changes.length);
    }
    const onEvent = (event: RunEvent) => this.#observe(event, supervisor, client);
    const followed = followRun({ home, run, client, signal, seen: this.#seen, onEvent });
    // Where the server is gone, a question to it takes long to fail.
    return await Promise.race([followed, untilAborted(signal)]);
  }

  /** The processes end with this command: whose runs they serve as well is told. */
  async #sayOthers(client: RunClient): Promise<void> {
    const others = (await client.atWork().catch(() => [])).filter((run) => run !== this.#record.run);
    for (const run of others) {
      this.logger.info(
        `Run "${run}" is still at work: the command that follows it takes this home over; where none does, go on with it by ./evenkeel train --run ${run}`,
      );
    }
  }

  #observe(event: RunEvent, supervisor: Supervisor | null, client: RunClient): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const before = this.#progress.status;
    const spoke = lastSpoke(this.#progress.tables);
    this.#progress = observeEvent(this.#progress, event, seconds);
    if (event.kind === 'step') {
      for (const row of event.table.tasks.filter(({ task, silent }) => silent === true && spoke(task))) {
        this.logger.warn(silentTaskText(event.table.step, row));
      }
      if (event.table.empty === true) this.logger.warn(emptyStepText(event.table));
      for (const found of fruitlessTasks(this.#progress.tables)) {
        if (this.#fruitless.has(found.task)) continue;
        this.#fruitless.add(found.task);
        this.logger.warn(fruitlessTaskText(this.#record.run, found));
      }
    }
    const { json, printJson } = this.#invocation;
    if (json) {
      if (event.kind === 'step') printJson({ kind: 'step', ...event.table });
      if (event.kind === 'evaluation') printJson({ kind: 'evaluation', ...event.evaluation });
      if (event.kind === 'change') printJson({ kind: 'change', run: this.#record.run, ...event.change });
      if (event.kind === 'retry') printJson(event);
      if (event.kind === 'status' && event.status.phase !== before?.phase) {
        printJson({ kind: 'phase', run: event.status.run, phase: event.status.phase, step: event.status.step });
      }
      return;
    }
    if (event.kind === 'retry') {
      this.logger.warn(`${event.activity} fails (attempt ${event.attempt}) and is tried again: ${event.message}`);
    }
    if (event.kind !== 'status') return;
    const processes = supervisor?.processes() ?? [];
    const temporalUi = client.uiOf(this.#record.run);
    this.#view?.update(liveModel(this.#record, this.#progress, { seconds, temporalUi, processes }));
  }

  /** The run pauses after its step, then the processes end; where another process is the supervisor, nothing is changed. */
  async #interrupted(supervisor: Supervisor | null, client: RunClient, signal: unknown): Promise<ExitCode> {
    const { run } = this.#record;
    if (supervisor === null) {
      this.logger.info(`Left run "${run}", which goes on; pause it: ./evenkeel pause ${run}`);
      return exitCodes.interrupted;
    }
    const isAtRest = await pauseInterrupted({
      ...{ run, supervisor, client, logger: this.logger },
      signal: signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT',
      noticeSeconds: watchFrom(this.#invocation).noticeSeconds,
      onStatus: (status) => this.#observe({ kind: 'status', status, step: null }, supervisor, client),
    });
    if (signal === 'SIGTERM') this.graceMs = NOTICE_GRACE_MS;
    const { step = 0, steps = this.#record.config.steps } = this.#progress.status ?? {};
    this.#view?.close();
    const place = `at step ${step} of ${steps}; the same command goes on from there`;
    this.logger.info(isAtRest ? `Paused run "${run}" ${place}` : `Stopped run "${run}" in mid-step, ${place}`);
    return exitCodes.interrupted;
  }

  #finish(result: RunResult, temporalUi: string): ExitCode {
    const { json, printJson, print, home } = this.#invocation;
    this.#view?.close();
    const base = result.evaluations[0]!;
    const trained = result.evaluations.at(-1)!;
    if (json) {
      printJson({
        kind: 'result',
        run: result.run,
        step: result.step,
        policy: result.policy,
        evaluation: { base: accuracies(base), trained: accuracies(trained) },
      });
      return exitCodes.done;
    }
    const folder = runFolder(home, result.run);
    const { samplesPerPrompt, split } = this.#record.config.evaluation;
    for (const line of [
      '',
      ...resultTable({ base, trained, samplesPerPrompt, split }, wantsColour(process.stdout)),
      '',
    ])
      print(line);
    const places = { run: result.run, seed: this.#record.config.seed, folder, policy: result.policy, temporalUi };
    for (const line of resultPlaces(places)) print(line);
    return exitCodes.done;
  }
}

/** Whether a task, when it was last drawn, got a verdict: of one that stays silent it is said once. */
function lastSpoke(tables: readonly StepTable[]): (task: string) => boolean {
  return (task) => {
    const rows = tables.flatMap(({ tasks }) => tasks.filter((row) => row.task === task && row.drawn > 0));
    return rows.at(-1)?.silent !== true;
  };
}

/** Null where nothing got a verdict: that is no zero. */
function accuracies(evaluation: Evaluation): Record<string, number | null> {
  return Object.fromEntries(
    evaluation.tasks.map(({ task, correct, total }) => [task, total === 0 ? null : correct / total]),
  );
}
