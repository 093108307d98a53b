import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import {
  initialiseParameters,
  type ModelConfig,
  ParameterBuffer,
  PolicyEngine,
  parameterShapes,
  type TrainingSequence,
  tinyModelConfig,
} from '@evenkeel/policy';
import type { BatchRow } from '@evenkeel/store';
import { afterAll, describe, expect, test } from 'vitest';
import { type DiscriminativeForm, discriminate, discriminativeBatch, scoreOf } from './discriminative.ts';
import { taskObjectives } from './task-objectives.ts';

const form: DiscriminativeForm = {
  ...{ kind: 'discriminative', score: 'log-likelihood', negatives: 'log-mean-exp' },
  ...{ temperature: 0.5, klBound: 1e-4, klPenalty: 1e3 },
};

describe('discriminate()', () => {
  // Two right answers and two wrong ones, as disco has their shares.
  const group = [
    { share: 0.5, score: -1 },
    { share: 0.5, score: -2 },
    { share: -0.5, score: -1 },
    { share: -0.5, score: -3 },
  ];

  test('is DisCO worked out by hand: mean of the right, less τ log mean exp of the wrong', () => {
    // exp(-1/.5) = .135335, exp(-3/.5) = .002479; mean .068907, log −2.674996; times τ −1.3374986.
    const { value, derivatives_G } = discriminate(group, form);
    expect(value).toBeCloseTo(-1.5 + 1.3374986, 6);
    // Softmax of −2 and −6: .982014 and .017986.
    expect(derivatives_G.map((d) => d.toFixed(6))).toEqual(['0.500000', '0.500000', '-0.982014', '-0.017986']);
  });

  test('is DisCO-b with the mean: all wrong answers alike', () => {
    const { value, derivatives_G } = discriminate(group, { ...form, negatives: 'mean' });
    expect(value).toBeCloseTo(-1.5 + 2, 12);
    expect(derivatives_G).toEqual([0.5, 0.5, -0.5, -0.5]);
  });

  test('is DRPO with shares by brevity', () => {
    const { value } = discriminate([{ share: 0.9, score: -1 }, { share: 0.1, score: -2 }, ...group.slice(2)], form);
    expect(value).toBeCloseTo(-1.1 + 1.3374986, 6);
  });

  test('comes near the worst of the wrong at a small temperature, and near their mean at a large one', () => {
    const at = (temperature: number) => discriminate(group, { ...form, temperature }).value;
    expect(at(1e-3)).toBeCloseTo(-1.5 + 1, 2);
    expect(at(1e4)).toBeCloseTo(-1.5 + 2, 3);
  });
});

test('scoreOf() is a mean over the completion, of log π or of the ratio', () => {
  const [now, old] = [Float32Array.of(-1, -2), Float32Array.of(-1, -2 - Math.log(3))];
  expect(scoreOf(now, old, form)).toBeCloseTo(-1.5, 6);
  expect(scoreOf(now, old, { score: 'ratio' })).toBeCloseTo((1 + 3) / 2, 5);
});

test("a task's objective is the mean over its groups, before and after", () => {
  const row = (task: string, group: string, advantage: number, logprobs: number[]): BatchRow => ({
    ...{ task, group, advantage, promptTokens: new Int32Array(2), tokens: new Int32Array(logprobs.length) },
    ...{ logprobs: Float32Array.from(logprobs), reward: 0, minibatch: 0 },
  });
  const rows = [
    row('arc', 'a', 1, [-1, -2]),
    row('arc', 'a', -1, [-3]),
    row('arc', 'b', 1, [-4]),
    row('arc', 'b', -1, [-4]),
  ];
  const objective: ObjectiveSpec = {
    ...{ ratio: 'token', clipLow: 0.2, clipHigh: 0.2, aggregation: 'sequence-mean', kl: { kind: 'none' } },
    form,
  };
  expect(taskObjectives(rows, null, objective)).toEqual({ arc: (1.5 + 0) / 2 });
  const after = [[-1, -1], [-3], [-4], [-5]].map((values) => Float32Array.from(values));
  expect(taskObjectives(rows, after, objective)).toEqual({ arc: (2 + 1) / 2 });
});

describe.each([
  ['log-likelihood', 'log-mean-exp', 1],
  ['ratio', 'log-mean-exp', 2],
  ['log-likelihood', 'mean', 3],
] as const)('discriminativeBatch() by %s, %s, on shapes drawn by seed %i', (score, negatives, seed) => {
  const random = keyedRandom(seed, 'test/shape');
  const layers = 1 + random.integer(2);
  const config: ModelConfig = {
    ...{ ...tinyModelConfig, vocab_size: 9 + random.integer(8), hidden_size: 16 },
    ...{ intermediate_size: 24, num_hidden_layers: layers, max_position_embeddings: 32 },
  };
  const shape = { seed, layers, standardDeviation: 0.4 };
  const weights = new ParameterBuffer(config, initialiseParameters(parameterShapes(config), shape));
  // Small micro-batches: a group lies in several of them.
  const engine = new PolicyEngine(config, { tokensPerRun: 48 });
  engine.setParameters(weights.views);
  afterAll(() => engine.dispose());
  const here: DiscriminativeForm = { ...form, score, negatives, klBound: 0.05, klPenalty: 0.7 };
  const groups = ['a', 'b', 'a', 'a', 'b', 'a', 'b'];
  const shares = [0.5, 1, -0.5, 0.5, -0.5, -0.5, -0.5];

  test('its gradient is that of the loss, the constraint as a squared hinge, by central differences', async () => {
    const sequences = shares.map((advantage): TrainingSequence => {
      const length = 4 + random.integer(20);
      const promptLength = 1 + random.integer(length - 2);
      const tokens = Int32Array.from({ length }, () => random.integer(config.vocab_size));
      return { tokens, promptLength, advantage, oldLogprobs: new Float32Array(length - promptLength).fill(-2.5) };
    });
    // −J + β/2 · max(KL − δ, 0)²: its gradient is the one with the factor held constant. Written without what is tested.
    const wanted = async (): Promise<number> => {
      const logprobs = await engine.score(sequences);
      const scores = sequences.map(({ oldLogprobs }, i) => scoreOf(logprobs[i]!, oldLogprobs!, here));
      let gain = 0;
      for (const name of ['a', 'b']) {
        const of = (sign: number) => scores.filter((_, i) => groups[i] === name && sign * shares[i]! > 0);
        const mean = (values: number[]) => values.reduce((x, y) => x + y, 0) / values.length;
        const wrong = of(-1);
        gain += mean(of(1));
        gain -=
          negatives === 'mean'
            ? mean(wrong)
            : here.temperature * Math.log(mean(wrong.map((s) => Math.exp(s / here.temperature))));
      }
      const changes = logprobs.flatMap((row, i) => Array.from(row, (lp, t) => lp - sequences[i]!.oldLogprobs![t]!));
      const kl = changes.reduce((total, d) => total + Math.exp(d) - d - 1, 0) / changes.length;
      expect(kl).toBeGreaterThan(here.klBound);
      return -gain / 2 + (here.klPenalty / 2) * Math.max(kl - here.klBound, 0) ** 2;
    };
    const prepared = await discriminativeBatch(engine, sequences, groups, here);
    expect(prepared.normaliser).toBe(2);
    const spec: ObjectiveSpec = {
      ...{ ratio: 'token', clipLow: 0.2, clipHigh: 0.2, aggregation: 'sequence-mean', kl: { kind: 'none' } },
      form: here,
    };
    const { gradients } = await engine.lossAndGradient({
      objective: { kind: 'policy-gradient', spec },
      ...{ sequences: prepared.sequences, normaliser: prepared.normaliser },
    });
    for (const [tensor, view] of weights.views) {
      const start = Float32Array.from(view);
      const direction = Float32Array.from(view, () => random.normal() / Math.sqrt(view.length));
      const step = 4e-3;
      const at = async (distance: number) => {
        for (let i = 0; i < view.length; i++) view[i] = start[i]! + distance * direction[i]!;
        return await wanted();
      };
      const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
      view.set(start);
      const analytic = gradients.get(tensor).reduce((total, value, i) => total + value * direction[i]!, 0);
      expect(Math.abs(analytic - numeric), tensor).toBeLessThan(4e-3 * (1 + Math.abs(numeric)));
    }
  });
});
