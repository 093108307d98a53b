/**
 * Who is next on a worker that several runs share: the runs take turns by the work they have had, weighted by their priority.
 * It knows runs, priorities and amounts of work; what a job is, and how work is measured, is its user's.
 *
 * The rule is start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queueing", SIGCOMM 1996), one flow a run, with the
 * charge after the work as in stride scheduling (Waldspurger 1995), since nobody knows beforehand how long a job takes. Each run
 * has a clock that advances by work ÷ weight; the run whose clock is furthest behind is next; within a run, the job that came
 * first. A run that comes back from doing nothing starts at the present time: it has saved up nothing, and owes what it owed.
 *
 * Guarantees, for the runs that have jobs waiting, whatever arrives:
 * - Shares: over any time in which two runs always have jobs waiting, the work of the one ÷ its weight and of the other ÷ its
 *   weight differ by at most one job of each (÷ weights). Runs of equal priority share evenly, by work and not by jobs.
 * - Nobody starves: a run of weight w has at least w ÷ (sum of the weights of the runs that wait) of the worker, whatever their
 *   priority: beside one run of priority 1, one of priority 5 has a seventeenth.
 * - The same pushes, shifts and charges give the same order.
 */
import { z } from 'zod';

/** 1 is the most urgent. */
export const prioritySchema = z.literal([1, 2, 3, 4, 5]);

export type Priority = z.infer<typeof prioritySchema>;

export const defaultPriority: Priority = 3;

/** How much of a worker a run has beside others: each priority twice that of the next. */
export const priorityWeights: Readonly<Record<Priority, number>> = { 1: 16, 2: 8, 3: 4, 4: 2, 5: 1 };

/** Clocks of runs that have nothing to do are kept only so many: a run that is forgotten owes nothing. */
const REMEMBERED_RUNS = 1_000;

interface Flow<T> {
  readonly run: string;
  weight: number;
  /** The run's clock: work ÷ weight. */
  clock: number;
  /** Jobs taken and not yet charged for, at what was assumed of them. */
  readonly assumed: Map<T, number>;
  /** What its last job was charged: the guess for the next. */
  lastWork: number | null;
  readonly waiting: T[];
}

/**
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { JobQueue } from '@evenkeel/protocol';
 *
 * const queue = new JobQueue<string>();
 * for (const job of ['a1', 'a2', 'a3']) queue.push(job, { run: 'a', priority: 3 });
 * queue.push('b1', { run: 'b', priority: 3 });
 * deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], ['a1', 'b1', 'a2', 'a3']);
 * ```
 */
export class JobQueue<T> {
  readonly #flows = new Map<string, Flow<T>>();
  readonly #taken = new Map<T, Flow<T>>();
  /** Virtual time: the clock of the run that was served last, when it was served. */
  #now = 0;
  /** Mean work of what was charged: the guess for a run's first job. */
  #meanWork = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts a job last among its run's. The priority is the run's from now on. */
  push(
    job: T,
    { run, priority = defaultPriority }: { readonly run: string; readonly priority?: Priority | undefined },
  ): void {
    const flow = this.#flows.get(run) ?? this.#begin(run);
    flow.weight = priorityWeights[priority];
    if (flow.waiting.length === 0 && flow.assumed.size === 0) flow.clock = Math.max(flow.clock, this.#now);
    flow.waiting.push(job);
    this.#size++;
  }

  /** Takes the next job; undefined where none waits. Give it back with `charge` when its work is known. */
  shift(): T | undefined {
    let next: Flow<T> | undefined;
    // Ties go to the heavier run, then to the one that has been known longer.
    for (const flow of this.#flows.values()) {
      if (flow.waiting.length === 0) continue;
      const isAhead =
        next === undefined || flow.clock < next.clock || (flow.clock === next.clock && flow.weight > next.weight);
      if (isAhead) next = flow;
    }
    const job = next?.waiting.shift();
    if (next === undefined || job === undefined) return undefined;
    this.#size--;
    this.#now = Math.max(this.#now, next.clock);
    const assumed = (next.lastWork ?? this.#meanWork) / next.weight;
    next.clock += assumed;
    next.assumed.set(job, assumed);
    this.#taken.set(job, next);
    return job;
  }

  /** Says what a job that was taken has cost, in the user's unit: finished, failed or cancelled. Once a job. */
  charge(job: T, work: number): void {
    const flow = this.#taken.get(job);
    if (flow === undefined) return;
    this.#taken.delete(job);
    const assumed = flow.assumed.get(job) ?? 0;
    flow.assumed.delete(job);
    const cost = Math.max(0, work);
    flow.clock += cost / flow.weight - assumed;
    flow.lastWork = cost;
    this.#meanWork += (cost - this.#meanWork) / 8;
    this.#forgetIdle();
  }

  /** Takes a job back that still waits. */
  remove(job: T): void {
    for (const flow of this.#flows.values()) {
      const at = flow.waiting.indexOf(job);
      if (at < 0) continue;
      flow.waiting.splice(at, 1);
      this.#size--;
      return;
    }
  }

  /** Forgets what waits. */
  clear(): void {
    for (const flow of this.#flows.values()) flow.waiting.length = 0;
    this.#size = 0;
  }

  #begin(run: string): Flow<T> {
    const flow: Flow<T> = {
      run,
      weight: priorityWeights[defaultPriority],
      clock: this.#now,
      assumed: new Map(),
      lastWork: null,
      waiting: [],
    };
    this.#flows.set(run, flow);
    return flow;
  }

  #forgetIdle(): void {
    if (this.#flows.size <= REMEMBERED_RUNS) return;
    for (const flow of this.#flows.values()) {
      if (flow.waiting.length === 0 && flow.assumed.size === 0) this.#flows.delete(flow.run);
      if (this.#flows.size <= REMEMBERED_RUNS) return;
    }
  }
}
