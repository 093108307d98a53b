/**
 * LoRA: beside chosen projections W [out, in] stand A [rank, in] and B [out, rank], and the projection is
 * x·Wᵀ + (alpha / rank)·(x·Aᵀ)·Bᵀ. W does not move; A and B are what is trained.
 *
 * Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, section 4.1; names, layout and the first values
 * (A uniform as `kaiming_uniform_(a=√5)`, B zero) are PEFT's. Deviation: no dropout, so a step stays a function of its inputs. Each
 * tensor draws from a stream of its own name, as fresh weights do.
 */
import { keyedRandom } from '@evenkeel/core';
import { PolicyError } from './errors.ts';
import { type ModelConfig, type ParameterShape, parameterShapes } from './model-config.ts';
import { ParameterBuffer } from './parameter-buffer.ts';

/** The projections that may have an adapter, in a layer's order. */
export const loraTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

/** What is adapted, and how. */
export interface Lora {
  readonly rank: number;
  /** The product of the adapter counts alpha / rank times. */
  readonly alpha: number;
  /** Of `loraTargets`, each once; in every layer. */
  readonly targets: readonly string[];
}

/** Adapters with what they mean. */
export interface LoraAdapter {
  readonly lora: Lora;
  /** A and B of each adapted projection, in the order of `loraShapes`. */
  readonly parameters: ParameterBuffer;
}

/** alpha / rank. */
export const loraScale = ({ alpha, rank }: Pick<Lora, 'alpha' | 'rank'>): number => alpha / rank;

/** Name of an adapter's half beside its projection: `….q_proj.weight` to `….q_proj.lora_A.weight`. */
export const loraName = (weight: string, half: 'A' | 'B'): string => weight.replace(/weight$/, `lora_${half}.weight`);

/**
 * Refuses what no adapter can be made of.
 *
 * @throws {PolicyError} `lora-invalid`, naming the field
 */
export function checkLora({ rank, alpha, targets }: Lora): void {
  const refuse = (field: string, state: unknown, wish: string): never => {
    throw new PolicyError(`Cannot use LoRA: ${field} is ${state}, expected ${wish}`, { code: 'lora-invalid' });
  };
  if (!Number.isSafeInteger(rank) || rank < 1) refuse('rank', rank, 'a positive integer');
  if (!(alpha > 0 && Number.isFinite(alpha))) refuse('alpha', alpha, 'a finite number above 0');
  if (targets.length === 0) refuse('targets', 'empty', `at least one of ${loraTargets.join(', ')}`);
  for (const [index, target] of targets.entries()) {
    if (!loraTargets.some((known) => known === target))
      refuse(`targets[${index}]`, `"${target}"`, `one of ${loraTargets.join(', ')}`);
    if (targets.indexOf(target) !== index) refuse(`targets[${index}]`, `"${target}" again`, 'each once');
  }
}

/** The weights that are adapted, in canonical order: matrices [out, in]. */
function adaptedWeights(config: ModelConfig, { targets }: Lora): ParameterShape[] {
  return parameterShapes(config).filter(({ name }) => {
    const [, projection] = /\.(\w+)\.weight$/.exec(name) ?? [];
    return projection !== undefined && targets.includes(projection);
  });
}

/**
 * The adapters' parameters in canonical order: of each adapted projection A [rank, in], then B [out, rank].
 *
 * @throws {PolicyError} `lora-invalid`
 */
export function loraShapes(config: ModelConfig, lora: Lora): ParameterShape[] {
  checkLora(lora);
  return adaptedWeights(config, lora).flatMap(({ name, shape: [rows, columns] }) => [
    { name: loraName(name, 'A'), shape: [lora.rank, columns!] },
    { name: loraName(name, 'B'), shape: [rows!, lora.rank] },
  ]);
}

/** What training moves: the adapters where there are any, else every parameter. */
export function trainedShapes(config: ModelConfig, lora?: Lora): ParameterShape[] {
  return lora === undefined ? parameterShapes(config) : loraShapes(config, lora);
}

/**
 * Fresh adapters, which change nothing yet: A uniform in ±1 / √in, B zero.
 *
 * @param seed a safe integer ≥ 0
 * @throws {PolicyError} `lora-invalid`
 */
export function initialiseLora(config: ModelConfig, lora: Lora, seed: number): LoraAdapter {
  const parameters = new ParameterBuffer(loraShapes(config, lora));
  for (const { name, shape } of parameters.shapes) {
    if (!name.endsWith('lora_A.weight')) continue;
    const bound = 1 / Math.sqrt(shape[1]!);
    const random = keyedRandom(seed, `lora/${name}`);
    const view = parameters.get(name);
    for (let index = 0; index < view.length; index++) view[index] = bound * (2 * random.uniform() - 1);
  }
  return { lora, parameters };
}

/**
 * Adds the adapters into the weights, in place: W + (alpha / rank)·B·A. Each element is summed in float64 in the order of the ranks and
 * rounded to float32 once, so the result depends on neither threads nor machine.
 *
 * @param weights the base's; those that are adapted change
 */
export function mergeLora(weights: ParameterBuffer, { lora, parameters }: LoraAdapter): void {
  const scale = loraScale(lora);
  for (const { name, shape } of weights.shapes) {
    const b = parameters.views.get(loraName(name, 'B'));
    if (b === undefined) continue;
    const a = parameters.get(loraName(name, 'A'));
    const [rows, columns] = shape as [number, number];
    addProduct(weights.get(name), { a, b, rows, columns, rank: lora.rank, scale });
  }
}

interface Product {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly scale: number;
}

function addProduct(weight: Float32Array, { a, b, rows, columns, rank, scale }: Product): void {
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let column = 0; column < columns; column++) sums[column] = weight[start + column]!;
    for (let index = 0; index < rank; index++) {
      const factor = scale * b[row * rank + index]!;
      const from = index * columns;
      for (let column = 0; column < columns; column++) sums[column]! += factor * a[from + column]!;
    }
    weight.set(sums, start);
  }
}
