/**
 * A run between its steps: where it stands, what it was told, and why it waits. It answers `status`, accepts changes while a step runs,
 * and makes them take effect between two steps. It does not know what a step is.
 *
 * Invariant: a change is in one place: not yet accepted, in `#waiting`, in `#queue`, or taken up into the state and on record.
 */
import type { QueuedChange, RunChange } from '@evenkeel/activities';
import type { ArtefactRef } from '@evenkeel/core';
import { ApplicationFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  isCancellation,
  patched,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { innermost, reasonOf } from './failure.ts';
import {
  type CarriedRun,
  type ChangeAnswer,
  changeUpdate,
  type PauseReason,
  pauseUpdate,
  type RunPhase,
  type RunStatus,
  resumeUpdate,
  searchAttributes,
  statusQuery,
  stopUpdate,
  type TrainingRunInput,
} from './messages.ts';
import { check, control } from './proxies.ts';

/** What a disk spoilt or lost: the work that made it makes it again. */
const DAMAGE: ReadonlySet<string> = new Set(['artefact-missing', 'artefact-corrupt']);

/** The server warns of a memo above 2 KB. */
const MEMO_MESSAGE = 600;

type Signal = Extract<RunChange, { kind: 'pause' | 'resume' | 'stop' }>['kind'];
type Opened = Omit<CarriedRun, 'paused' | 'stopping'>;

export class LiveRun {
  phase: RunPhase = 'opening';
  /** An evaluation is to be made before the next step. */
  evaluationDue = false;
  readonly #input: TrainingRunInput;
  /** Runs that began before there were changes record no pauses, and fail where today's wait. */
  readonly #recordsAll: boolean;
  #opened: Opened | undefined;
  #paused = false;
  #stopping = false;
  #stopAfter: number | null = null;
  #reason: PauseReason | null = null;
  #queue: readonly QueuedChange[] = [];
  #waiting: readonly RunChange[] = [];
  #checks: Promise<void> = Promise.resolve();
  #isStepping = false;
  #rests = false;
  #closing = false;
  /** Changes could not take effect; nothing more is tried until someone says so. */
  #stuck = false;
  #shown: RunPhase | undefined;
  /** Steps that were done when the run last went back; damage that is met there again is not healed by going back. */
  #wentBackFrom = -1;

  constructor(input: TrainingRunInput) {
    this.#input = input;
    this.#recordsAll = patched('live-changes');
    const { carried } = input;
    if (carried !== undefined) {
      this.#opened = carried;
      this.#paused = carried.paused;
      this.#stopping = carried.stopping;
      this.#stopAfter = carried.stopAfter ?? null;
      this.#reason = carried.reason ?? null;
      this.#queue = carried.queue ?? [];
      this.#waiting = carried.waiting ?? [];
    }
    setHandler(statusQuery, () => this.#status());
    setHandler(changeUpdate, (change) => this.#change(change));
    setHandler(pauseUpdate, () => this.#signal('pause'));
    setHandler(resumeUpdate, () => this.#signal('resume'));
    setHandler(stopUpdate, () => this.#signal('stop'));
  }

  /** The run as it stands. */
  get opened(): Opened {
    return this.#opened!;
  }

  get config(): ArtefactRef {
    return this.#opened?.config ?? this.#input.config;
  }

  get waitsWithReason(): boolean {
    return this.#paused && this.#reason !== null;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Whether no step is left to do. */
  get isAtEnd(): boolean {
    const { state, steps } = this.opened;
    return this.#stopping || state.step >= steps || (this.#stopAfter !== null && state.step >= this.#stopAfter);
  }

  /** What the run takes with it into its next history. */
  get carried(): CarriedRun {
    return {
      ...this.opened,
      ...{ paused: this.#paused, stopping: this.#stopping, stopAfter: this.#stopAfter, reason: this.#reason },
      ...{ queue: this.#queue, waiting: this.#waiting },
    };
  }

  /** Opens the run, unless it was carried over. */
  async open(): Promise<void> {
    if (this.#opened === undefined) await this.#open('open the run');
  }

  async #open(label: string): Promise<void> {
    const { run, config, scheduled, branch } = this.#input;
    const opened = await control(label).openRun({
      ...{ run, config },
      ...(scheduled === undefined ? {} : { scheduled }),
      ...(branch === undefined ? {} : { branch }),
    });
    const { queue = [], evaluations = [], table = null, ...rest } = opened;
    this.#queue = queue;
    this.#opened = { ...rest, evaluations, table };
    const { state, evaluateEvery, steps } = opened;
    const last = evaluations.at(-1);
    // A run that goes on from a recorded state may have ended before that step's evaluation.
    const missed = evaluateEvery > 0 && state.step % evaluateEvery === 0 && state.step < steps;
    this.evaluationDue = last === undefined || (missed && last.step !== state.step);
  }

  /** Where the run stands after a step or an evaluation. */
  moveOn(progress: Partial<Pick<CarriedRun, 'state' | 'table' | 'evaluations'>>): void {
    this.#opened = { ...this.opened, ...progress };
  }

  /** Changes are no longer accepted. */
  close(): void {
    this.#closing = true;
  }

  show(value: RunPhase): void {
    this.#shown = value;
    upsertSearchAttributes([
      { key: searchAttributes.phase, value },
      { key: searchAttributes.step, value: this.#opened?.state.step ?? 0 },
    ]);
  }

  /**
   * Does a piece of work. What fails for good pauses the run, with the reason; it is tried again when someone resumes. What fails because an
   * artefact is damaged or gone is tried again from the newest state that is whole, once: every commit is found on the way, and what is
   * damaged made again.
   *
   * @param canGoBack whether it may be another state's work that is tried next
   * @returns whether it was done
   */
  async attempt(at: string, work: () => Promise<void>, canGoBack = false): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      const isOver = isCancellation(thrown) && CancellationScope.current().consideredCancelled;
      if (!this.#recordsAll || isOver) throw thrown;
      let reason = reasonOf(thrown, this.opened.state.step, at);
      if (canGoBack && DAMAGE.has(reason.code) && this.#wentBackFrom < reason.step) {
        this.#wentBackFrom = reason.step;
        try {
          await this.#open(`go back: ${reason.code}`);
          return false;
        } catch (again) {
          if (isCancellation(again) && CancellationScope.current().consideredCancelled) throw again;
          reason = reasonOf(again, reason.step, at);
        }
      }
      this.waitFor(reason);
      return false;
    }
  }

  /** Pauses the run before its next piece of work, until someone has seen the reason. */
  waitFor(reason: PauseReason): void {
    this.#reason = reason;
    this.#paused = true;
    upsertMemo({ reason: { ...reason, message: reason.message.slice(0, MEMO_MESSAGE) } });
  }

  /** As `attempt`, for a step: a change that comes while it runs takes effect after it. */
  async attemptStep(at: string, work: () => Promise<void>): Promise<boolean> {
    this.#isStepping = true;
    try {
      return await this.attempt(at, work, true);
    } finally {
      this.#isStepping = false;
    }
  }

  /** Waits until someone resumes or stops the run, or a change is to take effect; returns whether the run was stopped. */
  async rest(): Promise<boolean> {
    if (this.#shown !== 'paused') this.show('paused');
    this.#rests = true;
    await condition(() => !this.#paused || (this.#waiting.length > 0 && !this.#stuck));
    this.#rests = false;
    if (!this.#paused) this.#forgive();
    return !this.#paused && this.#stopping;
  }

  /** Makes take effect what is due when so many steps are done: first what was known at the start, then what came since. */
  async takeChanges(): Promise<void> {
    while (await this.#takeDue());
  }

  /** Whether something took effect: while it did, more may have come. */
  async #takeDue(): Promise<boolean> {
    const { state, changes: done = 0 } = this.opened;
    const isDue = ({ step }: QueuedChange) => step <= state.step;
    const queued = this.#queue.filter(isDue);
    const taken = this.#waiting.length;
    if (this.#stuck || queued.length + taken === 0) return false;
    const changes = [...queued, ...this.#waiting.map((change) => ({ step: state.step, change }))];
    const { run } = this.#input;
    const label = changes.map(({ change }) => change.kind).join(', ');
    const applied = await this.attempt(run, async () => {
      const now = await control(`change: ${label}`).applyChanges({ run, config: this.config, state, changes, done });
      // At once: the number that a change gets which comes now counts all three.
      this.#opened = { ...this.opened, ...now, changes: done + changes.length };
      this.#queue = this.#queue.filter((change) => !isDue(change));
      this.#waiting = this.#waiting.slice(taken);
    });
    if (!applied) {
      this.#stuck = !this.#stopping;
      if (this.#stuck) return false;
      // Whoever stops a run wants no more of it.
      this.#forgive();
      [this.#queue, this.#waiting] = [[], []];
      return false;
    }
    for (const { change } of changes) {
      if (change.kind === 'evaluate') this.evaluationDue = true;
      if (change.kind === 'stop-after') this.#stopAfter = change.step;
    }
    // Of what came as an update, this was done when it came.
    for (const { change, again } of queued) {
      if (change.kind === 'stop') this.#stopping = true;
      if (change.kind === 'pause' && again === undefined) this.#paused = true;
      if (change.kind === 'resume' && again === undefined) this.#paused = false;
    }
    return true;
  }

  /** The run goes on: what it waited for is no reason any more. */
  #forgive(): void {
    this.#paused = false;
    if (this.#reason === null) return;
    this.#reason = null;
    upsertMemo({ reason: null });
  }

  #status(): RunStatus {
    const { run, branch } = this.#input;
    const {
      state,
      steps = 0,
      method = '',
      tasks = [],
      table = null,
      evaluations = [],
      changes = 0,
    } = this.#opened ?? ({} as Partial<Opened>);
    return {
      ...{ run, phase: this.#rests ? 'paused' : this.phase, step: state?.step ?? 0 },
      ...{ steps, method, tasks, table, evaluations, changes },
      ...{ paused: this.#paused, stopping: this.#stopping, stopAfter: this.#stopAfter, reason: this.#reason },
      ...{ config: this.config, waiting: this.#waiting },
      branch: branch === undefined ? null : { of: branch.of, step: branch.step },
    };
  }

  /** Steps that will be done when a change takes effect that comes now. */
  #nextBoundary(): number {
    return (this.#opened?.state.step ?? 0) + (this.#isStepping ? 1 : 0);
  }

  #accept(change: RunChange): ChangeAnswer {
    const step = this.#nextBoundary();
    this.#waiting = [...this.#waiting, change];
    const before = this.#queue.filter((queued) => queued.step <= step).length;
    return { number: (this.#opened?.changes ?? 0) + before + this.#waiting.length, step };
  }

  #signal(kind: Signal): ChangeAnswer {
    const changes = { pause: !this.#paused, resume: this.#paused, stop: !this.#stopping || this.#paused }[kind];
    this.#paused = kind === 'pause';
    if (kind === 'stop') this.#stopping = true;
    if (changes) this.#stuck = false;
    if (changes && this.#recordsAll && !this.#closing) return this.#accept({ kind });
    return { number: 0, step: this.#opened?.state.step ?? 0 };
  }

  async #change(change: RunChange): Promise<ChangeAnswer> {
    if (change.kind === 'pause' || change.kind === 'resume' || change.kind === 'stop') return this.#signal(change.kind);
    // One at a time: each is checked against what was accepted before it.
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#checks;
    this.#checks = promise;
    try {
      await before;
      await condition(() => this.#opened !== undefined);
      this.#refuseAtTheEnd();
      await this.#check(change);
      this.#refuseAtTheEnd();
      return this.#accept(change);
    } finally {
      resolve();
    }
  }

  /** @throws {ApplicationFailure} with the reason, as the activity has it */
  async #check(change: RunChange): Promise<void> {
    const step = this.#nextBoundary();
    const accepted = this.#waiting.map((waiting) => ({ step, change: waiting }));
    const { run } = this.#input;
    const queue = [...this.#queue.filter((queued) => queued.step <= step), ...accepted];
    const later = this.#queue.filter((queued) => queued.step > step);
    try {
      await check(`check a change: ${change.kind}`).checkChange({
        ...{ run, config: this.config, step, change },
        queue: [...queue, ...later],
      });
    } catch (thrown) {
      const { code, message } = reasonOf(thrown, step, run);
      throw innermost(thrown) instanceof ApplicationFailure
        ? ApplicationFailure.nonRetryable(message, code)
        : ApplicationFailure.nonRetryable(`Cannot change run "${run}": it could not be checked (${message})`, code);
    }
  }

  #refuseAtTheEnd(): void {
    if (!this.#closing) return;
    const { run } = this.#input;
    const { step } = this.opened.state;
    throw ApplicationFailure.nonRetryable(
      `Cannot change run "${run}": it is ending after step ${step}, expected a run with steps to do; a branch goes on from its last state: evenkeel rollback ${run} --to ${step}`,
      'run-ending',
    );
  }
}
