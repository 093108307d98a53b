import type { Graph } from '@evenkeel/graph';
import type { ModelConfig } from './model-config.ts';
import type { TensorData } from './session.ts';
export interface Completion {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly finish: 'stop' | 'length';
}
export interface GenerateOptions {
  readonly samplesPerPrompt: number;
}
export interface GenerateContext {
  config: ModelConfig;
  decodeBatch: number;
  tokensPerRun: number;
  run(
    key: string,
    graph: () => Graph,
    inputs: ReadonlyMap<string, TensorData>,
  ): Promise<ReadonlyMap<string, Float32Array>>;
}
export async function generateCompletions(
  _p: readonly Int32Array[],
  _o: GenerateOptions,
  _c: GenerateContext,
): Promise<Completion[][]> {
  throw new Error('later');
}
