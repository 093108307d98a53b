/**
 * How much memory a run takes on one machine, before it starts, and what would fit where that is too much: by the shapes of the model
 * and the run's settings alone.
 *
 * A run rolls out and updates in turns, so the machine holds either busy rollout workers beside a resting trainer, or a busy trainer
 * beside resting rollout workers; the other processes all the time.
 */
import { ConfigError } from '@evenkeel/core';
import {
  DECODE_BATCH,
  estimateMemory,
  type MemoryEstimate,
  type ModelConfig,
  type PolicyWork,
  parameterCount,
  TOKENS_PER_RUN,
} from '@evenkeel/policy';
import { machineMemory, type RunConfig } from '@evenkeel/protocol';
import type { Invocation } from '../command.ts';
import { workersFrom } from '../commands/train-flags.ts';
import { bytesText } from '../view/bytes-text.ts';

/** What is known of a run that is about to start. */
export interface RunWork {
  readonly config: Pick<
    RunConfig,
    'run' | 'groupSize' | 'promptsPerStep' | 'shardPrompts' | 'sampling' | 'evaluation' | 'method' | 'lora'
  >;
  readonly model: ModelConfig;
  /** Tokens of the longest prompt. */
  readonly promptLength: number;
}

/** What can be made smaller without another result being asked for. */
export interface RunKnobs {
  readonly rolloutWorkers: number;
  readonly decodeBatch: number;
  readonly tokensPerRun: number;
}

export interface RunMemory {
  readonly bytes: number;
  readonly rollout: MemoryEstimate;
  readonly trainer: MemoryEstimate;
  /** All other processes together. */
  readonly otherBytes: number;
}

/** The command itself, the Temporal server, the workflow worker, the verifier host with its sandboxes. */
const OTHERS_BYTES = 1e9;

function partBytes({ parts }: MemoryEstimate, names: readonly string[]): number {
  return parts.reduce((sum, { name, bytes }) => sum + (names.includes(name) ? bytes : 0), 0);
}

/** Estimates that were made already: each takes a look through whole graphs. */
type Known = Map<string, MemoryEstimate>;

/** The memory of a run with these settings. */
export function runMemory(
  { config, model, promptLength }: RunWork,
  knobs: RunKnobs,
  known: Known = new Map(),
): RunMemory {
  const { groupSize, promptsPerStep, shardPrompts, sampling, evaluation, method, lora } = config;
  const work = {
    ...{ promptLength, tokensPerRun: knobs.tokensPerRun, decodeBatch: knobs.decodeBatch },
    completionLength: Math.max(1, Math.min(sampling.maxNewTokens, model.max_position_embeddings - promptLength)),
  };
  const estimate = (
    role: 'decode' | 'train',
    own: Pick<PolicyWork, 'samplesPerPrompt' | 'prompts' | 'objective' | 'lora'>,
  ) =>
    known.getOrInsertComputed(`${role} ${knobs.tokensPerRun} ${role === 'decode' ? knobs.decodeBatch : ''}`, () =>
      estimateMemory(model, role, { ...work, ...own }),
    );
  const samplesPerPrompt = Math.max(groupSize, evaluation.samplesPerPrompt);
  const rollout = estimate('decode', { samplesPerPrompt, prompts: shardPrompts });
  const objective = { kind: 'policy-gradient', spec: method.objective } as const;
  const trainer = estimate('train', { samplesPerPrompt: groupSize, prompts: promptsPerStep, objective, lora });
  const weights = 4 * parameterCount(model);
  // The reference policy is in memory beside the one that is trained. With LoRA it is the base, which is there already.
  const reference = method.objective.kl.kind === 'none' || lora !== undefined ? 0 : weights;
  const resting = ['process', 'sessions', 'weights'];
  const rollingOut = knobs.rolloutWorkers * rollout.bytes + partBytes(trainer, [...resting, 'gradients', 'moments']);
  const updating = knobs.rolloutWorkers * partBytes(rollout, [...resting, 'KV cache']) + trainer.bytes + reference;
  // The base is read by the command, for its hash, and taken into the store by the workflow worker.
  const otherBytes = OTHERS_BYTES + 2 * weights;
  return { bytes: Math.max(rollingOut, updating) + otherBytes, rollout, trainer, otherBytes };
}

const LEAST: RunKnobs = { rolloutWorkers: 1, decodeBatch: 16, tokensPerRun: 64 };

/** The values of a setting that are tried in place of the one that it has, largest first. */
function smaller(knobs: RunKnobs, name: keyof RunKnobs): number[] {
  const values: number[] = [];
  const next = (value: number): number => (name === 'rolloutWorkers' ? value - 1 : Math.floor(value / 2));
  for (let value = next(knobs[name]); value >= LEAST[name]; value = next(value)) values.push(value);
  return values;
}

const WORDS: Readonly<Record<keyof RunKnobs, (value: number) => string>> = {
  rolloutWorkers: (value) => `--rollout-workers ${value}`,
  decodeBatch: (value) => `"decodeBatch": ${value}`,
  tokensPerRun: (value) => `"tokensPerRun": ${value}`,
};

/** Settings with which the run would fit, each by itself; else all of them at their least; null where not even that fits. */
export function whatWouldFit(work: RunWork, knobs: RunKnobs, machineBytes: number): string | null {
  const known: Known = new Map();
  const fits = (changed: Partial<RunKnobs>): boolean =>
    runMemory(work, { ...knobs, ...changed }, known).bytes <= machineBytes;
  const names = ['rolloutWorkers', 'decodeBatch', 'tokensPerRun'] as const;
  const single = names.flatMap((name) => {
    const value = smaller(knobs, name).find((candidate) => fits({ [name]: candidate }));
    return value === undefined ? [] : [WORDS[name](value)];
  });
  if (single.length > 0) return single.join(', or ');
  const least = Object.fromEntries(names.map((name) => [name, Math.min(knobs[name], LEAST[name])]));
  if (!fits(least)) return null;
  return names.flatMap((name) => (least[name] === knobs[name] ? [] : [WORDS[name](least[name]!)])).join(' and ');
}

/** As the command's flags have it, on this machine. @throws {ConfigError} `memory-short`, unless it was accepted */
export function expectMemory(
  config: RunConfig,
  model: ModelConfig,
  promptLength: number,
  { flags }: Pick<Invocation, 'flags'>,
): void {
  if (flags['accept-memory'] === true) return;
  const knobs = {
    rolloutWorkers: workersFrom({ flags }).rolloutWorkers ?? 1,
    decodeBatch: config.decodeBatch ?? DECODE_BATCH,
    tokensPerRun: config.tokensPerRun ?? TOKENS_PER_RUN,
  };
  checkRunMemory({ config, model, promptLength }, knobs, machineMemory());
}

function largestParts({ parts }: MemoryEstimate): string {
  const most = parts.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  return most.map(({ name, bytes }) => `${name} ${bytesText(bytes)}`).join(', ');
}

/**
 * Refuses a run that the machine cannot hold.
 *
 * @throws {ConfigError} `memory-short`, which says what would fit
 */
export function checkRunMemory(work: RunWork, knobs: RunKnobs, machineBytes: number): void {
  const memory = runMemory(work, knobs);
  if (memory.bytes <= machineBytes) return;
  const { rollout, trainer, otherBytes, bytes } = memory;
  const workers = knobs.rolloutWorkers === 1 ? 'the rollout worker' : `each of ${knobs.rolloutWorkers} rollout workers`;
  const parts = [
    `the trainer up to ${bytesText(trainer.bytes)} (${largestParts(trainer)})`,
    ...(knobs.rolloutWorkers === 0 ? [] : [`${workers} up to ${bytesText(rollout.bytes)} (${largestParts(rollout)})`]),
    `everything else ${bytesText(otherBytes)}`,
  ];
  const fit = whatWouldFit(work, knobs, machineBytes);
  const wish =
    fit === null
      ? 'a smaller model, shorter prompts and completions, or a machine with more'
      : `what would fit: ${fit}`;
  throw new ConfigError(
    `Cannot train "${work.config.run}": it takes about ${bytesText(bytes)} of memory (${parts.join('; ')}), expected at most the ${bytesText(machineBytes)} of this machine: ${wish}; --accept-memory starts it all the same`,
    { code: 'memory-short' },
  );
}
