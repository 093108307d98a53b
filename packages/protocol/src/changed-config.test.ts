import { ConfigError } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { type RunChange, type RunSettingName, runSettings, scheduledChangeSchema } from './change.ts';
import { changedConfig, parseRunChange } from './changed-config.ts';
import { configHash, type RunConfig, type RunFile, resolveRunConfig } from './config.ts';

const sha = (digit: string) => digit.repeat(64);
const verifiers = ['countdown', 'zebra', 'arc', 'words@1.2.0'].map((id) => ({ id, levels: ['tiny', 'easy'] }));
const inputs = {
  model: null,
  verifiers: { countdown: { version: '1.0.0', sha256: sha('a') }, zebra: { version: '1.0.0', sha256: sha('b') } },
};

function configOf(file: RunFile = {}): RunConfig {
  return resolveRunConfig({ run: 'mine', tasks: ['countdown', 'zebra'], ...file }, verifiers, inputs);
}

const moment = { run: 'mine', step: 7 };
const changed = (change: RunChange, config = configOf()) => changedConfig(config, change, moment);
const set = (settings: Extract<RunChange, { kind: 'set' }>['settings']): RunChange => ({ kind: 'set', settings });
const words = { name: 'words', verifier: 'words@1.2.0', level: 'tiny', style: 'compact' } as const;
const code = { version: '1.2.0', sha256: sha('c') };

function refusal(change: RunChange, config = configOf()): ConfigError {
  try {
    changed(change, config);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError);
    return thrown as ConfigError;
  }
  throw new Error('it was not refused');
}

describe('a setting', () => {
  const values: Record<RunSettingName, number> = {
    ...{ lambda: 0.4, learningRate: 1e-5, weightDecay: 0.1, maxGradientNorm: 2, temperature: 0.7, maxNewTokens: 32 },
    ...{ promptsPerStep: 8, groupSize: 4, minibatches: 2, steps: 99, evaluateEvery: 0, checkpointEvery: 3 },
  };

  test.each(Object.entries(values) as [RunSettingName, number][])(
    '%s has a place in the configuration, and changes nothing else',
    (name, value) => {
      const before = configOf();
      const after = changed(set({ [name]: value }), before);
      const { path } = runSettings[name];
      const at = (config: unknown) => path.reduce((place, field) => (place as Record<string, never>)[field], config);
      expect(at(after)).toBe(value);
      const restored = changedConfig(after, set({ [name]: at(before) as number }), moment);
      expect(configHash(restored)).toBe(configHash(before));
      expect(configHash(after)).not.toBe(configHash(before));
    },
  );

  test('of a run is the one that it could have begun with', () => {
    const began = configOf({ lambda: 0.4, optimizer: { learningRate: 1e-5 } });
    expect(configHash(changed(set({ lambda: 0.4, learningRate: 1e-5 })))).toBe(configHash(began));
  });

  test('that the method does not have is refused, naming those that have it', () => {
    const { message, code: name } = refusal(set({ lambda: 0.4 }), configOf({ method: 'grpo' }));
    expect(name).toBe('change-invalid');
    expect(message).toMatch(
      /^Cannot set lambda in run "mine": method grpo has none \(its weighter is uniform\), expected a run of .*mt-grpo/,
    );
  });

  test.each([
    [set({ steps: 6 }), 'Cannot set steps in run "mine": it is 6, and 7 are done, expected 7 or more'],
    [set({ groupSize: 1 }), 'groupSize is 1, expected a whole number of 2 or more'],
    [set({ promptsPerStep: 2.5 }), 'Cannot set promptsPerStep in run "mine": it is 2.5, expected a whole number'],
    [set({ lambda: -1 }), 'λ is -1, expected 0 or more'],
    [set({ learningRate: Number.NaN }), 'Cannot set learningRate in run "mine": it is NaN, expected a finite number'],
    [set({ learningRate: 0 }), 'field "optimizer.learningRate"'],
    [set({ temperature: -0.5 }), 'field "sampling.temperature"'],
    [set({ minibatches: 0 }), 'field "minibatches"'],
  ])('%j is refused', (change, message) => {
    expect(refusal(change).message).toContain(message);
  });

  test('of the steps that are done ends the run there', () => {
    expect(changed(set({ steps: 7 })).steps).toBe(7);
  });
});

describe('a task', () => {
  test('that is added is the last one, with its code among the inputs', () => {
    const after = changed({ kind: 'add-task', task: words, verifier: code });
    expect(after.tasks.map(({ name }) => name)).toEqual(['countdown', 'zebra', 'words']);
    expect(after.inputs.verifiers['words@1.2.0']).toEqual(code);
    expect(after.inputs.verifiers.countdown).toEqual(inputs.verifiers.countdown);
  });

  test('that takes a prompt set brings its rows', () => {
    const rows = { kind: 'prompts', sha256: sha('d'), bytes: 5 };
    const task = { ...words, prompts: 'mine', level: 'all' };
    const after = changed({ kind: 'add-task', task, verifier: code, prompts: rows });
    expect(after.inputs.prompts).toEqual({ mine: rows });
    expect(refusal({ kind: 'add-task', task, verifier: code }).message).toContain('expected both, or neither');
    const other = { kind: 'add-task', task: { ...task, name: 'two' }, verifier: code } as const;
    const again = () => changed({ ...other, prompts: { ...rows, sha256: sha('e') } }, after);
    expect(again).toThrow(/other rows of prompt set "mine", expected the same rows, or a set of another name/);
  });

  test('of a name that is taken, or whose verifier is other code here, is refused', () => {
    const twice = { kind: 'add-task', task: { ...words, name: 'zebra' }, verifier: code } as const;
    expect(refusal(twice).message).toBe(
      'Cannot add task "zebra" in run "mine": the run has a task of this name, expected a new name',
    );
    const other = { kind: 'add-task', task: { ...words, verifier: 'zebra' }, verifier: code } as const;
    expect(refusal(other).message).toContain('expected the code that the run began with, or another version');
  });

  test('that is retired takes its inputs with it, and may come back with other code', () => {
    const without = changed({ kind: 'retire-task', task: 'zebra' });
    expect(without.tasks.map(({ name }) => name)).toEqual(['countdown']);
    expect(Object.keys(without.inputs.verifiers)).toEqual(['countdown']);
    const zebra = configOf().tasks[1]!;
    const back = changed({ kind: 'add-task', task: zebra, verifier: code }, without);
    expect(back.inputs.verifiers.zebra).toEqual(code);
  });

  test('that is unknown, or the last one, cannot be retired', () => {
    expect(refusal({ kind: 'retire-task', task: 'arc' }).message).toBe(
      'Cannot retire task "arc" in run "mine": it has no such task, expected one of countdown, zebra',
    );
    const last = refusal({ kind: 'retire-task', task: 'zebra' }, configOf({ tasks: ['zebra'] }));
    expect(last.message).toContain('it is the only one, expected at least one task to stay');
  });
});

describe('what does not touch the configuration', () => {
  test.each<RunChange>([
    { kind: 'evaluate' },
    { kind: 'pause' },
    { kind: 'resume' },
    { kind: 'stop' },
    { kind: 'stop-after', step: 7 },
    { kind: 'pin', step: 7 },
    { kind: 'unpin', step: 90 },
    { kind: 'engine', from: 'a', to: 'b' },
  ])('%j leaves it as it is', (change) => {
    const config = configOf();
    expect(changed(change, config)).toBe(config);
  });

  test('is refused where it lies in the past, or beyond the end', () => {
    expect(refusal({ kind: 'stop-after', step: 6 }).message).toBe(
      'Cannot stop after step 6 in run "mine": it is done, expected 7 or more',
    );
    expect(refusal({ kind: 'stop-after', step: 46 }).message).toContain(
      'the run has 45 steps, expected at most as many',
    );
    expect(refusal({ kind: 'pin', step: 8 }).message).toContain('only 7 steps are done, expected a step that is done');
  });
});

describe('parseRunChange()', () => {
  test('takes a change, and says what is wrong with what is none', () => {
    expect(parseRunChange({ kind: 'set', settings: { lambda: 1 } })).toEqual(set({ lambda: 1 }));
    expect(() => parseRunChange({ kind: 'set', settings: {} })).toThrow(/expected at least one setting/);
    expect(() => parseRunChange({ kind: 'set', settings: { speed: 1 } })).toThrow(/^Cannot read a change: /);
    expect(() => parseRunChange({ kind: 'explode' })).toThrow(ConfigError);
  });

  test('a recorded change is one to be scheduled', () => {
    const recorded = { version: 1, number: 2, step: 5, change: { kind: 'evaluate' }, scheduled: true };
    expect(scheduledChangeSchema.parse(recorded)).toEqual({ step: 5, change: { kind: 'evaluate' } });
  });
});
