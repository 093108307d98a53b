/**
 * Decoding beside transformers' `generate`, as TRL calls it: the same weights, prompts, samples, cores, and lengths forced equal, in turns.
 * Then ours alone with lengths that differ: a finished sequence makes room at once, so tokens per second hardly fall.
 *
 *     npm run bench decode [-- --cases 0.99M:64x8,5.9M:16x8] [--pairs 5] [--threads 2] [--json]
 *
 * A case is parameters, prompts × samples: the batch is their product. Prompts of 36 to 40 tokens, 32 new ones. Exits 1 where a ratio is
 * below 4. Makes its virtual environment (`npm run bench peers`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keyedRandom } from '@evenkeel/core';
import { PolicyEngine } from '@evenkeel/policy';
import { wholeNumber } from './arguments.ts';
import { type BenchPolicy, benchPolicy, benchPrompts, saveBenchPolicy, shapeNamed } from './bench-policy.ts';
import { machine, warnIfBusy } from './machine.ts';
import { sampling } from './our-step.ts';
import { peerPython } from './peers/environment.ts';
import { Peer } from './peers/peer.ts';
import { agreementOf, probeSequences } from './same-model.ts';
import { inTurns, spreadOf } from './side-by-side.ts';
import { textTable } from './text-table.ts';

const GOAL = 4;
const BENCH = 'decode';
const PROMPT_TOKENS = 38;
const NEW_TOKENS = 32;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '0.99M:64x8,5.9M:16x8' },
    pairs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const pairs = wholeNumber(BENCH, 'pairs', values.pairs);
const threads = wholeNumber(BENCH, 'threads', values.threads);
const cases = values.cases.split(',').map((text) => {
  const [name = '', size = ''] = text.split(':');
  const [groups = '', samples = ''] = size.split('x');
  return {
    ...{ name, config: shapeNamed(BENCH, name) },
    ...{ groups: wholeNumber(BENCH, 'cases', groups), samples: wholeNumber(BENCH, 'cases', samples) },
  };
});

/** Our side: one batch a turn, texts to tokens included. */
function decoder({ config, parameters, tokenizer }: BenchPolicy, prompts: readonly string[], samples: number) {
  const engine = new PolicyEngine(config, { threads });
  engine.setParameters(parameters.views);
  let turn = 0;
  const generate = async (stopTokens: readonly number[], newTokens: number) => {
    const [start, processor] = [performance.now(), process.cpuUsage()];
    const encoded = prompts.map((text) => tokenizer.encode(text));
    const completions = await engine.generate(encoded, { ...sampling(samples, newTokens, turn++), stopTokens });
    const lengths = completions.flat().map(({ tokens }) => tokens.length);
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    const { user, system } = process.cpuUsage(processor);
    return { tokens, lengths, seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 };
  };
  return { engine, generate };
}

/** Tokens that end a completion with a chance of about `share` each, where all tokens are about as likely. */
function someTokens(vocabulary: number, share: number): number[] {
  return Array.from({ length: vocabulary }, (_, token) => token).filter(
    (token) => keyedRandom(5, 'bench/stop', token).uniform() < share,
  );
}

const python = await peerPython((line) => console.error(line)).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
const host = machine();
warnIfBusy(host);
const rows: string[][] = [];
const unequal: string[][] = [];
let belowGoal = 0;
for (const { name, config, groups, samples } of cases) {
  const policy = benchPolicy(config);
  const prompts = benchPrompts(groups, PROMPT_TOKENS);
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  const { engine, generate } = decoder(policy, prompts, samples);
  try {
    await saveBenchPolicy(join(folder, 'model'), policy);
    const sequences = probeSequences(policy);
    const { peer, ready } = await Peer.start(python, 'generate.py', {
      ...{ folder: join(folder, 'model'), prompts, rollouts: samples, newTokens: NEW_TOKENS, threads },
      sequences: sequences.map(({ tokens, promptLength }) => ({ tokens: [...tokens], promptLength })),
    });
    const agreement = agreementOf(await engine.score(sequences), ready.logprobs);
    const expected = groups * samples * NEW_TOKENS;
    const turns = await inTurns(
      () => generate([], NEW_TOKENS),
      () => peer.turn(),
      { pairs, warmUp: 1 },
    ).finally(() => peer.stop());
    for (const { ours, theirs } of turns) {
      if (ours.tokens === expected && theirs.tokens === expected) continue;
      throw new Error(`Cannot compare: ${ours.tokens} tokens here, ${theirs.tokens} there, expected ${expected} each`);
    }
    const ratio = spreadOf(turns.map(({ ours, theirs }) => theirs.seconds / ours.seconds));
    const [mine, theirs] = [
      spreadOf(turns.map((turn) => turn.ours.tokens / turn.ours.seconds)),
      spreadOf(turns.map((turn) => turn.theirs.tokens / turn.theirs.seconds)),
    ];
    const processor = spreadOf(turns.map((turn) => turn.theirs.processorSeconds / turn.ours.processorSeconds));
    if (ratio.median < GOAL) belowGoal++;

    // Lengths that differ, beside the equal ones, in turns as well: 5 % of the tokens end a completion.
    const stop = someTokens(config.vocab_size, 0.05);
    const mixed = await inTurns(
      () => generate(stop, NEW_TOKENS),
      () => generate([], NEW_TOKENS),
      { pairs, warmUp: 1 },
    );
    const rate = (side: 'ours' | 'theirs') => spreadOf(mixed.map((turn) => turn[side].tokens / turn[side].seconds));
    const [ofUnequal, ofEqual] = [rate('ours'), rate('theirs')];
    const lengths = mixed.flatMap(({ ours }) => ours.lengths);
    const meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    // Where the batch waits for its longest, it decodes as many rows as with equal lengths.
    const waiting = (ofEqual.median * meanLength) / Math.max(...lengths);

    const at = { machine: host, shape: name, parameters: ready.parameters, prompts: groups, samples, threads };
    if (values.json) {
      console.log(
        JSON.stringify({
          kind: 'equal',
          ...at,
          ratio,
          processorRatio: processor,
          ours: mine,
          theirs,
          agreement,
          versions: ready.versions,
        }),
      );
      console.log(
        JSON.stringify({ kind: 'unequal', ...at, meanLength, unequal: ofUnequal, equal: ofEqual, ifItWaited: waiting }),
      );
    }
    const kilo = (value: number): string => `${(value / 1000).toFixed(1)} k`;
    rows.push([
      `${name}, batch ${groups * samples}`,
      kilo(mine.median),
      kilo(theirs.median),
      `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`,
      processor.median.toFixed(2),
    ]);
    unequal.push([
      `${name}, batch ${groups * samples}`,
      meanLength.toFixed(1),
      kilo(ofUnequal.median),
      kilo(ofEqual.median),
      (ofUnequal.median / ofEqual.median).toFixed(2),
      kilo(waiting),
    ]);
    if (!values.json) {
      const { torch, transformers } = ready.versions;
      console.error(
        `${name}: transformers ${transformers}, torch ${torch}; log-probabilities agree within ${agreement.toExponential(1)}`,
      );
    }
  } finally {
    await engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
if (!values.json) {
  console.log(
    `completion tokens per second, medians of ${pairs} pairs, ${threads} threads each, ${NEW_TOKENS} tokens forced\n`,
  );
  console.log(textTable(['parameters', 'ours', 'generate', `ratio (goal ${GOAL})`, 'by processor time'], rows));
  console.log('\nours with lengths that differ\n');
  console.log(
    textTable(['parameters', 'mean length', 'differing', 'equal', 'of equal', 'if the batch waited'], unequal),
  );
}
process.exitCode = belowGoal === 0 ? 0 : 1;
