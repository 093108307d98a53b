/** The flags of `train`, and the run file that they and a configuration file make together. */
import { existsSync, readFileSync } from 'node:fs';
import { ConfigError } from '@evenkeel/core';
import { type Priority, parseRunFile, prioritySchema, type RunFile } from '@evenkeel/protocol';
import { type Flag, type Invocation, UsageError } from '../command.ts';
import { listFlag, numberFlag, textFlag, wholeFlag } from '../flag-values.ts';
import { deviceFlag } from '../model/chosen-device.ts';
import { noticeSecondsFlag, stallSecondsFlag } from '../train/home-processes.ts';
import { roomFlags } from '../train/tidy.ts';
import { yesFlag } from '../verifiers/open-granted.ts';

export const trainFlags: Readonly<Record<string, Flag>> = {
  run: { type: 'string', value: 'NAME', help: "the run's name (default: first-run)" },
  method: { type: 'string', value: 'NAME', help: 'mt-grpo (default), or another of `evenkeel methods`' },
  tasks: {
    type: 'string',
    value: 'A,B:LEVEL',
    help: 'tasks: VERIFIER[:LEVEL][=PROMPT-SET], a verifier by id, id@version or folder (default: countdown,zebra,arc)',
  },
  steps: { type: 'string', value: 'N', help: 'training steps (default: 45)' },
  seed: { type: 'string', value: 'N', help: 'seed of every draw (default: 0)' },
  lambda: { type: 'string', value: 'X', help: "λ of MT-GRPO's weights: reward against improvement (default: 0.2)" },
  model: { type: 'string', value: 'DIR', help: 'a Hugging Face model folder, a finished run, or tiny (default)' },
  device: deviceFlag,
  threads: { type: 'string', value: 'N', help: 'threads of each inference session (default: 2)' },
  prompts: { type: 'string', value: 'B', help: 'prompts in the batch of a step (default: 64)' },
  samples: { type: 'string', value: 'G', help: 'rollouts per prompt (default: 8)' },
  'learning-rate': { type: 'string', value: 'X', help: "the optimizer's step size (default: 1.5e-4)" },
  'evaluate-every': {
    type: 'string',
    value: 'N',
    help: 'evaluate after every N steps; 0: at start and end only (default: 15)',
  },
  changes: {
    type: 'string',
    value: 'FILE',
    help: 'changes to make at their steps: what evenkeel changes RUN --json wrote of another run',
  },
  set: {
    ...{ type: 'string', multiple: true, value: 'NAME=VALUE' },
    help: 'of a run that is there: change a setting before it goes on, as evenkeel set does; may be given several times',
  },
  stop: { type: 'boolean', help: 'of a run that is there: end it where it stands, evaluate, write the policy' },
  priority: {
    type: 'string',
    value: '1..5',
    help: 'how urgent beside other runs of the home, 1 most: each has twice the share of the next (default: 3)',
  },
  'rollout-workers': {
    type: 'string',
    value: 'N',
    help: 'rollout workers on this machine; 0: only those started by hand (default: 1)',
  },
  'stall-seconds': stallSecondsFlag,
  'notice-seconds': noticeSecondsFlag,
  ...roomFlags,
  yes: yesFlag,
  'keep-inputs': {
    type: 'boolean',
    help: 'go on under the verifiers and prompt sets that the run began with, though they changed since',
  },
  'accept-memory': {
    type: 'boolean',
    help: "begin though the run's memory, as it is estimated, is more than this machine has",
  },
  'accept-engine': {
    type: 'boolean',
    help: 'go on from a checkpoint under another engine (onnxruntime, Node, processor) than the run began under',
  },
};

function without<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function fromFile(path: string): RunFile {
  if (!existsSync(path)) {
    throw new ConfigError(`Cannot read configuration ${path}: there is no such file, expected a JSON file`, {
      code: 'config-missing',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`Cannot read configuration ${path}: ${(cause as Error).message}, expected JSON`, { cause });
  }
  return parseRunFile(value, path);
}

/** Flags that say what a run is; the others say how it is looked after. */
const SETTINGS = [
  ...['method', 'tasks', 'steps', 'seed', 'lambda', 'model', 'device', 'prompts', 'samples', 'learning-rate'],
  ...['evaluate-every', 'changes'],
] as const;

/** Whether a run is named and nothing is said of what it is: one that exists goes on as it was recorded. */
export function namesRunAlone({ positionals, flags }: Pick<Invocation, 'positionals' | 'flags'>): boolean {
  const given = SETTINGS.some((name) => flags[name] !== undefined);
  return textFlag(flags, 'run') !== undefined && positionals.length === 0 && !given;
}

/** Flags win over the file. @throws {ConfigError} or {UsageError}, naming the field or the flag */
export function runFileFrom({ positionals, flags }: Pick<Invocation, 'positionals' | 'flags'>): RunFile {
  if (positionals.length > 1) {
    throw new UsageError(`Cannot train: ${positionals.length} configuration files are given, expected at most one`);
  }
  const file = positionals[0] === undefined ? {} : fromFile(positionals[0]);
  const learningRate = numberFlag(flags, 'learning-rate', undefined);
  const every = numberFlag(flags, 'evaluate-every', undefined);
  const given = without({
    run: textFlag(flags, 'run'),
    method: textFlag(flags, 'method'),
    tasks: listFlag(flags, 'tasks'),
    steps: numberFlag(flags, 'steps', undefined),
    seed: numberFlag(flags, 'seed', undefined),
    lambda: numberFlag(flags, 'lambda', undefined),
    model: textFlag(flags, 'model'),
    device: textFlag(flags, 'device'),
    threads: numberFlag(flags, 'threads', undefined),
    promptsPerStep: numberFlag(flags, 'prompts', undefined),
    groupSize: numberFlag(flags, 'samples', undefined),
  });
  return parseRunFile(
    {
      ...file,
      ...given,
      ...(learningRate === undefined ? {} : { optimizer: { ...file.optimizer, learningRate } }),
      ...(every === undefined ? {} : { evaluation: { ...file.evaluation, every } }),
    },
    'the flags',
  );
}

/** How urgent the run is to be; undefined where nothing is said. @throws {UsageError} */
export function priorityFrom({ flags }: Pick<Invocation, 'flags'>): Priority | undefined {
  const given = numberFlag(flags, 'priority', undefined);
  if (given === undefined) return undefined;
  const parsed = prioritySchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UsageError(`Cannot read --priority: it is ${given}, expected 1 (most urgent) to 5`);
}

/** How many workers of a role the home gets on this machine. @throws {UsageError} */
export function workersFrom({ flags }: Pick<Invocation, 'flags'>): { readonly rolloutWorkers: number | undefined } {
  return { rolloutWorkers: wholeFlag(flags, 'rollout-workers', undefined, 0) };
}

/** How the home's processes are watched, and what a notice gives them. @throws {UsageError} */
export function watchFrom({ flags }: Pick<Invocation, 'flags'>): {
  readonly stallSeconds: number;
  readonly noticeSeconds: number;
} {
  return {
    stallSeconds: wholeFlag(flags, 'stall-seconds', 120, 1),
    noticeSeconds: wholeFlag(flags, 'notice-seconds', 30, 2),
  };
}
