import { ConfigError } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  configHash,
  defaultRunFile,
  type KnownPromptSet,
  type KnownVerifier,
  parseRunConfig,
  parseRunFile,
  type RunConfig,
  type RunFile,
  type RunInputs,
  resolveRunConfig,
  taskEntryOf,
} from './config.ts';

const verifiers: readonly KnownVerifier[] = [
  { id: 'countdown', levels: ['tiny', 'easy', 'hard'] },
  { id: 'zebra', levels: ['tiny', 'easy'] },
  { id: 'arc', levels: ['tiny', 'easy'] },
];

/** As a user's file is read. */
function resolve(file: unknown): RunConfig {
  return resolveRunConfig(parseRunFile(file), verifiers);
}

function refusal(file: unknown): ConfigError {
  try {
    resolve(file);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(file)}`);
}

describe('resolveRunConfig()', () => {
  test('what follows an empty step is part of a configuration only where it is not what it always was', () => {
    expect(resolve({ emptyStep: 'go-on' })).toEqual(resolve({}));
    expect(resolve({})).not.toHaveProperty('emptyStep');
    expect(resolve({ emptyStep: 'pause' })).toEqual({ ...resolve({}), emptyStep: 'pause' });
    expect(refusal({ emptyStep: 'stop' }).message).toMatch(
      /^Cannot read the configuration: field "emptyStep": .*"go-on"\|"pause"/,
    );
  });

  test('how much an engine does at once is part of a configuration only where it is said', () => {
    expect(Object.keys(resolve({})).filter((name) => /tokensPerRun|decodeBatch/.test(name))).toEqual([]);
    const small = { tokensPerRun: 128, decodeBatch: 32 };
    expect(resolve(small)).toMatchObject(small);
    expect(refusal({ tokensPerRun: 0 }).message).toContain('tokensPerRun');
  });

  test('adapters are trained only where LoRA is said; its scale, targets and their order have one form', () => {
    expect(Object.keys(resolve({}))).not.toContain('lora');
    const targets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];
    expect(resolve({ lora: { rank: 4 } }).lora).toEqual({ rank: 4, alpha: 8, targets });
    const chosen = resolve({ lora: { rank: 4, alpha: 1, targets: ['v_proj', 'q_proj'] } });
    expect(chosen.lora).toEqual({ rank: 4, alpha: 1, targets: ['q_proj', 'v_proj'] });
    expect(parseRunConfig(JSON.parse(JSON.stringify(chosen)))).toEqual(chosen);
  });

  test.each([
    [{ rank: 0 }, 'field "lora.rank": expected a whole number of at least 1'],
    [{ rank: 2.5 }, 'field "lora.rank": expected a whole number of at least 1'],
    [{ rank: 2, alpha: 0 }, 'field "lora.alpha": expected a number above 0'],
    [{ rank: 2, targets: [] }, 'field "lora.targets": expected at least one projection'],
    [{ rank: 2, targets: ['lm_head'] }, 'field "lora.targets.0": expected one of q_proj, k_proj'],
    [{ rank: 2, targets: ['q_proj', 'q_proj'] }, 'field "lora.targets": expected each projection once'],
    [{ rank: 2, dropout: 0.1 }, 'field "lora.dropout" is unknown, expected one of rank, alpha, targets'],
  ])('LoRA as %j is refused, with what to write instead', (lora, message) => {
    expect(() => parseRunFile({ lora })).toThrow(`Cannot read the configuration: ${message}`);
  });

  test('an empty file is the configuration of npm start', () => {
    const config = resolve({});
    expect(config).toMatchObject({
      run: 'first-run',
      seed: 0,
      model: 'tiny',
      device: 'cpu',
      promptsPerStep: defaultRunFile.promptsPerStep,
      optimizer: defaultRunFile.optimizer,
      evaluation: defaultRunFile.evaluation,
      method: {
        name: 'mt-grpo',
        weighter: { kind: 'iwu', lambda: 0.2 },
        planner: { kind: 'rp-sampler' },
        filter: { kind: 'strict' },
      },
    });
    expect(config.tasks).toEqual([
      { name: 'countdown', verifier: 'countdown', level: 'tiny', style: 'compact' },
      { name: 'zebra', verifier: 'zebra', level: 'tiny', style: 'compact' },
      { name: 'arc', verifier: 'arc', level: 'tiny', style: 'compact' },
    ]);
  });

  test('what is left out of a group of settings has its default, what is given stays', () => {
    const config = resolve({
      optimizer: { learningRate: 0.001 },
      evaluation: { every: 3 },
      sampling: { maxNewTokens: 8 },
    });
    expect(config.optimizer).toEqual({ ...defaultRunFile.optimizer, learningRate: 0.001 });
    expect(config.evaluation).toEqual({ ...defaultRunFile.evaluation, every: 3 });
    expect(config.sampling).toEqual({ temperature: 1, maxNewTokens: 8 });
  });

  test('an undefined field is a field that is left out', () => {
    expect(resolveRunConfig({ steps: undefined, seed: undefined, lambda: undefined }, verifiers)).toEqual(resolve({}));
  });

  test('a task with a level is named after both, and above tiny it speaks as the papers do', () => {
    expect(resolve({ tasks: ['countdown', 'countdown:hard'] }).tasks).toEqual([
      { name: 'countdown', verifier: 'countdown', level: 'tiny', style: 'compact' },
      { name: 'countdown-hard', verifier: 'countdown', level: 'hard', style: 'chat' },
    ]);
    const whole = { name: 'sums', verifier: 'countdown', level: 'hard', style: 'compact' };
    expect(resolve({ tasks: [whole] }).tasks).toEqual([whole]);
  });

  test("λ is the weighter's, said in short or in long", () => {
    expect(resolve({ lambda: 0.7 }).method.weighter.lambda).toBe(0.7);
    expect(resolve({ method: { name: 'mt-grpo', weighter: { lambda: 0.7 } } }).method.weighter.lambda).toBe(0.7);
    expect(resolve({ lambda: 0 }).method.weighter.lambda).toBe(0);
    expect(resolve({ method: { name: 'dapo', weighter: 'iwu' }, lambda: 0.7 }).method.weighter.lambda).toBe(0.7);
  });

  test('parts of a method are chosen by name, by options, or by both; another weighter needs no λ', () => {
    const method = {
      name: 'mt-grpo',
      weighter: 'uniform',
      filter: 'lenient',
      planner: { kind: 'refill', maxRounds: 2 },
    };
    expect(resolve({ method }).method).toMatchObject({
      name: 'mt-grpo',
      weighter: { kind: 'uniform' },
      filter: { kind: 'lenient' },
      planner: { kind: 'refill', maxRounds: 2 },
      objective: { clipHigh: 0.28 },
    });
    const objective = { kl: { kind: 'k3', beta: 0.01 } };
    expect(resolve({ method: { name: 'grpo', objective } }).method.objective.kl).toEqual(objective.kl);
  });

  test.each([
    ['sec-grpo', 'sec', 'plain', { temperature: 0.5, learningRate: 0.3, unseen: 'hold' }],
    ['sec-dapo', 'sec', 'refill', { temperature: 0.5 }],
    ['worst-task', 'worst-task', 'rp-sampler', { performance: 'accuracy-ema' }],
    ['regularised', 'regularised', 'rp-sampler', { eta: 1e-2, optimizer: 'adam-l2' }],
  ])('%s is chosen by name, and takes the options of its weighter', (name, kind, planner, weighter) => {
    expect(resolve({ method: name }).method).toMatchObject({ name, weighter: { kind }, planner: { kind: planner } });
    expect(resolve({ method: { name, weighter } }).method.weighter).toMatchObject({ kind, ...weighter });
  });

  test("a reward may weigh what a task's verifier declares, and nothing else", () => {
    const known = [...verifiers, { id: 'words', levels: ['tiny'], components: ['format'] }];
    const weigh = (component: string) =>
      parseRunFile({
        tasks: ['countdown', 'words'],
        method: { name: 'grpo', reward: { kind: 'weighted', weights: { verdict: 1, [component]: 0.2 } } },
      });
    expect(resolveRunConfig(weigh('format'), known).method.reward).toEqual({
      kind: 'weighted',
      weights: { verdict: 1, format: 0.2 },
    });
    expect(() => resolveRunConfig(weigh('brevity'), known)).toThrow(
      'Cannot configure the reward weighted: no task\'s verifier declares the component "brevity", expected one of verdict, correct, formatted, format (words: format)',
    );
  });

  test('10,000 tasks are resolved, one more is refused', () => {
    const task = (index: number) => ({ name: `t${index}`, verifier: 'zebra', level: 'easy', style: 'chat' });
    const tasks = Array.from({ length: 10_000 }, (_, index) => task(index));
    expect(resolve({ tasks }).tasks).toHaveLength(10_000);
    expect(refusal({ tasks: [...tasks, task(10_000)] }).message).toContain(
      'field "tasks": Too big: expected array to have <=10000',
    );
  });
});

describe('a configuration that cannot be run', () => {
  const bad: readonly [string, unknown, string | RegExp][] = [
    [
      'an unknown method',
      { method: 'ppo' },
      /^Cannot choose a method: "ppo" is unknown, expected one of grpo, dapo, sec-grpo, sec-dapo, mt-grpo, worst-task, regularised, bnpo, /,
    ],
    [
      'an unknown task',
      { tasks: ['sudoku'] },
      'Cannot resolve task "sudoku": no verifier has this name, expected one of countdown, zebra, arc',
    ],
    [
      'an unknown level',
      { tasks: ['zebra:brutal'] },
      'Cannot resolve task "zebra": it has no level "brutal", expected one of tiny, easy',
    ],
    ['a level with a colon', { tasks: ['zebra:easy:x'] }, /it has no level "easy:x", expected one of tiny, easy$/],
    [
      'a task that is there twice',
      { tasks: ['arc', 'arc'] },
      'Cannot resolve tasks: "arc" is there twice, expected each name once',
    ],
    ['no task', { tasks: [] }, 'Cannot start a method: no tasks are given, expected at least one'],
    ['a negative λ', { lambda: -0.1 }, /^Cannot configure the weighter iwu: λ is -0.1, expected 0 or more/],
    [
      'λ that is no number',
      { lambda: Number.NaN },
      'Cannot read the configuration: field "lambda": Invalid input: expected number, received NaN',
    ],
    ['an infinite λ', { lambda: Number.POSITIVE_INFINITY }, /field "lambda": Invalid input: expected number/],
    [
      'λ for a method that has none',
      { method: 'grpo', lambda: 0.3 },
      'Cannot configure grpo: λ is 0.3, but the weighter uniform has none; leave it out, or choose mt-grpo',
    ],
    [
      'λ for a method whose score is the reward alone',
      { method: 'worst-task', lambda: 0.3 },
      'Cannot configure worst-task: λ is 0.3, but the weighter worst-task has none; leave it out, or choose mt-grpo',
    ],
    [
      'SEC that refills what nothing drops',
      { method: { name: 'sec-dapo', filter: 'none' } },
      /^Cannot configure sec-dapo: planner refill refills what the filter drops, but filter none drops nothing; /,
    ],
    [
      'a temperature of 0',
      { method: { name: 'sec-grpo', weighter: { temperature: 0 } } },
      'Cannot configure the weighter sec: option "temperature" is 0, expected above 0',
    ],
    [
      'a decay that would carry the weights beyond equal',
      { method: { name: 'regularised', weighter: { eta: 50 } } },
      /^Cannot configure the weighter regularised: η is 50 and the learning rate 0.025, expected a product below 1, /,
    ],
    [
      'parts that cannot work together',
      { method: { name: 'mt-grpo', filter: 'none' } },
      /planner rp-sampler refills what the filter drops, but filter none drops nothing; choose filter strict or lenient, or planner plain$/,
    ],
    [
      'an unknown part',
      { method: { name: 'grpo', weighter: 'fair' } },
      /"fair" is unknown, expected one of uniform, iwu, sec, worst-task, regularised, staged$/,
    ],
    [
      'an unknown option of a part',
      { method: { name: 'mt-grpo', planner: { oversampling: 2 } } },
      /^Cannot configure the planner rp-sampler: option "oversampling" is unknown, expected one of oversample, /,
    ],
    ['zero steps', { steps: 0 }, 'Cannot read the configuration: field "steps": Too small: expected number to be >0'],
    [
      'half a step',
      { steps: 1.5 },
      'Cannot read the configuration: field "steps": Invalid input: expected int, received number',
    ],
    [
      'a text where a number belongs',
      { seed: '7' },
      'Cannot read the configuration: field "seed": Invalid input: expected number, received string',
    ],
    ['a negative seed', { seed: -1 }, /field "seed": Too small: expected number to be >=0$/],
    [
      'one rollout a prompt',
      { groupSize: 1 },
      'Cannot configure the run: groupSize is 1, expected a whole number of 2 or more, for an advantage compares the rollouts of a prompt',
    ],
    [
      'a run name with a path in it',
      { run: '../x' },
      /field "run": expected 1 to 40 lower-case letters, digits and dashes, such as "first-try"$/,
    ],
    [
      'an unknown device',
      { device: 'tpu' },
      /field "device": Invalid option: expected one of "cpu"\|"webgpu"\|"cuda"$/,
    ],
    [
      'an unknown field',
      { stpes: 5 },
      /^Cannot read the configuration: field "stpes" is unknown, expected one of run, seed, model, device, threads, tasks, steps, /,
    ],
    [
      'an unknown field of a group of settings',
      { evaluation: { evry: 5 } },
      'Cannot read the configuration: field "evaluation.evry" is unknown, expected one of every, promptsPerTask, samplesPerPrompt, temperature, split, seed',
    ],
    [
      'an unknown field of a task',
      { tasks: [{ name: 'a', verifier: 'arc', level: 'easy', style: 'chat', lvl: 1 }] },
      'Cannot read the configuration: field "tasks.0.lvl" is unknown, expected one of name, verifier, level, style, prompts',
    ],
    [
      'a field missing from a task',
      { tasks: [{ name: 'a', level: 'easy' }] },
      /^Cannot read the configuration: field "tasks.0.verifier": Invalid input: expected string, received undefined$/,
    ],
    [
      'an unknown field of a method',
      { method: { name: 'grpo', clip: 1 } },
      'Cannot read the configuration: field "method.clip" is unknown, expected one of name, weighter, planner, filter, advantage, objective, reward',
    ],
    [
      'a wrong type within a method',
      { method: { name: 'grpo', objective: { clipLow: 'x' } } },
      /field "method.objective.clipLow": Invalid input: expected number, received string$/,
    ],
    [
      'a method that is a number',
      { method: 3 },
      'Cannot read the configuration: field "method": expected a name, or an object with its fields',
    ],
    [
      'a learning rate of 0',
      { optimizer: { learningRate: 0 } },
      /field "optimizer.learningRate": Too small: expected number to be >0$/,
    ],
    [
      'a list in place of a file',
      [],
      'Cannot read the configuration: the configuration: Invalid input: expected object, received array',
    ],
  ];

  test.each(bad)('%s is refused, with what to write instead', (_name, file, message) => {
    const error = refusal(file);
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
    expect(error.retryable).toBe(false);
  });

  test('the file is named where it is known', () => {
    expect(() => parseRunFile({ steps: 0 }, 'my-run.json')).toThrow('Cannot read my-run.json: field "steps": ');
    expect(() => parseRunConfig({ ...resolve({}), steps: 0 })).toThrow(
      'Cannot read the stored configuration: field "steps": ',
    );
  });
});

const part = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] });
const whole = fc.integer({ min: 1, max: 1000 });
const amount = fc.double({ min: 1e-9, max: 10, noNaN: true });
const seed = fc.oneof(fc.maxSafeNat(), fc.constant(-0));
const methods = fc.constantFrom<RunFile['method'][]>(
  'grpo',
  'dapo',
  'mt-grpo',
  'sec-dapo',
  'worst-task',
  { name: 'sec-grpo', weighter: { temperature: 0.3, unseen: 'hold' } },
  { name: 'regularised', weighter: { eta: 1e-2 } },
  { name: 'mt-grpo', weighter: { lambda: 0.4, optimizer: 'adam-l2' }, filter: 'lenient' },
  { name: 'dapo', objective: { kl: { kind: 'k3', beta: 0.1 } } },
  {
    name: 'disco',
    objective: {
      form: { kind: 'discriminative', score: 'ratio', negatives: 'mean', temperature: 1, klBound: 0, klPenalty: 9 },
    },
  },
  'dr-grpo',
  'drpo',
  'fgrpo',
);
const anyFile: fc.Arbitrary<RunFile> = part({
  run: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,39}$/),
  seed,
  model: fc.string({ minLength: 1, unit: 'binary' }),
  device: fc.constantFrom('cpu', 'cuda'),
  threads: whole,
  tasks: fc.subarray(['countdown', 'zebra:easy', 'arc', 'countdown:hard'], { minLength: 1 }),
  steps: whole,
  promptsPerStep: whole,
  groupSize: fc.integer({ min: 2, max: 64 }),
  sampling: part({ temperature: amount, maxNewTokens: whole }),
  method: methods,
  optimizer: part({ learningRate: amount, weightDecay: fc.constantFrom(0, -0, 0.1), maxGradientNorm: amount }),
  minibatches: whole,
  checkpointEvery: whole,
  evaluation: part({ every: fc.nat(), promptsPerTask: whole, temperature: amount, seed }),
  shardPrompts: whole,
});

describe('a resolved configuration', () => {
  test('is the same after it was stored and read again, and so is its hash', () => {
    fc.assert(
      fc.property(anyFile, (file) => {
        const config = resolveRunConfig(file, verifiers);
        const again = parseRunConfig(JSON.parse(JSON.stringify(config)));
        expect(again).toEqual(config);
        expect(configHash(again)).toBe(configHash(config));
      }),
      { numRuns: 200, seed: 20260501 },
    );
  });

  test('does not depend on the order of the fields in the file', () => {
    const one = resolve({ steps: 5, seed: 3, optimizer: { learningRate: 0.1, epsilon: 0.5 } });
    const other = resolve({ optimizer: { epsilon: 0.5, learningRate: 0.1 }, seed: 3, steps: 5 });
    expect(configHash(one)).toBe(configHash(other));
  });
});

describe('verifier references and prompt sets', () => {
  const rows = { kind: 'prompt-set', sha256: 'd'.repeat(64), bytes: 7 };
  const known: readonly KnownVerifier[] = [
    ...verifiers,
    { id: 'words@1.2.0', levels: ['tiny', 'hard'] },
    { id: 'words@2.0.0', levels: ['tiny', 'hard'] },
  ];
  const sets: readonly KnownPromptSet[] = [
    { name: 'mine', rows, levels: { countdown: ['easy', 'odd'], words: ['plain'] } },
    { name: 'other', rows, levels: { arc: ['easy'] } },
  ];
  const tasks = (...entries: NonNullable<RunFile['tasks']>) =>
    resolveRunConfig(parseRunFile({ tasks: entries }), known, undefined, sets);

  test('a task text is a verifier, a level and a prompt set; a path keeps what it has', () => {
    expect(
      ['countdown', 'zebra:easy', 'words@1.2.0:hard=mine', './my=task:easy', '../a.b/c=mine', '/x:y/z', 'arc='].map(
        taskEntryOf,
      ),
    ).toEqual([
      { verifier: 'countdown' },
      { verifier: 'zebra', level: 'easy' },
      { verifier: 'words@1.2.0', level: 'hard', prompts: 'mine' },
      { verifier: './my', prompts: 'task:easy' },
      { verifier: '../a.b/c', prompts: 'mine' },
      { verifier: '/x:y/z' },
      { verifier: 'arc', prompts: '' },
    ]);
  });

  test('two versions of a verifier are two tasks, each under its own name', () => {
    const config = tasks('words@1.2.0', 'words@2.0.0:hard', { verifier: 'words@2.0.0', name: 'newest' });
    expect(config.tasks.map(({ name, verifier, level }) => [name, verifier, level])).toEqual([
      ['words@1.2.0', 'words@1.2.0', 'tiny'],
      ['words@2.0.0-hard', 'words@2.0.0', 'hard'],
      ['newest', 'words@2.0.0', 'tiny'],
    ]);
  });

  test('a task may take its puzzles from a prompt set, all of them or those of a level; the set is an input', () => {
    const config = tasks('countdown', 'countdown=mine', 'countdown:odd=mine', {
      verifier: 'words@1.2.0',
      prompts: 'mine',
    });
    expect(config.tasks).toEqual([
      { name: 'countdown', verifier: 'countdown', level: 'tiny', style: 'compact' },
      { name: 'countdown-mine', verifier: 'countdown', level: 'all', style: 'chat', prompts: 'mine' },
      { name: 'countdown-odd-mine', verifier: 'countdown', level: 'odd', style: 'chat', prompts: 'mine' },
      { name: 'words@1.2.0-mine', verifier: 'words@1.2.0', level: 'all', style: 'chat', prompts: 'mine' },
    ]);
    expect(config.inputs.prompts).toEqual({ mine: rows });
    expect(tasks('countdown').inputs).not.toHaveProperty('prompts');
    expect(parseRunConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test.each([
    [
      'countdown=none',
      'there is no prompt set "none", expected one of mine, other; or one to be made by evenkeel data import FILE.jsonl --name none',
    ],
    ['countdown:hard=mine', 'prompt set "mine" has no rows of level "hard", expected one of easy, odd'],
    ['zebra=mine', 'prompt set "mine" has no rows of it, expected rows that it scores, not only of countdown, words'],
    ['words@3.0.0', 'no verifier has this name, expected one of countdown, zebra, arc, words@1.2.0, words@2.0.0'],
  ])('"%s" is refused, with what there is', (task, message) => {
    expect(() => tasks(task)).toThrow(`Cannot resolve task "${taskEntryOf(task).verifier}": ${message}`);
  });

  test('a record from before verifiers had versions is read', () => {
    const config = JSON.parse(JSON.stringify(resolve({})));
    config.inputs = { model: null, verifiers: { arc: 'b'.repeat(64) } };
    expect(parseRunConfig(config).inputs.verifiers).toEqual({ arc: { version: 'unknown', sha256: 'b'.repeat(64) } });
  });
});

describe('configHash()', () => {
  const base = configHash(resolve({}));

  test('does not change with the name of the run and the number of threads', () => {
    expect(configHash(resolve({ run: 'other', threads: 7 }))).toBe(base);
  });

  const changes: RunFile[] = [
    { seed: 1 },
    { model: 'other' },
    { device: 'cuda' },
    { tasks: ['countdown', 'zebra'] },
    { tasks: ['zebra', 'countdown', 'arc'] },
    { tasks: ['countdown', 'zebra', 'arc:easy'] },
    { steps: 31 },
    { promptsPerStep: 65 },
    { groupSize: 9 },
    { sampling: { temperature: 0.9 } },
    { sampling: { maxNewTokens: 17 } },
    { method: 'grpo' },
    { lambda: 0.3 },
    { method: { name: 'mt-grpo', filter: 'lenient' } },
    { method: { name: 'mt-grpo', objective: { clipHigh: 0.3 } } },
    { optimizer: { learningRate: 1e-4 } },
    { optimizer: { betas: [0.9, 0.999] } },
    { minibatches: 5 },
    { checkpointEvery: 6 },
    { evaluation: { every: 11 } },
    { evaluation: { seed: 2 } },
    // Which prompts are computed together decides about the last bits of their log-probabilities.
    { shardPrompts: 97 },
    { tokensPerRun: 512 },
    { decodeBatch: 256 },
  ];
  test.each(changes.map((change) => [JSON.stringify(change), change] as const))('changes with %s', (_name, change) => {
    expect(configHash(resolve(change))).not.toBe(base);
  });

  test('changes with the base policy and with the code of a verifier', () => {
    const arc = (digit: string, version = '1.0.0') => ({ arc: { version, sha256: digit.repeat(64) } });
    const inputs = { model: 'a'.repeat(64), verifiers: arc('b') };
    const pinned = (changes: Partial<Pick<RunInputs, 'model' | 'verifiers'>>) =>
      configHash(resolveRunConfig({}, verifiers, { ...inputs, ...changes }));
    const hashes = [
      pinned({}),
      pinned({ model: 'c'.repeat(64) }),
      pinned({ verifiers: arc('c') }),
      pinned({ verifiers: arc('b', '1.0.1') }),
      base,
    ];
    expect(new Set(hashes).size).toBe(5);
    expect(pinned({})).toBe(hashes[0]);
    expect(() => pinned({ model: 'short' })).toThrow('field "inputs.model": expected 64 hexadecimal digits');
  });
});
