import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobQueue, type Priority, priorityWeights } from './job-queue.ts';

const RUNS = { numRuns: 300, seed: 20260501 };

interface Job {
  readonly run: string;
  readonly priority: Priority;
  readonly work: number;
}

const priority = fc.constantFrom<Priority>(1, 2, 3, 4, 5);
const work = fc.integer({ min: 1, max: 50 });
/** Two to six runs, each with its priority and the work of its jobs. */
const runs = fc.array(fc.record({ priority, works: fc.array(work, { minLength: 1, maxLength: 40 }) }), {
  minLength: 2,
  maxLength: 6,
});

function filled(given: readonly { readonly priority: Priority; readonly works: readonly number[] }[]): JobQueue<Job> {
  const queue = new JobQueue<Job>();
  for (const [n, { priority, works }] of given.entries()) {
    for (const work of works) queue.push({ run: `run-${n}`, priority, work }, { run: `run-${n}`, priority });
  }
  return queue;
}

/** Serves one job after the other until `goesOn` says no, or nothing waits. */
function serve(queue: JobQueue<Job>, goesOn: (job: Job) => boolean = () => true): Job[] {
  const served: Job[] = [];
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    queue.charge(job, job.work);
    served.push(job);
    if (!goesOn(job)) break;
  }
  return served;
}

describe('JobQueue', () => {
  test('serves every job once, those of one run in the order in which they came', () => {
    fc.assert(
      fc.property(runs, (given) => {
        const served = serve(filled(given));
        expect(served).toHaveLength(given.reduce((sum, { works }) => sum + works.length, 0));
        for (const [n, { works }] of given.entries()) {
          expect(served.filter((job) => job.run === `run-${n}`).map((job) => job.work)).toEqual(works);
        }
      }),
      RUNS,
    );
  });

  test('the same arrivals and charges give the same order', () => {
    fc.assert(
      fc.property(runs, (given) => {
        expect(serve(filled(given))).toEqual(serve(filled(given)));
      }),
      RUNS,
    );
  });

  test('two runs that always have jobs waiting differ, in work by weight, by at most one job of each', () => {
    fc.assert(
      fc.property(runs, (given) => {
        const had = given.map(() => 0);
        const left = given.map(({ works }) => works.length);
        serve(filled(given), (job) => {
          const n = Number(job.run.slice('run-'.length));
          had[n]! += job.work;
          left[n]! -= 1;
          for (const [a, one] of given.entries()) {
            for (const [b, other] of given.entries()) {
              const [weightA, weightB] = [priorityWeights[one.priority], priorityWeights[other.priority]];
              const bound = Math.max(...one.works) / weightA + Math.max(...other.works) / weightB;
              expect(Math.abs(had[a]! / weightA - had[b]! / weightB)).toBeLessThanOrEqual(bound + 1e-6);
            }
          }
          return left.every((jobs) => jobs > 0);
        });
      }),
      RUNS,
    );
  });

  test('nobody starves: a run of priority 5 has its seventeenth beside one of priority 1 that never stops', () => {
    const queue = new JobQueue<Job>();
    const job = (run: string, priority: Priority): Job => ({ run, priority, work: 10 });
    const push = (run: string, priority: Priority) => queue.push(job(run, priority), { run, priority });
    for (let n = 0; n < 3; n++) push('urgent', 1);
    for (let n = 0; n < 3; n++) push('patient', 5);
    const had = { urgent: 0, patient: 0 };
    serve(queue, ({ run, priority, work }) => {
      had[run as keyof typeof had] += work;
      push(run, priority);
      return had.urgent + had.patient < 1700;
    });
    expect(had).toEqual({ urgent: 1600, patient: 100 });
  });

  test('work counts, not jobs: a run with jobs of ten times the length gets a tenth of the turns', () => {
    const queue = filled([
      { priority: 3, works: Array.from({ length: 10 }, () => 100) },
      { priority: 3, works: Array.from({ length: 100 }, () => 10) },
    ]);
    const served = serve(queue).slice(0, 55);
    expect(served.filter((job) => job.run === 'run-0')).toHaveLength(5);
  });

  test('a run that did nothing for long has saved up nothing', () => {
    const queue = new JobQueue<Job>();
    const push = (run: string) => queue.push({ run, priority: 3, work: 10 }, { run });
    push('idle');
    serve(queue);
    for (let n = 0; n < 50; n++) push('busy');
    serve(queue, () => queue.size > 20);
    for (let n = 0; n < 20; n++) push('idle');
    const next = serve(queue, () => queue.size > 20);
    // Half of them, and the one job by which two runs may differ.
    expect(next.filter((job) => job.run === 'idle')).toHaveLength(11);
  });

  test('a run that owes still owes when it comes back', () => {
    const queue = new JobQueue<Job>();
    const push = (run: string, work: number) => queue.push({ run, priority: 3, work }, { run });
    push('long', 1_000);
    push('short', 10);
    push('short', 10);
    const first = queue.shift()!;
    queue.charge(first, first.work);
    push('long', 1_000);
    for (let n = 0; n < 20; n++) push('short', 10);
    const order = serve(queue).map((job) => job.run);
    expect(order.indexOf('long')).toBe(order.length - 1);
  });

  test('several jobs at once are charged as assumed until they are known', () => {
    const queue = filled([
      { priority: 3, works: [10, 10, 10, 10] },
      { priority: 3, works: [10, 10, 10, 10] },
    ]);
    const underWay = Array.from({ length: 4 }, () => queue.shift()!);
    expect(underWay.map((job) => job.run)).toEqual(['run-0', 'run-1', 'run-0', 'run-1']);
    for (const job of underWay) queue.charge(job, job.work);
    expect(queue.size).toBe(4);
  });

  test('a job that is taken back is not served, and costs nothing', () => {
    const queue = new JobQueue<string>();
    for (const job of ['a1', 'a2', 'a3']) queue.push(job, { run: 'a' });
    queue.push('b1', { run: 'b' });
    queue.remove('a1');
    queue.remove('unknown');
    expect([queue.size, queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([
      3,
      'a2',
      'b1',
      'a3',
      undefined,
    ]);
  });
});
