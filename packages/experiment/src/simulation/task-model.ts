/**
 * A task as the methods meet it, without a policy: a learning curve and the share of prompts that yield no gradient.
 *
 * A prompt has a difficulty d ~ N(0, 1); a rollout of it is correct with the chance `ceiling · σ(skill − spread · d)`. Where the spread is
 * large, most prompts are always right or always wrong. Each group that is trained on moves the task's skill by `rate`. Tasks do not
 * help or hinder each other: what is left is the question whom a method gives its budget to.
 */
import { exponential } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';

export interface TaskModel {
  readonly name: string;
  /** Skill before training: 0 is half the ceiling. */
  readonly start: number;
  /** Skill gained by a group that is trained on. */
  readonly rate: number;
  /** Accuracy that training cannot pass, in [0, 1]; 0 is a task that cannot be learned. */
  readonly ceiling: number;
  /** Standard deviation of the prompts' difficulty. */
  readonly spread: number;
}

/** The chance of a correct rollout of a prompt. */
export function chanceOf({ ceiling, spread }: TaskModel, skill: number, difficulty: number): number {
  return ceiling / (1 + exponential(spread * difficulty - skill));
}

/** Normal quantiles at (i + ½) / 16: the difficulties over which an accuracy is the mean. */
const DIFFICULTIES = [
  -1.863, -1.318, -1.01, -0.776, -0.579, -0.402, -0.237, -0.078, 0.078, 0.237, 0.402, 0.579, 0.776, 1.01, 1.318, 1.863,
];

/** The accuracy that an evaluation would find. */
export function accuracyAt(task: TaskModel, skill: number): number {
  const sum = DIFFICULTIES.reduce((total, difficulty) => total + chanceOf(task, skill, difficulty), 0);
  return sum / DIFFICULTIES.length;
}

/**
 * K tasks that differ: starts from rarely right to half right, rates over a factor of ten. The first three of a seed are the first three
 * whatever K is.
 */
export function taskModels(count: number, seed: number): TaskModel[] {
  return Array.from({ length: count }, (_, k) => {
    const random = keyedRandom(seed, 'simulation/task', k);
    return {
      name: `task-${k}`,
      start: -3.5 + 3.5 * random.uniform(),
      rate: 0.004 * exponential(2.3 * random.uniform()),
      ceiling: 0.95,
      spread: 1 + 2 * random.uniform(),
    };
  });
}
