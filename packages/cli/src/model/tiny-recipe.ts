/**
 * How the shipped tiny policy is made: its shape, its tokenizer, and the samples it is taught with, each a pure function of the
 * recipe's seed and the sample's number. Two stages:
 *
 * 1. knowledge: correct answers only, long enough that the network can solve the tasks;
 * 2. mixed quality: a share of the answers is plausible but wrong, as the text is that a language model is trained on. The
 *    policy then knows more than it shows when it is sampled; drawing that out is what reinforcement learning does first.
 *
 * README and docs/papers.md say so, because the first minute's gain comes from there.
 */
import { keyedRandom } from '@evenkeel/core';
import type { TaskVerifier } from '@evenkeel/verifier';

export interface RecipeTask {
  readonly verifier: string;
  /** Default `tiny`. */
  readonly level?: string;
  /** Share of the samples. */
  readonly share: number;
  /** Share of correct answers in the second stage. */
  readonly correctShare: number;
}

export interface RecipeStage {
  readonly name: string;
  readonly samples: number;
  /** Highest learning rate, reached after the warm-up, falling by a cosine to `finalShare` of itself. */
  readonly learningRate: number;
  readonly finalShare: number;
  readonly warmupSteps: number;
  readonly mixed: boolean;
}

export const tinyRecipe = {
  seed: 20261121,
  shape: { layers: 4, width: 128, heads: 4, keyValueHeads: 2, feedForward: 384, context: 128 },
  /** What the tasks' compact notation is written in at the tiny level: one token each after a space; numbers 0 to 100 besides. */
  words: '+ - * / ( ) } : , > ; make from zebra arc in is left by alice bob carol tea milk water cat dog fish'.split(
    ' ',
  ),
  /** Words that a prompt begins with: one token each without a space. */
  starts: ['make', 'zebra', 'arc'],
  batchSamples: 256,
  /** Weight of a prompt's tokens in the loss, against 1 of the answer's. */
  promptWeight: 0.05,
  tasks: [
    { verifier: 'countdown', share: 0.4, correctShare: 0.55 },
    { verifier: 'zebra', share: 0.34, correctShare: 0.45 },
    { verifier: 'arc', share: 0.26, correctShare: 0.5 },
  ],
  stages: [
    { name: 'knowledge', samples: 512_000, learningRate: 2e-3, finalShare: 0.05, warmupSteps: 100, mixed: false },
    { name: 'mixed-quality', samples: 64_000, learningRate: 5e-4, finalShare: 0.1, warmupSteps: 20, mixed: true },
  ],
} as const satisfies TinyRecipe;

/** A recipe: how a small policy is made from nothing. */
export interface TinyRecipe {
  readonly seed: number;
  readonly shape: {
    readonly layers: number;
    readonly width: number;
    readonly heads: number;
    readonly keyValueHeads: number;
    readonly feedForward: number;
    readonly context: number;
  };
  readonly words: readonly string[];
  readonly starts: readonly string[];
  readonly batchSamples: number;
  readonly promptWeight: number;
  readonly tasks: readonly RecipeTask[];
  readonly stages: readonly RecipeStage[];
  /** Tokens of an answer at the most, when the policy is probed. Default 16. */
  readonly maxNewTokens?: number;
}

/** A task's name in the curve: `zebra`, `zebra:easy`. */
export function recipeTaskName({ verifier, level }: Pick<RecipeTask, 'verifier' | 'level'>): string {
  return level === undefined ? verifier : `${verifier}:${level}`;
}

/** One text to learn from. */
export interface Sample {
  readonly task: string;
  readonly prompt: string;
  readonly completion: string;
}

/** The task whose share of [0, 1) the place lies in. */
function taskAt(tasks: readonly RecipeTask[], place: number): RecipeTask {
  let left = place;
  for (const task of tasks) {
    left -= task.share;
    if (left < 0) return task;
  }
  return tasks.at(-1)!;
}

/** Sample number `index` of a stage. */
export function drawSample(
  recipe: Pick<TinyRecipe, 'seed' | 'tasks'>,
  stage: Pick<RecipeStage, 'name' | 'mixed'>,
  index: number,
  verifiers: ReadonlyMap<string, TaskVerifier>,
): Sample {
  const random = keyedRandom(recipe.seed, `tiny/${stage.name}`, index);
  const task = taskAt(recipe.tasks, random.uniform());
  const verifier = verifiers.get(task.verifier)!;
  const puzzle = verifier.generate({
    seed: recipe.seed + (stage.mixed ? 1 : 0),
    index,
    level: task.level ?? 'tiny',
    split: 'train',
  });
  const correct = !stage.mixed || random.uniform() < task.correctShare;
  const completion = correct
    ? verifier.gold(puzzle, 'compact')
    : verifier.decoy(puzzle, 'compact', random.integer(1 << 16));
  return { task: recipeTaskName(task), prompt: verifier.prompt(puzzle, 'compact'), completion };
}

/** The learning rate of step `step` of `steps`: a linear warm-up, then a cosine. */
export function learningRateAt(stage: RecipeStage, step: number, steps: number): number {
  if (step < stage.warmupSteps) return (stage.learningRate * (step + 1)) / stage.warmupSteps;
  const way = (step - stage.warmupSteps) / Math.max(1, steps - stage.warmupSteps);
  return stage.learningRate * (stage.finalShare + (1 - stage.finalShare) * 0.5 * (1 + Math.cos(Math.PI * way)));
}
