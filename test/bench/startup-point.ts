/** One start of the engine in a fresh process, for `startup`: says what it took as one line of JSON. */

import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadModelDirectory, PolicyEngine } from '@evenkeel/policy';
import { batchOf, benchPrompts } from './bench-policy.ts';
import { sampling } from './our-step.ts';
import { engineRuntime } from './session-profile.ts';

/** What a start took, in ms. */
export interface Started {
  /** From the start of the process until the policy is loaded. */
  readonly loadMs: number;
  /** Sessions made, their graphs' building not included. */
  readonly sessionMs: number;
  readonly sessions: number;
  /** First and second. */
  readonly generateMs: readonly [number, number];
  readonly updateMs: readonly [number, number];
}

const MODEL = '../../packages/policy/models/tiny';
const PROMPTS_OF = [15, 32, 79];
const GROUPS = 64;
const ROLLOUTS = 8;
const NEW_TOKENS = 16;

async function start(threads: number): Promise<Started> {
  const model = await loadModelDirectory(join(import.meta.dirname, MODEL));
  const engine = new PolicyEngine(model.config, { threads });
  engine.setParameters(model.parameters.views);
  const loadMs = performance.now();

  const { InferenceSession } = engineRuntime();
  const create = InferenceSession.create;
  const counted = { sessions: 0, ms: 0 };
  InferenceSession.create = async (bytes, options) => {
    const from = performance.now();
    const session = await create.call(InferenceSession, bytes, options);
    counted.ms += performance.now() - from;
    counted.sessions++;
    return session;
  };

  const prompts = Array.from({ length: GROUPS }, (_, index) => {
    const text = benchPrompts(index + 1, PROMPTS_OF[index % PROMPTS_OF.length]!)[index]!;
    return model.tokenizer.encode(text);
  });
  const timed = async <T>(work: () => Promise<T>): Promise<readonly [number, T]> => {
    const from = performance.now();
    const value = await work();
    return [performance.now() - from, value];
  };
  const generate = () => timed(() => engine.generate(prompts, sampling(ROLLOUTS, NEW_TOKENS, 0)));
  const [firstGenerate, completions] = await generate();
  const [secondGenerate] = await generate();
  const batch = batchOf(prompts, completions);
  const [firstUpdate] = await timed(() => engine.lossAndGradient(batch));
  const [secondUpdate] = await timed(() => engine.lossAndGradient(batch));
  await engine.dispose();
  return {
    ...{ loadMs, sessionMs: counted.ms, sessions: counted.sessions },
    ...{ generateMs: [firstGenerate, secondGenerate], updateMs: [firstUpdate, secondUpdate] },
  };
}

if (import.meta.main) console.log(JSON.stringify(await start(Number(process.argv[2]))));
