/**
 * The keys and values of the sequences that decode together, owned here and read by the step graph in place. Layout per
 * layer: [row, key head, position, element]. A run never returns a cache: it returns the new rows, and `append` writes
 * them in.
 */
import { layerNames } from './decode-graph.ts';
import { headSize, type ModelConfig } from './model-config.ts';
import type { TensorData } from './session.ts';

/** Added to a score that may not be seen: exp of it is exactly 0. */
const HIDDEN = -1e30;

export class KeyValueCache {
  readonly positions: number;
  readonly #heads: number;
  readonly #size: number;
  readonly #layers: { readonly keys: Float32Array; readonly values: Float32Array }[];
  readonly #mask: Float32Array;
  readonly #lengths: Int32Array;

  /**
   * Room for `rows` sequences of `positions` tokens.
   *
   * @param previous a cache of the same model that is no longer used: its memory is taken over where it is large enough.
   *   What stood in it is never seen, because a row's mask hides what has not been written.
   */
  constructor(config: ModelConfig, rows: number, positions: number, previous?: KeyValueCache) {
    this.positions = positions;
    this.#heads = config.num_key_value_heads;
    this.#size = headSize(config);
    const elements = rows * this.#heads * positions * this.#size;
    const enough = previous !== undefined && previous.#layers[0]!.keys.length >= elements;
    this.#layers = enough
      ? previous.#layers
      : Array.from({ length: config.num_hidden_layers }, () => ({
          keys: new Float32Array(elements),
          values: new Float32Array(elements),
        }));
    this.#mask = new Float32Array(rows * (positions + 1));
    this.#lengths = new Int32Array(rows);
    for (let row = 0; row < rows; row++) this.#setLength(row, 0);
  }

  /** Tokens that a row holds. */
  lengthOf(row: number): number {
    return this.#lengths[row]!;
  }

  /**
   * Fills a row with a prompt.
   *
   * @param results a prefill's outputs for prompts padded to `padded` positions
   * @param source the prompt's row in them
   */
  fill(row: number, results: ReadonlyMap<string, Float32Array>, source: number, padded: number, length: number): void {
    for (const [target, part] of this.#pairs(results)) {
      for (let head = 0; head < this.#heads; head++) {
        const from = (source * this.#heads + head) * padded * this.#size;
        target.set(part.subarray(from, from + length * this.#size), this.#offset(row, head));
      }
    }
    this.#setLength(row, length);
  }

  /** Appends a step's new token to each of the first `rows` rows. */
  append(rows: number, results: ReadonlyMap<string, Float32Array>): void {
    const size = this.#size;
    for (const [target, part] of this.#pairs(results)) {
      for (let row = 0; row < rows; row++) {
        for (let head = 0; head < this.#heads; head++) {
          const from = (row * this.#heads + head) * size;
          const to = this.#offset(row, head) + this.#lengths[row]! * size;
          for (let element = 0; element < size; element++) target[to + element] = part[from + element]!;
        }
      }
    }
    for (let row = 0; row < rows; row++) {
      this.#mask[row * (this.positions + 1) + this.#lengths[row]!] = 0;
      this.#lengths[row]!++;
    }
  }

  /** Copies one row over another: how a finished sequence's place is taken by the last one. */
  move(from: number, to: number): void {
    if (from === to) return;
    const count = this.#lengths[from]! * this.#size;
    for (const { keys, values } of this.#layers) {
      for (let head = 0; head < this.#heads; head++) {
        const start = this.#offset(from, head);
        keys.copyWithin(this.#offset(to, head), start, start + count);
        values.copyWithin(this.#offset(to, head), start, start + count);
      }
    }
    this.#setLength(to, this.#lengths[from]!);
  }

  /** The step graph's inputs for the first `batch` rows, as views. */
  inputs(batch: number): [string, TensorData][] {
    const elements = batch * this.#heads * this.positions * this.#size;
    const inputs: [string, TensorData][] = [['mask', this.#mask.subarray(0, batch * (this.positions + 1))]];
    for (const [layer, { keys, values }] of this.#layers.entries()) {
      const names = layerNames(layer);
      inputs.push([names.cachedKeys, keys.subarray(0, elements)], [names.cachedValues, values.subarray(0, elements)]);
    }
    return inputs;
  }

  *#pairs(results: ReadonlyMap<string, Float32Array>): Generator<[Float32Array, Float32Array]> {
    for (const [layer, { keys, values }] of this.#layers.entries()) {
      yield [keys, results.get(layerNames(layer).keys)!];
      yield [values, results.get(layerNames(layer).values)!];
    }
  }

  #offset(row: number, head: number): number {
    return (row * this.#heads + head) * this.positions * this.#size;
  }

  #setLength(row: number, length: number): void {
    const start = row * (this.positions + 1);
    this.#mask.fill(0, start, start + length);
    this.#mask.fill(HIDDEN, start + length, start + this.positions);
    this.#mask[start + this.positions] = 0;
    this.#lengths[row] = length;
  }
}
