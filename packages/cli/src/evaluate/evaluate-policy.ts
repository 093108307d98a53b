/**
 * A policy evaluated in this process: sampled, and scored in the verifiers' verifiers. The same prompts, settings and draws as a
 * run's evaluation, so the same counts.
 */
import { keyedRandom } from '@evenkeel/core';
import { type GenerateProgress, type ModelDirectory, PolicyEngine } from '@evenkeel/policy';
import type { EvaluationPrompt, Verifiers } from './evaluation-prompts.ts';

export interface PolicySettings {
  readonly samplesPerPrompt: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly maxNewTokens: number;
  /** Of the draws; a run's evaluations use the one of their puzzles. */
  readonly seed: number;
  readonly threads: number;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

/** One task's counts. */
export interface TaskCount {
  readonly task: string;
  readonly correct: number;
  readonly formatted: number;
  /** Completions that got a verdict. */
  readonly total: number;
  /** Completions of which the verifier said nothing. */
  readonly abstained: number;
  /** Completions on which the verifier failed: no figure counts them. */
  readonly failed: number;
}

export interface EvaluatedPolicy {
  readonly tasks: readonly TaskCount[];
  readonly completionTokens: number;
}

/** The name of a run's evaluation draws, in `@evenkeel/activities`. */
const STREAM = 'evaluate';

/** @throws {PolicyError} `sequence-invalid` for a prompt that the model cannot hold */
export async function evaluatePolicy(
  model: ModelDirectory,
  prompts: readonly EvaluationPrompt[],
  settings: PolicySettings,
  verifiers: Verifiers,
): Promise<EvaluatedPolicy> {
  const { samplesPerPrompt, temperature, maxNewTokens, seed, threads, onProgress } = settings;
  const engine = new PolicyEngine(model.config, { threads });
  try {
    engine.setParameters(model.parameters.views);
    const samples = await engine.generate(
      prompts.map(({ prompt }) => model.tokenizer.encodePrompt(prompt)),
      {
        samplesPerPrompt,
        maxNewTokens,
        temperature,
        stopTokens: model.tokens.eosTokenIds,
        uniform: (prompt, sample, position) => keyedRandom(seed, STREAM, prompt, sample, position).uniform(),
        ...(onProgress === undefined ? {} : { onProgress }),
      },
    );
    const answers = samples.flatMap((completions, place) =>
      completions.map(({ tokens }) => ({
        ...prompts[place]!,
        completion: model.tokenizer.decode(tokens, { skipSpecial: true }),
      })),
    );
    const completionTokens = samples.flat().reduce((sum, { tokens }) => sum + tokens.length, 0);
    return { tasks: await countVerdicts(answers, verifiers), completionTokens };
  } finally {
    await engine.dispose();
  }
}

async function countVerdicts(
  answers: readonly (EvaluationPrompt & { readonly completion: string })[],
  verifiers: Verifiers,
): Promise<TaskCount[]> {
  const byTask = Map.groupBy(answers, ({ task }) => task);
  const counted = [...byTask].map(async ([task, own]): Promise<TaskCount> => {
    const count = { task, correct: 0, formatted: 0, total: 0, abstained: 0, failed: 0 };
    const byVerifier = Map.groupBy(own, ({ verifier }) => verifier);
    for (const [verifier, rows] of byVerifier) {
      for (const verdict of await verifiers.get(verifier)!.score(rows)) {
        if (verdict.kind !== 'scored') {
          count[verdict.kind]++;
          continue;
        }
        count.total++;
        if (verdict.correct) count.correct++;
        if (verdict.formatted) count.formatted++;
      }
    }
    return count;
  });
  return await Promise.all(counted);
}
