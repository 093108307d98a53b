import { methods, type ObjectiveSpec } from '@evenkeel/algorithms';
import {
  type Architecture,
  createAdamWState,
  initialiseParameters,
  type ModelConfig,
  ParameterBuffer,
  PolicyEngine,
  parameterShapes,
  probeDevice,
  tinyModelConfig,
} from '@evenkeel/policy';
import type { UpdateJob } from '@evenkeel/protocol';
import type { BatchRow } from '@evenkeel/store';
import { describe, expect, test } from 'vitest';
import { updatePolicy } from './update.ts';

const config: ModelConfig = {
  ...tinyModelConfig,
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
};
const ref = { kind: 'policy', sha256: '0'.repeat(64), bytes: 0 };

const row = (minibatch: number, advantage: number, tokens: number[]): BatchRow => ({
  ...{ task: 'one', group: `g${minibatch}`, reward: +(advantage > 0), minibatch, advantage },
  ...{ promptTokens: Int32Array.of(7, 8, 9), tokens: Int32Array.from(tokens) },
  logprobs: new Float32Array(tokens.length).fill(-3.7),
});
const rows = [row(0, 1, [1, 2]), row(0, -1, [3]), row(1, 0.5, [5, 6, 7]), row(1, -0.5, [8])];

function start(): ParameterBuffer {
  const how = { seed: 1, layers: 1, standardDeviation: 0.3 };
  return new ParameterBuffer(config, initialiseParameters(parameterShapes(config), how));
}

async function updated(device: 'cpu' | 'webgpu', objective: ObjectiveSpec) {
  const optimizer = { learningRate: 1e-3, betas: [0.9, 0.99] as [number, number], epsilon: 1e-8 };
  const job: UpdateJob = {
    ...{ kind: 'update', run: 'r', step: 0, policy: ref, base: ref, checkpoint: null, redo: [], batch: ref },
    ...{ minibatches: 2, optimizer: { ...optimizer, weightDecay: 0.1, maxGradientNorm: 1 }, objective },
    ...{ reference: null, improvement: false, checkpointAfter: false },
  };
  const parameters = start();
  const adam = createAdamWState(parameters.flat.length);
  const memory = {
    run: 'r',
    lineage: '',
    policy: ref,
    architecture: { ref, config } as Architecture,
    parameters,
    adam,
  };
  const engine = new PolicyEngine(config, { device });
  const metrics = await updatePolicy(memory, job, rows, { engine, reference: null, onMinibatch: () => {} });
  await engine.dispose();
  return { weights: parameters.flat, adam, metrics };
}

// The provider is tried in a process of its own: without an adapter it may take the process with it.
const probe = await probeDevice('webgpu');
describe.skipIf(!probe.there)(
  `an update on WebGPU (${probe.there ? 'on an adapter' : `skipped: ${probe.reason}`})`,
  () => {
    test.each(['mt-grpo', 'disco'])(
      'moves weights and moments as the CPU does, %s',
      async (name) => {
        const { objective } = methods[name]!;
        const [cpu, gpu] = [await updated('cpu', objective), await updated('webgpu', objective)];
        expect(Math.abs(gpu.metrics.loss - cpu.metrics.loss)).toBeLessThan(1e-5 * (1 + Math.abs(cpu.metrics.loss)));
        expect(gpu.metrics.gradientNorm / cpu.metrics.gradientNorm).toBeCloseTo(1, 4);
        expect(gpu.adam.step).toBe(2);
        const before = start().flat;
        const moved = Math.hypot(...cpu.weights.map((value, index) => value - before[index]!));
        const apart = Math.hypot(...cpu.weights.map((value, index) => value - gpu.weights[index]!));
        expect(moved).toBeGreaterThan(0);
        expect(apart / moved).toBeLessThan(0.01);
      },
      120_000,
    );
  },
);
