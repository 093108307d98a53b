/**
 * Training beside the products of matrices that the same runtime does on this machine, in one run: the operations that the algorithm
 * needs (`training-flops.ts`, a group's prompt counted once) over the time that they take, against the rate of a product of 1024 ×
 * 1024 matrices and of the shapes that training has. What is lost stands in a table by operation, from onnxruntime's profiler.
 *
 *     npm run bench matmul [-- --shape 5.9M] [--groups 16] [--rollouts 8] [--repeats 5] [--threads 2] [--json]
 *
 * Prompts of 38 tokens, completions of 32. Exits 1 where training reaches less than 85 % of the rate.
 */
import { parseArgs } from 'node:util';
import { adamwStep, createAdamWState, ParameterBuffer, PolicyEngine } from '@evenkeel/policy';
import { wholeNumber } from './arguments.ts';
import { benchPolicy, randomBatch, shapeNamed } from './bench-policy.ts';
import { machine, warnIfBusy } from './machine.ts';
import { mergeRows, type OperationRow, operationHead, operationLines, operationRows } from './operation-table.ts';
import { ProductRate, squareProduct, trainingProducts } from './product-rate.ts';
import { watchSessions } from './session-profile.ts';
import { spreadOf } from './side-by-side.ts';
import { textTable } from './text-table.ts';
import { trainingFlops } from './training-flops.ts';

const GOAL = 0.85;
const BENCH = 'matmul';
const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '5.9M' },
    groups: { type: 'string', default: '16' },
    rollouts: { type: 'string', default: '8' },
    repeats: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const number = (name: 'groups' | 'rollouts' | 'repeats' | 'threads'): number => wholeNumber(BENCH, name, values[name]);
const [groups, rollouts, repeats, threads] = [
  number('groups'),
  number('rollouts'),
  number('repeats'),
  number('threads'),
];
const policy = benchPolicy(shapeNamed(BENCH, values.shape));
const size = { groups, rollouts, promptTokens: 38, completionTokens: 32 };
const batch = randomBatch(policy, size);
const lengths = Array.from({ length: groups }, () => ({
  promptTokens: size.promptTokens,
  completionTokens: Array.from({ length: rollouts }, () => size.completionTokens),
}));
const flops = trainingFlops(policy.config, lengths);
const plainFlops = trainingFlops(policy.config, lengths, false);

const host = machine();
warnIfBusy(host);
const engine = new PolicyEngine(policy.config, { threads });
engine.setParameters(policy.parameters.views);
const gradients = new ParameterBuffer(policy.config);
const adam = createAdamWState(policy.parameters.flat.length);

// First under the profiler, which also tells the shapes of the products and the options of the sessions.
const profiled = new PolicyEngine(policy.config, { threads });
profiled.setParameters(policy.parameters.views);
const PROFILED = 2;
const { sessions, options } = await watchSessions(async () => {
  for (let repeat = 0; repeat <= PROFILED; repeat++) await profiled.lossAndGradient(batch);
});
await profiled.dispose();
const operations: OperationRow[] = mergeRows(
  sessions.map((session) => operationRows(session, session.runs.length / (PROFILED + 1))),
);

const cube = squareProduct(1024);
const cubeRate = await ProductRate.create(cube, options);
const spinning = await ProductRate.create(cube, { ...options, extra: {} });
const shapes = await Promise.all(
  trainingProducts(sessions).map(async (product) => ({ product, rate: await ProductRate.create(product, options) })),
);

interface Round {
  readonly cube: number;
  readonly spinning: number;
  /** FLOP/s of the products that training has, each as often as it has it. */
  readonly shapes: number;
  readonly lossSeconds: number;
  readonly adamSeconds: number;
}

async function round(): Promise<Round> {
  const rates = { cube: await cubeRate.measure(), spinning: await spinning.measure() };
  gradients.flat.fill(0);
  const start = performance.now();
  await engine.lossAndGradient(batch, gradients);
  const lossEnd = performance.now();
  adamwStep(policy.parameters.flat, gradients.flat, adam, { learningRate: 0 });
  const adamEnd = performance.now();
  let [seconds, total] = [0, 0];
  for (const { product, rate } of shapes) {
    const operationsOfAll = product.flops * product.count;
    total += operationsOfAll;
    seconds += operationsOfAll / (await rate.measure());
  }
  return {
    ...rates,
    shapes: total / seconds,
    lossSeconds: (lossEnd - start) / 1000,
    adamSeconds: (adamEnd - lossEnd) / 1000,
  };
}

await round();
const rounds: Round[] = [];
for (let repeat = 0; repeat < repeats; repeat++) rounds.push(await round());
await engine.dispose();

const giga = 1e9;
const rateOf = (pick: (one: Round) => number) => spreadOf(rounds.map((one) => pick(one) / giga));
const training = rateOf(({ lossSeconds }) => flops / lossSeconds);
const withOptimizer = rateOf(({ lossSeconds, adamSeconds }) => flops / (lossSeconds + adamSeconds));
const best = rateOf((one) => Math.max(one.cube, one.spinning));
const share = spreadOf(rounds.map((one) => flops / one.lossSeconds / Math.max(one.cube, one.spinning)));
const shareOfShapes = spreadOf(rounds.map((one) => flops / one.lossSeconds / one.shapes));
const done = operations.reduce((sum, row) => sum + row.flops, 0) / PROFILED;
const result = {
  ...{
    kind: 'result',
    machine: host,
    shape: values.shape,
    groups,
    rollouts,
    threads,
    flops,
    plainFlops,
    doneFlops: done,
  },
  ...{ training, withOptimizer, share, shareOfShapes, cube: rateOf((one) => one.cube) },
  ...{ cubeSpinning: rateOf((one) => one.spinning), shapes: rateOf((one) => one.shapes) },
};
if (values.json) {
  for (const row of operations) console.log(JSON.stringify({ ...row, kind: 'operation' }));
  console.log(JSON.stringify(result));
} else {
  const line = (name: string, { median, least, most }: typeof training, digits = 0): string[] => [
    name,
    `${median.toFixed(digits)}`,
    `${least.toFixed(digits)} to ${most.toFixed(digits)}`,
  ];
  console.log(
    `${values.shape}, ${groups} × ${rollouts} rollouts of 38 + 32 tokens, ${threads} threads, ${repeats} rounds\n`,
  );
  console.log(
    textTable(
      ['GFLOP/s', 'median', 'least to most'],
      [
        line('MatMul 1024³, as the engine runs it', result.cube),
        line('MatMul 1024³, threads that spin', result.cubeSpinning),
        line("training's own products, alone", result.shapes),
        line('loss and gradient', training),
        line('loss, gradient and AdamW', withOptimizer),
        line('share of the faster MatMul 1024³', share, 3),
        line("share of training's own products", shareOfShapes, 3),
      ],
    ),
  );
  const of = (value: number): string => (value / giga).toFixed(1);
  console.log(
    `\nGFLOP of a step: needed ${of(flops)} (${of(plainFlops)} with each prompt computed ${rollouts} times), done ${of(done)}`,
  );
  console.log('\nby operation, under the profiler\n');
  console.log(textTable(operationHead, operationLines(operations, PROFILED)));
}
process.exitCode = share.median >= GOAL && best.median > 0 ? 0 : 1;
