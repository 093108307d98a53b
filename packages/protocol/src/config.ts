/**
 * The run configuration: what a user writes (`RunFile`, everything optional) and what a run is a pure function of (`RunConfig`,
 * everything resolved). Two runs with equal `RunConfig` end with equal weights.
 */
import { checkRunShape, fitMethod, type MethodOverrides, type MethodSpec, resolveMethod } from '@evenkeel/algorithms';
import { type ArtefactRef, ConfigError, hashOf } from '@evenkeel/core';
import { z } from 'zod';
import { artefactRefSchema, loraSchema, objectiveSpecSchema, optimizerSpecSchema, sha256Schema } from './jobs.ts';

const seedSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const positive = z.number().int().positive();
const styleSchema = z.enum(['chat', 'compact']);
const splitSchema = z.enum(['train', 'tune', 'heldout']);

export const runNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected 1 to 40 lower-case letters, digits and dashes, such as "first-try"');

/** The name of a prompt set. */
export const promptSetNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected 1 to 40 lower-case letters, digits and dashes, such as "my-prompts"');

/** The level of a task that takes all rows of its prompt set. */
export const allLevels = 'all';

/** One task of a run. */
export const taskConfigSchema = z.strictObject({
  /** The task's name in this run; unique. */
  name: z
    .string()
    .regex(
      /^[a-z0-9][A-Za-z0-9_@.+-]{0,99}$/,
      'expected 1 to 100 letters, digits and _@.+-, beginning with a lower-case letter or a digit',
    ),
  /** A verifier reference: an id, or `id@version`. */
  verifier: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,39}(@\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,40})?$/,
      'expected the id of a verifier, such as "countdown", or an id and a version, such as "words@1.2.0"',
    ),
  /** One of the verifier's; of a prompt set one of the set's, or `all`. */
  level: z.string().min(1),
  /** How generated puzzles are put into words; the prompts of a set stand as they are. */
  style: styleSchema,
  /** Its puzzles are the rows of this prompt set, not generated. */
  prompts: promptSetNameSchema.exactOptional(),
});

/** A task as a user writes it: all but the verifier may be left out, and that may be the path of a package's folder. */
const taskEntrySchema = z.strictObject({
  name: taskConfigSchema.shape.name.optional(),
  verifier: z.string().min(1),
  level: taskConfigSchema.shape.level.optional(),
  style: styleSchema.optional(),
  prompts: promptSetNameSchema.optional(),
});
export type TaskEntry = z.infer<typeof taskEntrySchema>;

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

const verifierInputSchema = z.preprocess(
  // A run that was recorded before there were versions has a hash alone.
  (value) => (typeof value === 'string' ? { version: 'unknown', sha256: value } : value),
  z.strictObject({ version: z.string().min(1), sha256: sha256Schema }),
);

const inputsSchema = z.strictObject({
  /** Hash of the base policy's weights; null where it is not pinned. */
  model: sha256Schema.nullable(),
  /** By verifier reference, as the tasks have it: which version it was, and the hash of its code. */
  verifiers: z.record(z.string(), verifierInputSchema),
  /** By name: the prompt sets, as they were. Left out where there are none. */
  prompts: z.record(promptSetNameSchema, artefactRefSchema).exactOptional(),
});
/** What a run depends on besides its settings, by content: the same name may stand for other weights or code tomorrow. */
export type RunInputs = z.infer<typeof inputsSchema>;

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
  /** Train adapters beside the model's weights (LoRA); left out, the weights themselves. */
  lora: loraSchema.exactOptional(),
  /** What follows a step in which no group was left to train on: left out, the next one. */
  emptyStep: z.literal('pause').exactOptional(),
  evaluation: evaluationSchema,
  /** Prompts per rollout job. */
  shardPrompts: positive,
  /** Positions in one run of a graph, roughly: fewer take less memory. Left out: the engine's own number. */
  tokensPerRun: positive.exactOptional(),
  /** Sequences that decode together: fewer take less memory. Left out: the engine's own number. */
  decodeBatch: positive.exactOptional(),
  inputs: inputsSchema,
});
export type RunConfig = z.infer<typeof runConfigSchema>;
export type TaskConfig = z.infer<typeof taskConfigSchema>;

/** A part of a method: its name, its options, or both. Which there are, the method's own tables know. */
const partSchema = z.union([z.string().min(1), z.looseObject({ kind: z.string().min(1).optional() })]);

/** What a user may write; what is left out has the default of `defaultRunFile`. */
export const runFileSchema = z.strictObject({
  run: runNameSchema.optional(),
  seed: seedSchema.optional(),
  model: z.string().min(1).optional(),
  device: z.enum(['cpu', 'webgpu', 'cuda']).optional(),
  threads: positive.optional(),
  /** Task texts such as `countdown`, `countdown:easy` or `words@1.2.0=my-prompts`, or entries. */
  tasks: z.array(z.union([z.string().min(1), taskEntrySchema])).optional(),
  steps: positive.optional(),
  promptsPerStep: positive.optional(),
  groupSize: positive.optional(),
  sampling: samplingSchema.partial().optional(),
  method: z
    .union([
      z.string().min(1),
      z.strictObject({
        name: z.string().min(1),
        weighter: partSchema.optional(),
        planner: partSchema.optional(),
        filter: partSchema.optional(),
        advantage: partSchema.optional(),
        objective: objectiveSpecSchema.partial().optional(),
        reward: partSchema.optional(),
      }),
    ])
    .optional(),
  /** λ of the improvement-aware weights: `method.weighter.lambda` for short. */
  lambda: z.number().optional(),
  optimizer: optimizerSpecSchema.partial().optional(),
  minibatches: positive.optional(),
  checkpointEvery: positive.optional(),
  /** Train adapters (LoRA) of this rank; alpha is twice the rank and targets are all projections where they are not said. */
  lora: loraSchema.partial({ alpha: true, targets: true }).optional(),
  /** After a step in which no group was left to train on: the next one, or wait for somebody to look. */
  emptyStep: z.enum(['go-on', 'pause']).optional(),
  evaluation: evaluationSchema.partial().optional(),
  shardPrompts: positive.optional(),
  tokensPerRun: positive.optional(),
  decodeBatch: positive.optional(),
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
  steps: 45,
  promptsPerStep: 64,
  groupSize: 8,
  sampling: { temperature: 1, maxNewTokens: 16 },
  method: 'mt-grpo',
  optimizer: { learningRate: 1.5e-4, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 },
  minibatches: 4,
  checkpointEvery: 5,
  evaluation: { every: 15, promptsPerTask: 200, samplesPerPrompt: 1, temperature: 1, split: 'heldout', seed: 1 },
  shardPrompts: 192,
} as const satisfies RunFile;

type Issue = z.core.$ZodIssue;

/** Of a choice between forms, what is wrong with the form that was meant: the one that was understood furthest. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const found = issue.errors.flat().map(innermost);
  const furthest = found.reduce<Issue | undefined>((best, candidate) => {
    const further = candidate.path.length > (best?.path.length ?? 0) || candidate.code === 'unrecognized_keys';
    return further ? candidate : best;
  }, undefined);
  return furthest === undefined ? issue : { ...furthest, path: [...issue.path, ...furthest.path] };
}

/** The fields that an object at this place may have. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodOptional) return fieldsAt(schema.unwrap() as z.ZodType, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => fieldsAt(option as z.ZodType, path));
  if (schema instanceof z.ZodArray) return fieldsAt(schema.element as z.ZodType, path.slice(1));
  if (!(schema instanceof z.ZodObject)) return [];
  const [next, ...rest] = path;
  if (next === undefined) return Object.keys(schema.shape);
  const field = schema.shape[String(next)] as z.ZodType | undefined;
  return field === undefined ? [] : fieldsAt(field, rest);
}

function problem(error: z.ZodError, source: string, schema: z.ZodType): ConfigError {
  const issue = innermost(error.issues[0]!);
  const place = issue.path.join('.');
  const refuse = (state: string) => new ConfigError(`Cannot read ${source}: ${state}`, { cause: error });
  if (issue.code === 'unrecognized_keys') {
    const field = [...issue.path, issue.keys[0]].join('.');
    return refuse(`field "${field}" is unknown, expected one of ${fieldsAt(schema, issue.path).join(', ')}`);
  }
  const wish = issue.code === 'invalid_union' ? 'expected a name, or an object with its fields' : issue.message;
  return refuse(`${place === '' ? 'the configuration' : `field "${place}"`}: ${wish}`);
}

/** Checks what a user wrote. @throws {ConfigError} that names the field */
export function parseRunFile(value: unknown, source = 'the configuration'): RunFile {
  const parsed = runFileSchema.safeParse(value);
  if (!parsed.success) throw problem(parsed.error, source, runFileSchema);
  return parsed.data;
}

/** Checks a stored configuration. @throws {ConfigError} that names the field */
export function parseRunConfig(value: unknown, source = 'the stored configuration'): RunConfig {
  const parsed = runConfigSchema.safeParse(value);
  if (!parsed.success) throw problem(parsed.error, source, runConfigSchema);
  return parsed.data;
}

type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** What is known of the verifiers that are installed: enough to refuse an unknown task or level. */
export interface KnownVerifier {
  /** A reference, as a task has it: `countdown`, `words@1.2.0`. */
  readonly id: string;
  readonly levels: readonly string[];
  /** Names of the components that its verdicts carry; default none. */
  readonly components?: readonly string[];
}

/** What is known of a prompt set of the home. */
export interface KnownPromptSet {
  readonly name: string;
  /** Its rows. */
  readonly rows: ArtefactRef;
  /** Levels of its rows, by the id of their verifier. */
  readonly levels: Readonly<Record<string, readonly string[]>>;
}

/**
 * A task's text as an entry: `VERIFIER[:LEVEL][=PROMPTS]`. The verifier may be a path; a level has no separator in it.
 *
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * deepEqual(taskEntryOf('words@1.2.0:hard=mine'), { verifier: 'words@1.2.0', level: 'hard', prompts: 'mine' });
 * ```
 */
export function taskEntryOf(text: string): TaskEntry {
  const [, verifier = text, level, prompts] = /^(.*[/\\][^/\\:=]*|[^:=]*)(?::([^=]*))?(?:=(.*))?$/.exec(text) ?? [];
  return { verifier, ...(level === undefined ? {} : { level }), ...(prompts === undefined ? {} : { prompts }) };
}

/** The id in a reference: `words` of `words@1.2.0`. */
export function verifierIdOf(reference: string): string {
  return reference.split('@', 1)[0]!;
}

function resolveTask(
  written: string | TaskEntry,
  verifiers: readonly KnownVerifier[],
  promptSets: readonly KnownPromptSet[],
): TaskConfig {
  const entry = typeof written === 'string' ? taskEntryOf(written) : written;
  const { verifier, prompts } = entry;
  const refuse = (code: string, state: string, wish: string): never => {
    throw new ConfigError(`Cannot resolve task "${verifier}": ${state}, expected ${wish}`, { code });
  };
  const known = verifiers.find((candidate) => candidate.id === verifier);
  if (known === undefined) {
    const names = verifiers.map((candidate) => candidate.id).join(', ');
    return refuse('task-unknown', 'no verifier has this name', `one of ${names}`);
  }
  const level = entry.level ?? (prompts === undefined ? 'tiny' : allLevels);
  const name = [verifier, ...(entry.level === undefined ? [] : [level]), ...(prompts === undefined ? [] : [prompts])];
  const task = {
    name: entry.name ?? name.join('-'),
    verifier,
    level,
    style: entry.style ?? (level === 'tiny' ? 'compact' : 'chat'),
  };
  if (prompts === undefined) {
    if (!known.levels.includes(level)) {
      refuse('level-unknown', `it has no level "${level}"`, `one of ${known.levels.join(', ')}`);
    }
    return task;
  }
  const set = promptSets.find((candidate) => candidate.name === prompts);
  if (set === undefined) {
    const names = promptSets.map((candidate) => candidate.name).join(', ');
    const wish = `${names === '' ? '' : `one of ${names}; or `}one to be made by evenkeel data import FILE.jsonl --name ${prompts}`;
    return refuse('prompts-unknown', `there is no prompt set "${prompts}"`, wish);
  }
  const levels = set.levels[verifierIdOf(verifier)];
  if (levels === undefined) {
    const ids = Object.keys(set.levels).join(', ');
    return refuse(
      'prompts-unknown',
      `prompt set "${prompts}" has no rows of it`,
      `rows that it scores, not only of ${ids}`,
    );
  }
  if (level !== allLevels && !levels.includes(level)) {
    refuse('level-unknown', `prompt set "${prompts}" has no rows of level "${level}"`, `one of ${levels.join(', ')}`);
  }
  return { ...task, prompts };
}

/** Targets in a layer's order: however they were written, it is the same run. */
function resolveLora({ rank, alpha = 2 * rank, targets }: NonNullable<RunFile['lora']>): RunConfig['lora'] {
  const all = loraSchema.shape.targets.element.options;
  return { rank, alpha, targets: targets === undefined ? [...all] : all.filter((name) => targets.includes(name)) };
}

/** The prompt sets that the tasks take, by name. */
function promptInputs(tasks: readonly TaskConfig[], promptSets: readonly KnownPromptSet[]): Pick<RunInputs, 'prompts'> {
  const used = promptSets.filter(({ name }) => tasks.some(({ prompts }) => prompts === name));
  return used.length === 0 ? {} : { prompts: Object.fromEntries(used.map(({ name, rows }) => [name, rows])) };
}

/**
 * A user's file with every default filled in and every part checked against the others.
 *
 * @throws {ConfigError} on an unknown method, task or level, a value out of range, or parts that do not fit together
 */
export function resolveRunConfig(
  file: RunFile,
  verifiers: readonly KnownVerifier[],
  inputs: Omit<RunInputs, 'prompts'> = { model: null, verifiers: {} },
  promptSets: readonly KnownPromptSet[] = [],
): RunConfig {
  const given = Object.fromEntries(Object.entries(file).filter(([, value]) => value !== undefined));
  const merged = { ...structuredClone(defaultRunFile), ...given } as unknown as Complete<Omit<RunFile, 'lambda'>>;
  const method = typeof merged.method === 'string' ? { name: merged.method } : merged.method;
  const { name, ...overrides } = method;
  const tasks = merged.tasks.map((entry) => resolveTask(entry, verifiers, promptSets));
  const names = new Set<string>();
  for (const { name: task } of tasks) {
    if (names.has(task)) {
      throw new ConfigError(`Cannot resolve tasks: "${task}" is there twice, expected each name once`, {
        code: 'task-twice',
      });
    }
    names.add(task);
  }
  checkRunShape({
    tasks: [...names],
    promptsPerStep: merged.promptsPerStep,
    groupSize: merged.groupSize,
  });
  const sampling = { ...defaultRunFile.sampling, ...file.sampling };
  const componentsOf = (verifier: string) => verifiers.find(({ id }) => id === verifier)?.components ?? [];
  const resolvedMethod = fitMethod(resolveMethod(name, { lambda: file.lambda, ...overrides } as MethodOverrides), {
    groupSize: merged.groupSize,
    maxNewTokens: sampling.maxNewTokens ?? defaultRunFile.sampling.maxNewTokens,
    components: Object.fromEntries(tasks.map((task) => [task.name, componentsOf(task.verifier)])),
  });
  // As JSON it is stored and hashed; what JSON writes otherwise (−0) is to be the same before and after.
  const resolved = JSON.stringify({
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
    sampling,
    method: resolvedMethod,
    optimizer: { ...defaultRunFile.optimizer, ...file.optimizer },
    minibatches: merged.minibatches,
    checkpointEvery: merged.checkpointEvery,
    ...(file.lora === undefined ? {} : { lora: resolveLora(file.lora) }),
    ...(file.emptyStep === 'pause' ? { emptyStep: file.emptyStep } : {}),
    evaluation: { ...defaultRunFile.evaluation, ...file.evaluation },
    shardPrompts: merged.shardPrompts,
    ...(file.tokensPerRun === undefined ? {} : { tokensPerRun: file.tokensPerRun }),
    ...(file.decodeBatch === undefined ? {} : { decodeBatch: file.decodeBatch }),
    inputs: { ...inputs, ...promptInputs(tasks, promptSets) },
  });
  return parseRunConfig(JSON.parse(resolved), 'the configuration');
}

/**
 * The identity of a run's configuration: everything but its name, which changes no bit, and the number of threads, which the
 * run's engine has (`run.json`). What has no part in the weights (evaluation, checkpoints) counts all the same: a run's records
 * would not fit together otherwise.
 */
export function configHash(config: RunConfig): string {
  const { run: _name, threads: _threads, ...identity } = config;
  return hashOf(identity);
}
