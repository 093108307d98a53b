/**
 * `evenkeel model make tiny`: teaches the tiny policy from random weights by supervised learning, with the same engine that
 * reinforcement learning uses. It checkpoints, so that a long make survives a kill: the same command goes on, and ends with
 * the same weights.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, hashOf, keyedRandom } from '@evenkeel/core';
import {
  type AdamWState,
  adamwStateFromBytes,
  adamwStateParts,
  adamwStep,
  buildTinyTokenizer,
  createAdamWState,
  decayRanges,
  initialiseParameters,
  type ModelConfig,
  ParameterBuffer,
  PolicyEngine,
  parameterShapes,
  type Tokenizer,
  tokenizerFromJson,
} from '@evenkeel/policy';
import { makeFolders } from '@evenkeel/store/make-folders';
import type { TaskVerifier } from '@evenkeel/verifier';
import {
  drawSample,
  learningRateAt,
  type RecipeStage,
  recipeTaskName,
  type Sample,
  type TinyRecipe,
} from './tiny-recipe.ts';

const ADAM = { beta1: 0.9, beta2: 0.95, weightDecay: 0.01, maxGradientNorm: 1 };
const REPORT_EVERY = 50;
const CHECKPOINT_EVERY = 50;
const PROBE_EVERY = 500;
const PROBE_PROMPTS = 100;

/** One line of the curve. */
export interface MakeProgress {
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  readonly samples: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly loss: number;
  /** Mean probability that the policy gives to the sample's whole answer, by task: fresh samples, before they are learnt. */
  readonly answerProbability: Readonly<Record<string, number>>;
  /** Share of correct answers on puzzles of the tuning split, by task; only now and then. */
  readonly greedy?: Readonly<Record<string, number>>;
  readonly sampled?: Readonly<Record<string, number>>;
}

export interface MakeOptions {
  readonly recipe: TinyRecipe;
  readonly verifiers: ReadonlyMap<string, TaskVerifier>;
  /** Where the checkpoint lies between two starts of the command. */
  readonly workFolder: string;
  readonly threads: number;
  readonly onProgress: (progress: MakeProgress) => void;
}

export interface MadeModel {
  readonly config: ModelConfig;
  readonly parameters: ParameterBuffer;
  readonly tokenizer: Tokenizer;
  readonly endOfText: number;
}

interface Checkpoint {
  readonly recipe: string;
  readonly stage: number;
  readonly step: number;
  readonly seconds: number;
}

function tinyConfig({ shape }: TinyRecipe, tokenizer: Tokenizer): ModelConfig {
  return {
    model_type: 'qwen2',
    vocab_size: Math.ceil(tokenizer.vocabSize / 32) * 32,
    hidden_size: shape.width,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    max_position_embeddings: shape.context,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    attention_bias: true,
  };
}

/** Makes the model, going on from the work folder's checkpoint where there is one. */
export async function makeTiny(options: MakeOptions): Promise<MadeModel> {
  const { recipe, verifiers } = options;
  const tokenizer = tokenizerFromJson(buildTinyTokenizer(recipe.words, recipe.starts));
  const endOfText = tokenizer.tokenId('<|endoftext|>')!;
  const config = tinyConfig(recipe, tokenizer);
  const shapes = parameterShapes(config);
  const parameters = new ParameterBuffer(
    config,
    initialiseParameters(shapes, { seed: recipe.seed, layers: recipe.shape.layers }),
  );
  const recipeHash = hashOf({ recipe, versions: [...verifiers.values()].map(({ manifest }) => manifest.version) });
  const resumed = await readCheckpoint(options.workFolder, recipeHash, parameters);
  const engine = new PolicyEngine(config, { threads: options.threads });
  engine.setParameters(parameters.views);
  let seconds = resumed?.seconds ?? 0;
  try {
    for (const [index, stage] of recipe.stages.entries()) {
      if (index < (resumed?.stage ?? 0)) continue;
      const here = index === resumed?.stage ? resumed : undefined;
      seconds = await teach(
        { ...options, stage, index, engine, parameters, tokenizer, endOfText, recipeHash, seconds },
        here,
      );
    }
  } finally {
    await engine.dispose();
  }
  return { config, parameters, tokenizer, endOfText };
}

interface Lesson extends MakeOptions {
  readonly stage: RecipeStage;
  readonly index: number;
  readonly engine: PolicyEngine;
  readonly parameters: ParameterBuffer;
  readonly tokenizer: Tokenizer;
  readonly endOfText: number;
  readonly recipeHash: string;
  readonly seconds: number;
}

async function teach(lesson: Lesson, resumed: { step: number; adam: AdamWState } | undefined): Promise<number> {
  const { recipe, stage, engine, parameters } = lesson;
  const steps = Math.ceil(stage.samples / recipe.batchSamples);
  const adam = resumed?.adam ?? createAdamWState(parameters.flat.length);
  const decay = decayRanges(parameters.shapes);
  const startedAt = performance.now();
  const elapsed = () => lesson.seconds + (performance.now() - startedAt) / 1000;
  let window = { tokens: 0, loss: 0, steps: 0, at: performance.now(), answers: new Map<string, [number, number]>() };
  const gradients = new ParameterBuffer(engine.config);
  for (let step = resumed?.step ?? 0; step < steps; step++) {
    const samples = Array.from({ length: recipe.batchSamples }, (_, place) =>
      drawSample(recipe, stage, step * recipe.batchSamples + place, lesson.verifiers),
    );
    const sequences = samples.map((sample) => trainingSequence(sample, lesson));
    gradients.flat.fill(0);
    const { loss, logprobs } = await engine.lossAndGradient(
      { objective: { kind: 'supervised' }, sequences },
      gradients,
    );
    adamwStep(parameters.flat, gradients.flat, adam, {
      ...ADAM,
      learningRate: learningRateAt(stage, step, steps),
      decayRanges: decay,
    });
    window.loss += loss;
    window.steps++;
    window.tokens += sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
    samples.forEach(({ task }, place) => {
      const [sum, count] = window.answers.get(task) ?? [0, 0];
      const answer = Math.exp(logprobs[place]!.reduce((total, logprob) => total + logprob, 0));
      window.answers.set(task, [sum + answer, count + 1]);
    });
    const done = step + 1;
    if (done % REPORT_EVERY === 0 || done === steps) {
      const probe = done % PROBE_EVERY === 0 || done === steps;
      const spent = (performance.now() - window.at) / 1000;
      lesson.onProgress({
        stage: stage.name,
        step: done,
        steps,
        samples: done * recipe.batchSamples,
        seconds: Math.round(elapsed()),
        tokensPerSecond: Math.round(window.tokens / spent),
        loss: window.loss / window.steps,
        answerProbability: Object.fromEntries([...window.answers].map(([task, [sum, count]]) => [task, sum / count])),
        ...(probe ? { greedy: await accuracy(lesson, 0), sampled: await accuracy(lesson, 1) } : {}),
      });
      window = { tokens: 0, loss: 0, steps: 0, at: performance.now(), answers: new Map() };
    }
    if (done % CHECKPOINT_EVERY === 0)
      await writeCheckpoint(lesson, { stage: lesson.index, step: done, seconds: elapsed() }, adam);
  }
  const next = { stage: lesson.index + 1, step: 0, seconds: elapsed() };
  await writeCheckpoint(lesson, next, createAdamWState(parameters.flat.length));
  return elapsed();
}

function trainingSequence(sample: Sample, { tokenizer, endOfText, recipe }: Lesson) {
  const prompt = tokenizer.encode(sample.prompt);
  const completion = tokenizer.encode(sample.completion);
  const tokens = Int32Array.of(...prompt, ...completion, endOfText);
  const tokenWeights = new Float32Array(tokens.length)
    .fill(recipe.promptWeight, 0, prompt.length)
    .fill(1, prompt.length);
  return { tokens, promptLength: prompt.length, tokenWeights };
}

/** Share of correct answers on the tuning split. */
async function accuracy(
  { recipe, engine, verifiers, tokenizer, endOfText }: Lesson,
  temperature: number,
): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (const task of recipe.tasks) {
    const verifier = verifiers.get(task.verifier)!;
    const puzzles = Array.from({ length: PROBE_PROMPTS }, (_, index) =>
      verifier.generate({ seed: recipe.seed, index, level: task.level ?? 'tiny', split: 'tune' }),
    );
    const prompts = puzzles.map((puzzle) => tokenizer.encode(verifier.prompt(puzzle, 'compact')));
    const completions = await engine.generate(prompts, {
      samplesPerPrompt: 1,
      maxNewTokens: recipe.maxNewTokens ?? 16,
      temperature,
      stopTokens: [endOfText],
      uniform: (prompt, _sample, position) => keyedRandom(recipe.seed, 'tiny/probe', prompt, position).uniform(),
    });
    const correct = puzzles.filter((puzzle, index) => {
      const completion = tokenizer.decode(completions[index]![0]!.tokens, { skipSpecial: true });
      const verdict = verifier.score({ groundTruth: puzzle.groundTruth, completion });
      return verdict.kind === 'scored' && verdict.correct;
    });
    shares[recipeTaskName(task)] = correct.length / puzzles.length;
  }
  return shares;
}

const FILES = { state: 'checkpoint.json', parameters: 'checkpoint.parameters', adam: 'checkpoint.adamw' };

async function writeCheckpoint(
  { workFolder, recipeHash, parameters }: Lesson,
  place: Omit<Checkpoint, 'recipe'>,
  adam: AdamWState,
): Promise<void> {
  const folder = join(workFolder, 'next');
  makeFolders(folder);
  const bytes = new Uint8Array(parameters.flat.buffer, parameters.flat.byteOffset, parameters.flat.byteLength);
  await writeFile(join(folder, FILES.parameters), bytes);
  await writeFile(join(folder, FILES.adam), Buffer.concat(adamwStateParts(adam)));
  await writeFile(join(folder, FILES.state), JSON.stringify({ recipe: recipeHash, ...place } satisfies Checkpoint));
  const last = join(workFolder, `step-${place.stage}-${place.step}`);
  if (!existsSync(last)) await rename(folder, last);
  await writeFile(join(workFolder, 'latest.tmp'), last);
  await rename(join(workFolder, 'latest.tmp'), join(workFolder, 'latest'));
}

async function readCheckpoint(
  workFolder: string,
  recipe: string,
  parameters: ParameterBuffer,
): Promise<(Checkpoint & { adam: AdamWState }) | undefined> {
  if (!existsSync(join(workFolder, 'latest'))) return undefined;
  const folder = (await readFile(join(workFolder, 'latest'), 'utf8')).trim();
  const state = JSON.parse(await readFile(join(folder, FILES.state), 'utf8')) as Checkpoint;
  if (state.recipe !== recipe) {
    throw new ConfigError(
      `Cannot go on with ${workFolder}: it was begun with another recipe, expected the same one or an empty folder (--work)`,
    );
  }
  const bytes = await readFile(join(folder, FILES.parameters));
  parameters.flat.set(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)));
  return { ...state, adam: adamwStateFromBytes(await readFile(join(folder, FILES.adam)), parameters.flat.length) };
}
