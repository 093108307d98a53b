import { describe, expect, test } from 'vitest';
import { buildMethod, initMethod, observeStep, resolveMethod, withTasks } from '../method.ts';
import { backwardTransfer, stagedWeighter } from './staged.ts';

const tasks = ['code', 'math', 'qa', 'writing'];
/** Of Omni-Think's order: code, mathematics, questions, writing. */
const transfer = { writing: -0.4, code: 0.05, qa: -0.2, math: -0.01 };

function stages(options: Parameters<typeof stagedWeighter.create>[0], steps: number): string[] {
  const part = stagedWeighter.create(options);
  let state = part.init(tasks);
  return Array.from({ length: steps }, (_, step) => {
    const now = Object.entries(part.weights(state)).filter(([, weight]) => weight === 1);
    expect(now).toHaveLength(1);
    state = part.observe(JSON.parse(JSON.stringify(state)), { step, tasks: {} });
    return now[0]![0];
  });
}

test('the least forgettable task comes first, and the last stage goes on', () => {
  expect(stages({ transfer, stepsPerStage: 2 }, 10)).toEqual([
    'code',
    'code',
    'math',
    'math',
    'qa',
    'qa',
    'writing',
    'writing',
    'writing',
    'writing',
  ]);
});

test('without numbers the stages are the tasks in their order; a task without one comes last', () => {
  expect(stages({ transfer: {}, stepsPerStage: 1 }, 4)).toEqual(tasks);
  expect(stages({ transfer: { qa: -1, math: 0 }, stepsPerStage: 1 }, 4)).toEqual(['math', 'qa', 'code', 'writing']);
});

test('a step seen twice counts once', () => {
  const part = stagedWeighter.create({ transfer: {}, stepsPerStage: 1 });
  const once = part.observe(part.init(tasks), { step: 0, tasks: {} });
  expect(part.observe(once, { step: 0, tasks: {} })).toEqual(once);
});

test('a task that is added to a run has its stage last, and one that is retired has none', () => {
  const method = buildMethod(
    resolveMethod('curriculum', { weighter: { transfer: { code: 0, qa: 1 }, stepsPerStage: 1 } }),
  );
  const state = observeStep(method, initMethod(method, ['code', 'qa']), { step: 0, tasks: {} });
  expect(method.weighter.weights(state.weighter)).toEqual({ code: 1, qa: 0 });
  const more = withTasks(method, state, ['new', 'code', 'qa']);
  const later = observeStep(method, more, { step: 1, tasks: {} });
  expect(method.weighter.weights(later.weighter)).toEqual({ new: 1, code: 0, qa: 0 });
});

describe('backwardTransfer()', () => {
  test('is the mean change of a task over the runs that trained on others', () => {
    const after = {
      code: { code: 0.9, math: 0.5, qa: 0.25 },
      math: { code: 0.5, math: 0.9, qa: 0.5 },
      qa: { code: 0.25, math: 0.75, qa: 0.9 },
    };
    expect(backwardTransfer({ code: 0.5, math: 0.5, qa: 0.5 }, after)).toEqual({
      code: -0.125,
      math: 0.125,
      qa: -0.125,
    });
  });

  test('refuses what was not measured', () => {
    expect(() => backwardTransfer({ a: 1 }, { a: { a: 1 } })).toThrow('no other task was trained on');
    expect(() => backwardTransfer({ a: 1, b: 1 }, { a: { a: 1 }, b: { b: 1 } })).toThrow(
      'Cannot tell the transfer of "a": it was not measured after training on "b"',
    );
  });
});
