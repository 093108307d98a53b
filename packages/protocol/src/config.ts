/**
 * The run configuration: what a user writes (`RunFile`, everything optional) and what a run is a pure function of (`RunConfig`,
 * everything resolved). Two runs with equal `RunConfig` end with equal weights.
 */
import { checkRunShape, type MethodSpec, methods, resolveMethod } from '@evenkeel/algorithms';
import { ConfigError, hashOf } from '@evenkeel/core';
import { z } from 'zod';
import { objectiveSpecSchema, optimizerSpecSchema } from './jobs.ts';

const seedSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const positive = z.number().int().positive();
const styleSchema = z.enum(['chat', 'compact']);
const splitSchema = z.enum(['train', 'tune', 'heldout']);

export const runNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected 1 to 40 lower-case letters, digits and dashes, such as "first-try"');

/** One task of a run. */
export const taskConfigSchema = z.strictObject({
  /** The task's name in this run; unique. */
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,59}$/),
  /** The verifier package's id. */
  verifier: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
  level: z.string().min(1),
  style: styleSchema,
});

const samplingSchema = z.strictObject({ temperature: z.number().nonnegative(), maxNewTokens: positive });

const evaluationSchema = z.strictObject({
  /** Evaluate after every so many steps; 0: only at the start and at the end. */
  every: z.number().int().nonnegative(),
  promptsPerTask: positive,
  samplesPerPrompt: positive,
  /** Of the completions; 1 samples the policy as it is, 0 is greedy. */
  temperature: z.number().nonnegative(),
  split: splitSchema,
  /** Seed of the puzzles and of the sampling: the same for every run, whatever the run's seed. */
  seed: seedSchema,
});

/** A run, resolved: every value is there. */
export const runConfigSchema = z.strictObject({
  version: z.literal(1),
  run: runNameSchema,
  seed: seedSchema,
  /** A Hugging Face model directory, or the name of a shipped one. */
  model: z.string().min(1),
  device: z.enum(['cpu', 'webgpu', 'cuda']),
  /** Threads of each inference session. */
  threads: positive,
  tasks: z.array(taskConfigSchema).min(1).max(10_000),
  steps: positive,
  /** B: groups in a step's batch. */
  promptsPerStep: positive,
  /** G: rollouts per prompt. */
  groupSize: positive,
  sampling: samplingSchema,
  method: z.custom<MethodSpec>((value) => typeof value === 'object' && value !== null),
  optimizer: optimizerSpecSchema,
  /** Optimizer steps per training step. */
  minibatches: positive,
  /** Write the optimizer's state after every so many steps. */
  checkpointEvery: positive,
  evaluation: evaluationSchema,
  /** Prompts per rollout job. */
  shardPrompts: positive,
});
export type RunConfig = z.infer<typeof runConfigSchema>;
export type TaskConfig = z.infer<typeof taskConfigSchema>;

/** What a user may write; what is left out has the default of `defaultRunFile`. */
export const runFileSchema = z.strictObject({
  run: runNameSchema.optional(),
  seed: seedSchema.optional(),
  model: z.string().min(1).optional(),
  device: z.enum(['cpu', 'webgpu', 'cuda']).optional(),
  threads: positive.optional(),
  /** Task names such as `countdown` or `countdown:easy`, or whole entries. */
  tasks: z.array(z.union([z.string().min(1), taskConfigSchema])).optional(),
  steps: positive.optional(),
  promptsPerStep: positive.optional(),
  groupSize: positive.optional(),
  sampling: samplingSchema.partial().optional(),
  method: z
    .union([
      z.string().min(1),
      z.strictObject({
        name: z.string().min(1),
        weighter: z.looseObject({}).optional(),
        planner: z.looseObject({}).optional(),
        filter: z.string().optional(),
        advantage: z.string().optional(),
        objective: objectiveSpecSchema.partial().optional(),
        reward: z.looseObject({}).optional(),
      }),
    ])
    .optional(),
  /** λ of the improvement-aware weights: `method.weighter.lambda` for short. */
  lambda: z.number().optional(),
  optimizer: optimizerSpecSchema.partial().optional(),
  minibatches: positive.optional(),
  checkpointEvery: positive.optional(),
  evaluation: evaluationSchema.partial().optional(),
  shardPrompts: positive.optional(),
});
export type RunFile = z.infer<typeof runFileSchema>;

/** The configuration of `npm start`. */
export const defaultRunFile = {
  run: 'first-run',
  seed: 0,
  model: 'tiny',
  device: 'cpu',
  threads: 2,
  tasks: ['countdown', 'zebra', 'arc'],
  steps: 30,
  promptsPerStep: 64,
  groupSize: 8,
  sampling: { temperature: 1, maxNewTokens: 16 },
  method: 'mt-grpo',
  lambda: 0.2,
  optimizer: { learningRate: 1.5e-4, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 },
  minibatches: 4,
  checkpointEvery: 5,
  evaluation: { every: 10, promptsPerTask: 200, samplesPerPrompt: 1, temperature: 1, split: 'heldout', seed: 1 },
  shardPrompts: 96,
} as const satisfies RunFile;

function problem(error: z.ZodError, source: string): ConfigError {
  const issue = error.issues[0];
  const field = issue?.path.length ? `field "${issue.path.join('.')}"` : 'the configuration';
  return new ConfigError(`Cannot read ${source}: ${field}: ${issue?.message ?? 'not valid'}`, { cause: error });
}

/** Checks what a user wrote. @throws {ConfigError} that names the field */
export function parseRunFile(value: unknown, source = 'the configuration'): RunFile {
  const parsed = runFileSchema.safeParse(value);
  if (!parsed.success) throw problem(parsed.error, source);
  return parsed.data;
}

/** Checks a stored configuration. @throws {ConfigError} that names the field */
export function parseRunConfig(value: unknown, source = 'the stored configuration'): RunConfig {
  const parsed = runConfigSchema.safeParse(value);
  if (!parsed.success) throw problem(parsed.error, source);
  return parsed.data;
}

type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** What is known of the verifiers that are installed: enough to refuse an unknown task or level. */
export interface KnownVerifier {
  readonly id: string;
  readonly levels: readonly string[];
}

function resolveTask(entry: string | TaskConfig, verifiers: readonly KnownVerifier[]): TaskConfig {
  const [verifier = '', level = 'tiny'] = typeof entry === 'string' ? entry.split(':') : [entry.verifier, entry.level];
  const known = verifiers.find((candidate) => candidate.id === verifier);
  if (known === undefined) {
    const names = verifiers.map((candidate) => candidate.id).join(', ');
    throw new ConfigError(`Cannot resolve task "${verifier}": no verifier has this name, expected one of ${names}`, {
      code: 'task-unknown',
    });
  }
  if (!known.levels.includes(level)) {
    throw new ConfigError(
      `Cannot resolve task "${verifier}": it has no level "${level}", expected one of ${known.levels.join(', ')}`,
      { code: 'level-unknown' },
    );
  }
  if (typeof entry !== 'string') return entry;
  return {
    name: entry.includes(':') ? `${verifier}-${level}` : verifier,
    verifier,
    level,
    style: level === 'tiny' ? 'compact' : 'chat',
  };
}

/**
 * A user's file with every default filled in and every part checked against the others.
 *
 * @throws {ConfigError} on an unknown method, task or level, a value out of range, or parts that do not fit together
 */
export function resolveRunConfig(file: RunFile, verifiers: readonly KnownVerifier[]): RunConfig {
  const merged = { ...structuredClone(defaultRunFile), ...file } as Complete<RunFile>;
  const method = typeof merged.method === 'string' ? { name: merged.method } : merged.method;
  const { name, ...overrides } = method;
  const takesLambda = name === 'mt-grpo';
  if (file.lambda !== undefined && !takesLambda) {
    throw new ConfigError(
      `Cannot set lambda: method "${name}" has no improvement-aware weights, expected mt-grpo (methods: ${Object.keys(methods).join(', ')})`,
      { code: 'lambda-unused' },
    );
  }
  const tasks = merged.tasks.map((entry) => resolveTask(entry, verifiers));
  const duplicate = tasks.find((task, index) => tasks.findIndex((other) => other.name === task.name) !== index);
  if (duplicate !== undefined) {
    throw new ConfigError(`Cannot resolve tasks: "${duplicate.name}" is there twice, expected each name once`);
  }
  checkRunShape({
    tasks: tasks.map((task) => task.name),
    promptsPerStep: merged.promptsPerStep,
    groupSize: merged.groupSize,
  });
  return parseRunConfig(
    {
      version: 1,
      run: merged.run,
      seed: merged.seed,
      model: merged.model,
      device: merged.device,
      threads: merged.threads,
      tasks,
      steps: merged.steps,
      promptsPerStep: merged.promptsPerStep,
      groupSize: merged.groupSize,
      sampling: { ...defaultRunFile.sampling, ...file.sampling },
      method: resolveMethod(name, { ...(takesLambda ? { lambda: merged.lambda } : {}), ...overrides } as never),
      optimizer: { ...defaultRunFile.optimizer, ...file.optimizer },
      minibatches: merged.minibatches,
      checkpointEvery: merged.checkpointEvery,
      evaluation: { ...defaultRunFile.evaluation, ...file.evaluation },
      shardPrompts: merged.shardPrompts,
    },
    'the configuration',
  );
}

/** The identity of a run's configuration: everything but its name and where it runs. */
export function configHash(config: RunConfig): string {
  const { run: _name, threads: _threads, ...identity } = config;
  return hashOf(identity);
}
