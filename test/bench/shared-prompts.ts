/**
 * What it gains to compute a group's prompt once: the same number of sequences of the same lengths, with a prompt per group and with one
 * of its own for each sequence, in turns. Sampling, scoring, and the loss with its gradient. And that it is the same mathematics: the
 * gradient of a batch of groups beside the sum over its sequences, each in a call of its own, where nothing can be shared.
 *
 *     npm run bench shared-prompts [-- --shape 0.99M] [--groups 16] [--rollouts 8] [--prompt-tokens 38,152] [--pairs 3] [--threads 2] [--json]
 */
import { parseArgs } from 'node:util';
import { ParameterBuffer, PolicyEngine, type TrainingBatch } from '@evenkeel/policy';
import { wholeNumber, wholeNumbers } from './arguments.ts';
import { benchPolicy, benchPrompts, randomBatch, shapeNamed } from './bench-policy.ts';
import { sampling } from './our-step.ts';
import { inTurns, spreadOf } from './side-by-side.ts';
import { textTable } from './text-table.ts';

const BENCH = 'shared-prompts';
const NEW_TOKENS = 32;
/** The gradient may differ by rounding alone. */
const TOLERANCE = 1e-4;
const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '0.99M' },
    groups: { type: 'string', default: '16' },
    rollouts: { type: 'string', default: '8' },
    'prompt-tokens': { type: 'string', default: '38,152' },
    pairs: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const number = (name: 'groups' | 'rollouts' | 'pairs' | 'threads'): number => wholeNumber(BENCH, name, values[name]);
const [groups, rollouts, pairs, threads] = [number('groups'), number('rollouts'), number('pairs'), number('threads')];
const policy = benchPolicy({ ...shapeNamed(BENCH, values.shape), max_position_embeddings: 512 });

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** ‖a − b‖ / ‖b‖. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (const [index, value] of b.entries()) {
    difference += (a[index]! - value) ** 2;
    norm += value ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** The gradient of some groups in one call, beside that of their sequences one by one. */
async function gradientDifference(engine: PolicyEngine, batch: TrainingBatch): Promise<number> {
  const normaliser = batch.sequences.length * NEW_TOKENS;
  const together = await engine.lossAndGradient({ ...batch, normaliser });
  const apart = new ParameterBuffer(policy.config);
  for (const sequence of batch.sequences) {
    await engine.lossAndGradient({ ...batch, sequences: [sequence], normaliser }, apart);
  }
  return relativeDifference(together.gradients.flat, apart.flat);
}

const rows: string[][] = [];
let largest = 0;
for (const promptTokens of wholeNumbers(BENCH, 'prompt-tokens', values['prompt-tokens'])) {
  const engine = new PolicyEngine(policy.config, { threads });
  engine.setParameters(policy.parameters.views);
  const size = { promptTokens, completionTokens: NEW_TOKENS };
  const shared = randomBatch(policy, { ...size, groups, rollouts });
  const apart = randomBatch(policy, { ...size, groups: groups * rollouts, rollouts: 1 });
  const prompts = (count: number) => benchPrompts(count, promptTokens, 0).map((text) => policy.tokenizer.encode(text));
  const [few, many] = [prompts(groups), prompts(groups * rollouts)];
  const works = {
    sampling: [
      () => engine.generate(few, sampling(rollouts, NEW_TOKENS, 0)),
      () => engine.generate(many, sampling(1, NEW_TOKENS, 0)),
    ],
    scoring: [() => engine.score(shared.sequences), () => engine.score(apart.sequences)],
    'loss and gradient': [() => engine.lossAndGradient(shared), () => engine.lossAndGradient(apart)],
  } as const;
  for (const [work, [once, each]] of Object.entries(works)) {
    const turns = await inTurns(
      () => milliseconds(once),
      () => milliseconds(each),
      { pairs, warmUp: 1 },
    );
    const gain = spreadOf(turns.map(({ ours, theirs }) => theirs / ours));
    const [onceMs, eachMs] = [spreadOf(turns.map(({ ours }) => ours)), spreadOf(turns.map(({ theirs }) => theirs))];
    if (values.json) console.log(JSON.stringify({ kind: 'gain', work, promptTokens, gain, onceMs, eachMs }));
    rows.push([
      `${work}, prompts of ${promptTokens}`,
      onceMs.median.toFixed(0),
      eachMs.median.toFixed(0),
      `${gain.median.toFixed(2)} (${gain.least.toFixed(2)} to ${gain.most.toFixed(2)})`,
    ]);
  }
  const twoGroups = randomBatch(policy, { ...size, groups: 2, rollouts });
  const difference = await gradientDifference(engine, twoGroups);
  largest = Math.max(largest, difference);
  if (values.json) console.log(JSON.stringify({ kind: 'difference', promptTokens, difference }));
  await engine.dispose();
}
if (!values.json) {
  console.log(`${values.shape}, ${groups} × ${rollouts} sequences with ${NEW_TOKENS} new tokens, ${threads} threads\n`);
  console.log(textTable(['ms', 'prompt per group', 'prompt per sequence', 'gain'], rows));
  console.log(`\ngradient of groups beside that of their sequences alone: ${largest.toExponential(1)} relative`);
}
process.exitCode = largest <= TOLERANCE ? 0 : 1;
