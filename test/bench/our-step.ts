/**
 * A training step of the engine as the workers do it, without anything around: texts to tokens, completions, texts again, rewards,
 * advantages, loss with gradient, AdamW. One minibatch and one optimizer step, as the peers have it.
 */
import { keyedRandom } from '@evenkeel/core';
import {
  adamwStep,
  type Completion,
  createAdamWState,
  decayRanges,
  type GenerateOptions,
  ParameterBuffer,
  PolicyEngine,
  type PolicyEngineOptions,
} from '@evenkeel/policy';
import { type BenchPolicy, batchOf } from './bench-policy.ts';

export interface OurStepOptions {
  readonly prompts: readonly string[];
  readonly rollouts: number;
  readonly newTokens: number;
  readonly engine: PolicyEngineOptions;
}

/** Times of one step, in ms. */
export interface StepTimes {
  readonly generateMs: number;
  readonly updateMs: number;
  readonly wholeMs: number;
  /** Processor time of all threads. */
  readonly processorMs: number;
  readonly loss: number;
}

/** Draws as the rollout worker makes them, all completions of one length. */
export function sampling(samplesPerPrompt: number, maxNewTokens: number, step: number): GenerateOptions {
  return {
    ...{ samplesPerPrompt, maxNewTokens, temperature: 1, stopTokens: [] },
    uniform: (prompt, sample, position) => keyedRandom(7, `bench/rollout/${step}`, prompt, sample, position).uniform(),
  };
}

/** A trainer with its own copy of the weights, step by step. */
export class OurTrainer {
  readonly #policy: BenchPolicy;
  readonly #options: OurStepOptions;
  readonly #engine: PolicyEngine;
  readonly #weights: ParameterBuffer;
  readonly #gradients: ParameterBuffer;
  readonly #adam: ReturnType<typeof createAdamWState>;
  #steps = 0;

  constructor(policy: BenchPolicy, options: OurStepOptions) {
    this.#policy = policy;
    this.#options = options;
    this.#engine = new PolicyEngine(policy.config, options.engine);
    this.#weights = new ParameterBuffer(policy.config, policy.parameters.flat.slice());
    this.#gradients = new ParameterBuffer(policy.config);
    this.#adam = createAdamWState(this.#weights.flat.length);
    this.#engine.setParameters(this.#weights.views);
  }

  async step(): Promise<StepTimes> {
    const { prompts: texts, rollouts, newTokens } = this.#options;
    const { tokenizer } = this.#policy;
    const [start, processor] = [performance.now(), process.cpuUsage()];
    const prompts = texts.map((text) => tokenizer.encode(text));
    const completions = await this.#engine.generate(prompts, sampling(rollouts, newTokens, this.#steps++));
    for (const { tokens } of completions.flat()) tokenizer.decode(tokens, { skipSpecial: true });
    const generated = performance.now();
    const loss = await this.#update(prompts, completions);
    const end = performance.now();
    const { user, system } = process.cpuUsage(processor);
    const processorMs = (user + system) / 1000;
    return { generateMs: generated - start, updateMs: end - generated, wholeMs: end - start, processorMs, loss };
  }

  async #update(prompts: readonly Int32Array[], completions: readonly (readonly Completion[])[]): Promise<number> {
    this.#gradients.flat.fill(0);
    const { loss } = await this.#engine.lossAndGradient(batchOf(prompts, completions), this.#gradients);
    adamwStep(this.#weights.flat, this.#gradients.flat, this.#adam, {
      ...{ learningRate: 1e-6, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: 1, weightDecay: 0 },
      decayRanges: decayRanges(this.#weights.shapes),
    });
    return loss;
  }

  /** Natural log-probabilities of completions under the weights as they are. */
  async score(sequences: readonly { readonly tokens: Int32Array; readonly promptLength: number }[]) {
    return await this.#engine.score(sequences);
  }

  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }
}
