/**
 * The numbers of a step, held by their hash: two whole steps of some methods by the bare loop, from the shipped policy. Where they
 * change, runs under way must not go on in silence with other numbers: `engineRevision` is raised, and `train` then refuses or asks.
 *
 *     UPDATE_GOLDEN=1 node_modules/.bin/vitest run test/golden/engine.test.ts
 *
 * Bits belong to an engine (onnxruntime's version, Node's, the processor's instructions): there is a golden for each engine that one
 * was recorded on, and none is compared with another's.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineIdentity, engineRevision } from '@evenkeel/policy';
import { resolveRunConfig } from '@evenkeel/protocol';
import { expect, test } from 'vitest';
import { bareRun } from '../bench/bare-run.ts';
import { shippedVerifiers } from '../support/shipped-verifiers.ts';

interface EngineGolden {
  readonly revision: number;
  /** The weights' hash after the steps, by method. */
  readonly sha256: Readonly<Record<string, string>>;
}

interface GoldenFile {
  readonly generator: string;
  readonly source: string;
  readonly tolerance: string;
  readonly engines: Readonly<Record<string, EngineGolden>>;
}

/** One of each objective, planner and weighter that is not another one's. */
const METHODS = ['mt-grpo', 'grpo', 'dapo', 'sec-dapo'];
const path = join(import.meta.dirname, 'engine.golden.json');
const modelFolder = fileURLToPath(new URL('../../packages/policy/models/tiny', import.meta.url));
const known = [...shippedVerifiers.keys()].map((id) => ({ id, levels: ['tiny'] }));

function engineName(): string {
  const { onnxruntime, platform, instructions } = engineIdentity();
  return `onnxruntime ${onnxruntime}, node ${process.versions.node.split('.', 1)[0]}, ${platform}, ${instructions}`;
}

async function stepsOf(method: string, threads = 1): Promise<string> {
  const shape = { steps: 2, promptsPerStep: 6, groupSize: 4, threads, minibatches: 2, shardPrompts: 24 };
  const config = resolveRunConfig({ run: 'golden', method, tasks: [...shippedVerifiers.keys()], ...shape }, known);
  const { sha256 } = await bareRun({ config, modelFolder, verifiers: shippedVerifiers, evaluates: false });
  return sha256;
}

test('the numbers of a step are those of this revision of the engine', async ({ skip }) => {
  const file: GoldenFile = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : {
        generator: 'UPDATE_GOLDEN=1 node_modules/.bin/vitest run test/golden/engine.test.ts',
        source: 'two steps of each method by test/bench/bare-run.ts from packages/policy/models/tiny, seed 0',
        tolerance: 'none: hashes of the weights',
        engines: {},
      };
  const name = engineName();
  const golden = file.engines[name];
  const update = process.env.UPDATE_GOLDEN === '1';
  if (golden === undefined && !update) {
    skip(`No golden for this engine (${name}): UPDATE_GOLDEN=1 records one`);
    return;
  }
  const sha256: Record<string, string> = {};
  for (const method of METHODS) sha256[method] = await stepsOf(method);
  const changed = METHODS.filter((method) => golden?.sha256[method] !== sha256[method]);
  if (golden !== undefined && golden.revision === engineRevision) {
    expect(
      changed,
      `the numbers of these methods' steps changed under revision ${engineRevision}: where that is on purpose, raise engineRevision in packages/policy/src/engine-identity.ts, so that runs under way are refused instead of mixed, then renew this golden with UPDATE_GOLDEN=1`,
    ).toEqual([]);
    return;
  }
  expect(
    update,
    `the golden is of revision ${golden?.revision}, the engine of revision ${engineRevision}: renew it with UPDATE_GOLDEN=1`,
  ).toBe(true);
  const engines = { ...file.engines, [name]: { revision: engineRevision, sha256 } };
  writeFileSync(path, `${JSON.stringify({ ...file, engines }, null, 2)}\n`);
});

test('the number of threads changes no bit of a step', async () => {
  const one = await stepsOf('mt-grpo');
  for (const threads of [2, 3]) expect(await stepsOf('mt-grpo', threads)).toBe(one);
});
