import { describe, expect, test } from 'vitest';
import { binomial } from './binomial.ts';
import { type SimulationOptions, simulate } from './simulate.ts';
import { accuracyAt, chanceOf, type TaskModel, taskModels } from './task-model.ts';

const shape = { promptsPerStep: 32, groupSize: 4, seed: 0, steps: 12 } as const;
const run = (options: Partial<SimulationOptions>) =>
  simulate({ method: 'mt-grpo', tasks: taskModels(3, 0), ...shape, ...options });
/** What is not measured by a clock. */
const decided = (options: Partial<SimulationOptions>) => run(options).map(({ decideMs: _, ...step }) => step);

describe('a task model', () => {
  const task: TaskModel = { name: 't', start: 0, rate: 0.01, ceiling: 0.9, spread: 2 };

  test('has half its ceiling at skill 0, nothing far below, the ceiling far above', () => {
    expect(accuracyAt(task, 0)).toBeCloseTo(0.45, 10);
    expect(accuracyAt(task, -40)).toBeCloseTo(0, 6);
    expect(accuracyAt(task, 40)).toBeCloseTo(0.9, 6);
    expect(chanceOf(task, 0, 2)).toBeLessThan(chanceOf(task, 0, -2));
  });

  test('of a seed is the same whatever the number of tasks', () => {
    expect(taskModels(10, 3).slice(0, 3)).toEqual(taskModels(3, 3));
    expect(taskModels(3, 4)).not.toEqual(taskModels(3, 3));
  });
});

test.each([0, 0.03, 0.5, 0.7, 1])('binomial() has the frequencies of eight tries with the chance %s', (chance) => {
  const places = 100_000;
  const counts = Array.from({ length: 9 }, () => 0);
  for (let place = 0; place < places; place++) counts[binomial((place + 0.5) / places, 8, chance)]! += 1;
  const choose = [1, 8, 28, 56, 70, 56, 28, 8, 1];
  for (const [right, count] of counts.entries()) {
    expect(count / places).toBeCloseTo(choose[right]! * chance ** right * (1 - chance) ** (8 - right), 4);
  }
});

describe('simulate()', () => {
  test('gives the same course each time, another with another seed', () => {
    expect(decided({})).toEqual(decided({}));
    expect(decided({ seed: 1 })).not.toEqual(decided({}));
  });

  test('learns what it trains on, and pays for all it generates', () => {
    const steps = run({ method: 'grpo' });
    expect(steps.at(-1)!.mean).toBeGreaterThan(steps[0]!.mean);
    expect(steps.map(({ rollouts }) => rollouts)).toEqual(steps.map((_, index) => (index + 1) * 32 * 4));
  });

  test('keeps only its end where only that is asked for', () => {
    const [last, ...others] = run({ lastOnly: true });
    const { decideMs: _, ...end } = last!;
    expect([end, others]).toEqual([decided({}).at(-1), []]);
  });

  test('ends where the worst task is good enough', () => {
    const steps = run({ steps: 2000, until: 0.5, promptsPerStep: 64 });
    expect(steps.at(-1)!.worst).toBeGreaterThanOrEqual(0.5);
    expect(steps.at(-2)!.worst).toBeLessThan(0.5);
  });

  test.each(['grpo', 'dapo', 'sec-grpo', 'sec-dapo', 'mt-grpo', 'worst-task', 'regularised'])(
    '%s goes on when a task comes and another goes',
    (method) => {
      const comer: TaskModel = { name: 'comer', start: 0, rate: 0.01, ceiling: 1, spread: 1 };
      const events = [
        { step: 4, enter: comer },
        { step: 8, leave: 'task-0' },
      ];
      const steps = run({ method, events });
      const tasks = (place: number) => Object.keys(steps[place]!.weights).toSorted();
      expect(tasks(3)).toEqual(['task-0', 'task-1', 'task-2']);
      expect(tasks(4)).toEqual(['comer', 'task-0', 'task-1', 'task-2']);
      expect(tasks(8)).toEqual(['comer', 'task-1', 'task-2']);
      const sum = Object.values(steps[8]!.weights).reduce((total, weight) => total + weight, 0);
      expect(sum).toBeCloseTo(1, 6);
      expect(steps.slice(4).some(({ drawn }) => (drawn.comer ?? 0) > 0)).toBe(true);
      expect(steps.slice(8).every(({ drawn }) => drawn['task-0'] === undefined)).toBe(true);
    },
  );

  test('a task that cannot be learned takes the budget of a sampler that keeps to its target, and of no other', () => {
    const hopeless: TaskModel = { name: 'hopeless', start: 0, rate: 0, ceiling: 0, spread: 1 };
    const share = (method: string) => {
      const steps = run({ method, tasks: [...taskModels(3, 0), hopeless] });
      const all = steps.flatMap(({ drawn }) => Object.values(drawn)).reduce((sum, count) => sum + count, 0);
      return steps.reduce((sum, { drawn }) => sum + (drawn.hopeless ?? 0), 0) / all;
    };
    expect(share('mt-grpo')).toBeGreaterThan(0.7);
    expect(share('dapo')).toBeLessThan(0.4);
    expect(share('sec-dapo')).toBeLessThan(0.25);
  });

  test('decides for 1,000 tasks with a state that stays small', () => {
    const last = run({ tasks: taskModels(1000, 0), steps: 3 }).at(-1)!;
    expect(last.stateBytes).toBeLessThan(100_000);
    expect(Object.keys(last.weights)).toHaveLength(1000);
  });
});
