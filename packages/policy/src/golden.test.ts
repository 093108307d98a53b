import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfigJson } from './config-json.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine } from './policy-engine.ts';
import { readWeights, WEIGHTS_FILE } from './weights.ts';

interface GoldenSequence {
  readonly prompt: readonly number[];
  readonly completion: readonly number[];
  readonly logprobs: readonly number[];
  readonly oldLogprobs: readonly number[];
  readonly refLogprobs: readonly number[];
  readonly advantage: number;
  /** Of the last positions; of all in the older files. */
  readonly logits: string;
}

interface Golden {
  readonly tolerance: { readonly logits: number; readonly loss: number; readonly gradients: number };
  readonly files: Readonly<Record<string, string>>;
  /** Of model.safetensors, or of each file. */
  readonly weights: string | Readonly<Record<string, string>>;
  readonly batch: readonly GoldenSequence[];
  readonly objectives: readonly {
    readonly spec: ObjectiveSpec;
    readonly loss: number;
    readonly gradientNorms: Readonly<Record<string, number>>;
    readonly gradients?: Readonly<Record<string, string>>;
  }[];
}

const norm = (values: Float32Array): number => Math.hypot(...values);
const floats = (base64: string): Float32Array => new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);

/** ‖ours − theirs‖ by ‖theirs‖. */
function relativeError(ours: Float32Array, theirs: Float32Array): number {
  expect(ours.length).toBe(theirs.length);
  return norm(ours.map((value, index) => value - theirs[index]!)) / norm(theirs);
}

function logSoftmax(logits: Float32Array): Float32Array {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  return logits.map((logit) => logit - top - Math.log(total));
}

const MODELS = [
  'qwen2',
  'qwen2-untied',
  'family-qwen2-tied',
  'family-qwen2-untied',
  'family-qwen3',
  'family-qwen3-bias',
  'family-llama3',
  'family-llama-linear',
];

describe.each(MODELS)('the %s model of transformers', (name) => {
  const golden: Golden = JSON.parse(
    readFileSync(new URL(`../../../test/golden/policy-${name}.golden.json`, import.meta.url), 'utf8'),
  );
  const config = readConfigJson(JSON.parse(golden.files['config.json']!));
  const parameters = new ParameterBuffer(config);
  const engine = new PolicyEngine(config);
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-golden-'));

  beforeAll(async () => {
    const weights = typeof golden.weights === 'string' ? { [WEIGHTS_FILE]: golden.weights } : golden.weights;
    for (const [file, base64] of Object.entries(weights))
      writeFileSync(join(folder, file), Buffer.from(base64, 'base64'));
    for (const [file, text] of Object.entries(golden.files)) writeFileSync(join(folder, file), text);
    await readWeights(folder, parameters);
    engine.setParameters(parameters.views);
  });
  afterAll(async () => {
    await engine.dispose();
    rmSync(folder, { recursive: true });
  });

  test('gives the same log-probabilities of completions', async () => {
    const sequences = golden.batch.map(({ prompt, completion }) => ({
      tokens: Int32Array.of(...prompt, ...completion),
      promptLength: prompt.length,
    }));
    const scores = await engine.score(sequences);
    for (const [index, { logprobs }] of golden.batch.entries()) {
      expect(relativeError(scores[index]!, Float32Array.from(logprobs))).toBeLessThan(golden.tolerance.logits);
    }
  });

  test('gives the same distribution over the whole vocabulary at each position', async () => {
    const { prompt, completion, logits } = golden.batch[0]!;
    const tokens = [...prompt, ...completion];
    const vocabulary = config.vocab_size;
    const given = floats(logits);
    const first = tokens.length - given.length / vocabulary;
    expect(given.length).toBeGreaterThan(0);
    for (let position = first; position < tokens.length; position++) {
      const scores = await engine.score(
        Array.from({ length: vocabulary }, (_, next) => ({
          tokens: Int32Array.of(...tokens.slice(0, position + 1), next),
          promptLength: position + 1,
        })),
      );
      const theirs = logSoftmax(given.subarray((position - first) * vocabulary, (position - first + 1) * vocabulary));
      expect(
        relativeError(
          Float32Array.from(scores, (score) => score[0]!),
          theirs,
        ),
      ).toBeLessThan(golden.tolerance.logits);
    }
  });

  test('decodes with the log-probabilities that scoring gives', async () => {
    const prompts = golden.batch.map(({ prompt }) => Int32Array.from(prompt));
    const completions = await engine.generate(prompts, {
      samplesPerPrompt: 2,
      maxNewTokens: 9,
      temperature: 1,
      stopTokens: [],
      uniform: (prompt, sample, position) => keyedRandom(1, `draw/${prompt}/${sample}/${position}`).uniform(),
    });
    const drawn = completions.flatMap((group, prompt) => group.map((completion) => ({ ...completion, prompt })));
    const scores = await engine.score(
      drawn.map(({ prompt, tokens }) => ({
        tokens: Int32Array.of(...prompts[prompt]!, ...tokens),
        promptLength: prompts[prompt]!.length,
      })),
    );
    for (const [index, { logprobs }] of drawn.entries()) {
      expect(logprobs).toHaveLength(9);
      expect(relativeError(logprobs, scores[index]!)).toBeLessThan(1e-5);
    }
  });

  test.each(golden.objectives)(
    'gives the same loss and gradient: $spec.aggregation, KL $spec.kl.kind',
    async (entry) => {
      const result = await engine.lossAndGradient({
        objective: { kind: 'policy-gradient', spec: entry.spec },
        sequences: golden.batch.map(({ prompt, completion, advantage, oldLogprobs, refLogprobs }) => ({
          tokens: Int32Array.of(...prompt, ...completion),
          promptLength: prompt.length,
          advantage,
          oldLogprobs: Float32Array.from(oldLogprobs),
          ...(entry.spec.kl.kind === 'none' ? {} : { referenceLogprobs: Float32Array.from(refLogprobs) }),
        })),
      });
      expect(Math.abs(result.loss - entry.loss)).toBeLessThan(golden.tolerance.loss);
      // Against the whole gradient's norm: a key bias moves all of a row's scores alike, so its own gradient is rounding alone.
      const whole = Math.hypot(...Object.values(entry.gradientNorms));
      const { gradients } = golden.tolerance;
      for (const [tensor, expected] of Object.entries(entry.gradientNorms)) {
        const ours = result.gradients.get(tensor);
        expect(Math.abs(norm(ours) - expected)).toBeLessThan(gradients * expected + 1e-6 * whole);
        const theirs = entry.gradients?.[tensor];
        if (theirs === undefined) continue;
        const difference = norm(ours.map((value, index) => value - floats(theirs)[index]!));
        expect(difference).toBeLessThan(gradients * expected + 1e-6 * whole);
      }
    },
  );
});
