/**
 * One row of the tables of `cost`: a process of its own, so that its memory is its own. Takes what to run as JSON, says what it
 * measured as one line of JSON.
 */
import { type ModelConfig, parameterCount, tinyModelConfig } from '@evenkeel/policy';
import { benchPolicy, benchPrompts } from './bench-policy.ts';
import { median } from './median.ts';
import { OurTrainer } from './our-step.ts';

/** What a row is measured at. */
export interface CostPoint {
  /** Fields of the model that differ from the tiny policy's. */
  readonly model: Partial<ModelConfig>;
  readonly groups: number;
  readonly rollouts: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly threads: number;
  readonly repeats: number;
}

/** What was measured: medians over the repeats, and the most memory that the process had. */
export interface CostMeasured {
  readonly parameters: number;
  readonly generateMs: number;
  readonly updateMs: number;
  readonly wholeMs: number;
  readonly firstMs: number;
  readonly memoryMb: number;
}

async function measure(point: CostPoint): Promise<CostMeasured> {
  const config = { ...tinyModelConfig, ...point.model } as ModelConfig;
  const trainer = new OurTrainer(benchPolicy(config), {
    prompts: benchPrompts(point.groups, point.promptTokens),
    ...{ rollouts: point.rollouts, newTokens: point.newTokens, engine: { threads: point.threads } },
  });
  const first = await trainer.step();
  const steps = [];
  for (let repeat = 0; repeat < point.repeats; repeat++) steps.push(await trainer.step());
  await trainer.dispose();
  return {
    parameters: parameterCount(config),
    generateMs: median(steps.map(({ generateMs }) => generateMs)),
    updateMs: median(steps.map(({ updateMs }) => updateMs)),
    wholeMs: median(steps.map(({ wholeMs }) => wholeMs)),
    firstMs: first.wholeMs,
    memoryMb: process.resourceUsage().maxRSS / 1024,
  };
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as CostPoint)));
