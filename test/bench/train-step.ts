/**
 * A whole training step beside TRL's: generate, score, update, on the same cores, with the same weights, prompts, rollouts, lengths and
 * loss (DAPO's, without a KL term), one minibatch and one optimizer step each. Both take turns in one run; each pair gives a ratio.
 *
 *     npm run bench train-step [-- --shape 0.99M,5.9M] [--groups 64,16] [--rollouts 8] [--pairs 5] [--threads 2] [--micro-batch 0] [--json]
 *
 * Prompts of 36 to 40 tokens, 32 new ones each. Before the first pair the two sides compare the log-probabilities of some sequences:
 * the model is the same on both. `--micro-batch` is TRL's sequences per forward pass; 0 tries some and takes the fastest. Makes its
 * virtual environment (`npm run bench peers`). Exits 1 where a ratio is below 3.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wholeNumber, wholeNumbers } from './arguments.ts';
import { benchPolicy, benchPrompts, saveBenchPolicy, shapeNamed } from './bench-policy.ts';
import { machine, warnIfBusy } from './machine.ts';
import { OurTrainer, type StepTimes } from './our-step.ts';
import { peerPython } from './peers/environment.ts';
import { Peer, type PeerTask, type PeerTurn } from './peers/peer.ts';
import { agreementOf, probeSequences } from './same-model.ts';
import { inTurns, spreadOf } from './side-by-side.ts';
import { textTable } from './text-table.ts';

const GOAL = 3;
const PROMPT_TOKENS = 38;
const NEW_TOKENS = 32;

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '0.99M,5.9M' },
    groups: { type: 'string', default: '64,16' },
    rollouts: { type: 'string', default: '8' },
    pairs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    'micro-batch': { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const BENCH = 'train-step';
const shapes = values.shape.split(',').map((name) => ({ name, config: shapeNamed(BENCH, name) }));
const sizes = wholeNumbers(BENCH, 'groups', values.groups);
const rollouts = wholeNumber(BENCH, 'rollouts', values.rollouts);
const pairs = wholeNumber(BENCH, 'pairs', values.pairs);
const threads = wholeNumber(BENCH, 'threads', values.threads);
const microBatch = values['micro-batch'] === '0' ? 0 : wholeNumber(BENCH, 'micro-batch', values['micro-batch']);

/** TRL's forward pass takes the whole batch, or a part: whichever is faster. */
async function fastestMicroBatch(python: string, task: PeerTask): Promise<number> {
  const size = task.prompts.length * task.rollouts;
  const choices = microBatch > 0 ? [microBatch] : [32, 128, size].filter((choice) => size % choice === 0);
  if (choices.length === 1) return choices[0]!;
  const times = new Map<number, number>();
  for (const choice of new Set(choices)) {
    const { peer } = await Peer.start(python, 'trl_step.py', { ...task, microBatch: choice });
    await peer.turn();
    times.set(choice, Math.min((await peer.turn()).seconds, (await peer.turn()).seconds));
    await peer.stop();
  }
  return [...times].sort(([, a], [, b]) => a - b)[0]![0];
}

const seconds = (value: number): string => value.toFixed(2);
const at = machine();
warnIfBusy(at);
const rows: string[][] = [];
let belowGoal = 0;
const python = await peerPython((line) => console.error(line)).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
for (const { name, config } of shapes) {
  const policy = benchPolicy(config);
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  try {
    await saveBenchPolicy(join(folder, 'model'), policy);
    for (const groups of sizes) {
      const prompts = benchPrompts(groups, PROMPT_TOKENS);
      const sequences = probeSequences(policy);
      const task: PeerTask = {
        ...{ folder: join(folder, 'model'), prompts, rollouts, newTokens: NEW_TOKENS, threads },
        sequences: sequences.map(({ tokens, promptLength }) => ({ tokens: [...tokens], promptLength })),
      };
      const theirMicroBatch = await fastestMicroBatch(python, task);
      const ours = new OurTrainer(policy, { prompts, rollouts, newTokens: NEW_TOKENS, engine: { threads } });
      const { peer, ready } = await Peer.start(python, 'trl_step.py', { ...task, microBatch: theirMicroBatch });
      const agreement = agreementOf(await ours.score(sequences), ready.logprobs);
      const expected = groups * rollouts * NEW_TOKENS;
      let turns: { readonly ours: StepTimes; readonly theirs: PeerTurn }[];
      try {
        turns = await inTurns(
          () => ours.step(),
          () => peer.turn(),
          { pairs, warmUp: 1 },
        );
      } finally {
        await peer.stop();
        await ours.dispose();
      }
      const odd = turns.find(({ theirs }) => theirs.tokens !== expected);
      if (odd !== undefined)
        throw new Error(`Cannot compare: TRL made ${odd.theirs.tokens} tokens in a step, expected ${expected}`);
      const ratio = spreadOf(turns.map((turn) => (turn.theirs.seconds * 1000) / turn.ours.wholeMs));
      const processor = spreadOf(turns.map((turn) => (turn.theirs.processorSeconds * 1000) / turn.ours.processorMs));
      const mine = spreadOf(turns.map((turn) => turn.ours.wholeMs / 1000));
      const theirs = spreadOf(turns.map((turn) => turn.theirs.seconds));
      const generate = {
        ours: spreadOf(turns.map((turn) => turn.ours.generateMs / 1000)),
        theirs: spreadOf(turns.map((turn) => turn.theirs.generateSeconds ?? 0)),
      };
      if (ratio.median < GOAL) belowGoal++;
      const result = {
        ...{ kind: 'result', machine: at, shape: name, parameters: ready.parameters, groups, rollouts, threads },
        ...{
          theirMicroBatch,
          ratio,
          processorRatio: processor,
          ours: mine,
          theirs,
          generate,
          agreement,
          versions: ready.versions,
        },
      };
      if (values.json) console.log(JSON.stringify(result));
      rows.push([
        `${name}, ${groups} × ${rollouts}`,
        `${seconds(mine.median)} (${seconds(generate.ours.median)})`,
        `${seconds(theirs.median)} (${seconds(generate.theirs.median)})`,
        `${(expected / mine.median / 1000).toFixed(1)} k`,
        `${(expected / theirs.median / 1000).toFixed(1)} k`,
        `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`,
        processor.median.toFixed(2),
      ]);
      if (!values.json) {
        const { torch, transformers, trl } = ready.versions;
        console.error(
          `${name}, ${groups} × ${rollouts}: ratio ${ratio.median.toFixed(2)}; TRL ${trl}, transformers ${transformers}, torch ${torch}, ` +
            `${theirMicroBatch} sequences a pass; log-probabilities agree within ${agreement.toExponential(1)}`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
if (!values.json) {
  console.log(`seconds a step (of which generating and scoring), medians of ${pairs} pairs, ${threads} threads each\n`);
  console.log(
    textTable(
      [
        'parameters, prompts × rollouts',
        'ours',
        'TRL',
        'tokens/s ours',
        'tokens/s TRL',
        `ratio (goal ${GOAL})`,
        'by processor time',
      ],
      rows,
    ),
  );
}
process.exitCode = belowGoal === 0 ? 0 : 1;
