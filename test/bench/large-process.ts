/**
 * The process whose memory `large.ts` measures: loads the folder, does its roles one after the other, and says of each how long it
 * took and what the peak was.
 *
 *     large-process.ts FOLDER '{"roles": ["score", "decode", "train"], "work": {…}, "threads": 2}'
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectiveSpec, objectives } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import {
  adamwStateParts,
  adamwStep,
  createAdamWState,
  decayRanges,
  estimateMemory,
  importModel,
  loadModelDirectory,
  loadPolicy,
  type MemoryEstimate,
  type MemoryRole,
  ParameterBuffer,
  PolicyEngine,
  type PolicyWork,
  putPolicy,
  readAdamWState,
  type TrainingSequence,
} from '@evenkeel/policy';
import { openFolderStore } from '@evenkeel/store';
import { forgetPeak, peakBytes } from './peak-memory.ts';

/** `keep`: weights and moments into a store and back. */
export type LargeRole = MemoryRole | 'keep';

export interface LargeOrder {
  readonly roles: readonly LargeRole[];
  readonly work: PolicyWork;
  readonly threads: number;
}

/** What was seen of one phase. */
export interface LargeMeasured {
  readonly phase: 'load' | LargeRole;
  readonly seconds: number;
  readonly peakBytes: number;
  readonly estimate: MemoryEstimate | null;
  /** What came out, in words. */
  readonly result: string;
}

const STREAM = 'bench/large';
const objective = { kind: 'policy-gradient', spec: objectives.grpo as ObjectiveSpec } as const;
const [folder, text] = process.argv.slice(2) as [string, string];
const { roles, work, threads } = JSON.parse(text) as LargeOrder;

async function measured(phase: LargeMeasured['phase'], run: () => Promise<string>): Promise<void> {
  forgetPeak();
  const start = performance.now();
  const result = await run();
  const seconds = (performance.now() - start) / 1000;
  const estimate =
    phase === 'load' || phase === 'keep' ? null : estimateMemory(model!.config, phase, { ...work, objective });
  console.log(JSON.stringify({ phase, seconds, peakBytes: peakBytes(), estimate, result } satisfies LargeMeasured));
}

let model: Awaited<ReturnType<typeof loadModelDirectory>> | undefined;
await measured('load', async () => {
  model = await loadModelDirectory(folder);
  return `${model.parameters.flat.length} parameters`;
});
const { config, parameters } = model!;

const { tokensPerRun, decodeBatch } = work;
const engine = new PolicyEngine(config, {
  threads,
  ...(tokensPerRun === undefined ? {} : { tokensPerRun }),
  ...(decodeBatch === undefined ? {} : { decodeBatch }),
});
engine.setParameters(parameters.views);

const prompts = Array.from({ length: work.prompts }, (_, prompt) => {
  const random = keyedRandom(1, `${STREAM}/prompts`, prompt);
  return Int32Array.from({ length: work.promptLength }, () => Math.floor(config.vocab_size * random.uniform()));
});

/** Completions that nobody sampled, for the roles that need some. */
function sequences(): TrainingSequence[] {
  return prompts.flatMap((prompt, index) =>
    Array.from({ length: work.samplesPerPrompt }, (_, sample) => {
      const random = keyedRandom(1, `${STREAM}/completions`, index, sample);
      const tokens = new Int32Array(work.promptLength + work.completionLength);
      tokens.set(prompt);
      for (let at = work.promptLength; at < tokens.length; at++) {
        tokens[at] = Math.floor(config.vocab_size * random.uniform());
      }
      return { tokens, promptLength: work.promptLength };
    }),
  );
}

const phases: Readonly<Record<LargeRole, () => Promise<string>>> = {
  score: async () => {
    const logprobs = await engine.score(sequences());
    const mean = logprobs.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0) / row.length, 0) / logprobs.length;
    return `mean log-probability ${mean.toFixed(3)}, at random ${(-Math.log(config.vocab_size)).toFixed(3)}`;
  },

  decode: async () => {
    const completions = await engine.generate(prompts, {
      ...{
        samplesPerPrompt: work.samplesPerPrompt,
        maxNewTokens: work.completionLength,
        temperature: 1,
        stopTokens: [],
      },
      uniform: (prompt, sample, position) => keyedRandom(1, `${STREAM}/draws`, prompt, sample, position).uniform(),
    });
    return `${completions.flat().reduce((sum, { tokens }) => sum + tokens.length, 0)} tokens`;
  },

  train: async () => {
    const all = sequences();
    const oldLogprobs = await engine.score(all);
    const batch = all.map((sequence, index) => ({
      ...sequence,
      ...{ advantage: index % 2 === 0 ? 1 : -1, oldLogprobs: oldLogprobs[index]! },
    }));
    const adam = createAdamWState(parameters.flat.length);
    const gradients = new ParameterBuffer(config);
    const norms: number[] = [];
    for (let step = 0; step < 2; step++) {
      gradients.flat.fill(0);
      await engine.lossAndGradient({ objective, sequences: batch }, gradients);
      const options = { learningRate: 1e-4, maxGradientNorm: 1, decayRanges: decayRanges(parameters.shapes) };
      norms.push(adamwStep(parameters.flat, gradients.flat, adam, options).gradientNorm);
    }
    return `2 steps, gradient norms ${norms.map((norm) => norm.toPrecision(4)).join(', ')}`;
  },

  keep: async () => {
    const place = await mkdtemp(join(tmpdir(), 'evenkeel-large-store-'));
    const store = await openFolderStore(place);
    try {
      const policy = await importModel(store, folder);
      const { architecture } = await loadPolicy(store, policy);
      const again = await putPolicy(store, architecture, parameters.flat);
      const adam = createAdamWState(parameters.flat.length);
      adam.m.fill(0.5);
      const moments = await store.put('optimizer', adamwStateParts(adam));
      const size = parameters.flat.length;
      const read = await readAdamWState(moments.bytes, size, (into) => store.getInto(moments, into));
      return `policy ${policy.bytes} and ${again.bytes} bytes, moments ${moments.bytes} bytes, read back ${read.m[size - 1]}`;
    } finally {
      await store.close();
      await rm(place, { recursive: true });
    }
  },
};

for (const role of roles) await measured(role, phases[role]);
await engine.dispose();
