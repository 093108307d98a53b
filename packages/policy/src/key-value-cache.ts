/**
 * The keys and values of the sequences that decode together, owned here and read by the step graph in place. Each seat holds a
 * prompt, once, and slots in which completions of it are written, each as long as it has got. A run never returns a cache: it
 * returns the new rows, and `append` writes them in.
 *
 * Layout per layer: prompts [seat, key head, position, element]; own keys [seat, key head, slot, element, position], own values
 * [seat, key head, slot, position, element].
 */
import { layerNames, type StepShape } from './decode-graph.ts';
import { headSize, type ModelConfig } from './model-config.ts';
import type { TensorData } from './session.ts';
import { HIDDEN } from './training-inputs.ts';

type Results = ReadonlyMap<string, Float32Array>;

interface LayerCache {
  readonly promptKeys: Float32Array;
  readonly promptValues: Float32Array;
  readonly ownKeys: Float32Array;
  readonly ownValues: Float32Array;
}

/** A prompt among a prefill's outputs. */
export interface PrefilledPrompt {
  readonly results: Results;
  /** Its row in them, and the positions that each row was padded to. */
  readonly row: number;
  readonly padded: number;
  /** Its tokens. */
  readonly length: number;
}

/** Positions of a completion that there is room for at first; the room doubles when it is used up. */
const FIRST_ROOM = 16;

export class KeyValueCache {
  readonly #config: ModelConfig;
  readonly #most: number;
  #shape: StepShape;
  #layers: readonly LayerCache[];
  #mask: Float32Array;
  readonly #promptLengths: Int32Array;
  readonly #ownLengths: Int32Array;

  /**
   * Room for prompts of `promptLength` tokens at most.
   *
   * @param most positions of a completion that will ever be cached, 1 at least
   */
  constructor(config: ModelConfig, shape: Omit<StepShape, 'cached'>, most: number) {
    this.#config = config;
    this.#most = most;
    this.#shape = { ...shape, cached: Math.min(FIRST_ROOM, most) };
    this.#promptLengths = new Int32Array(shape.prompts);
    this.#ownLengths = new Int32Array(shape.prompts * shape.slots);
    const { heads, size } = this.#sizes();
    const prompts = (): Float32Array => new Float32Array(shape.prompts * heads * shape.promptLength * size);
    this.#layers = Array.from({ length: config.num_hidden_layers }, () => ({
      ...{ promptKeys: prompts(), promptValues: prompts() },
      ...{ ownKeys: this.#ownRoom(), ownValues: this.#ownRoom() },
    }));
    this.#mask = this.#freshMask();
  }

  /** Positions of a completion that there is room for now. */
  get cached(): number {
    return this.#shape.cached;
  }

  /** The next position of what is written in a slot. */
  positionOf(seat: number, slot: number): number {
    return this.#promptLengths[seat]! + this.#ownLengths[seat * this.#shape.slots + slot]!;
  }

  /** Seats a prompt; its slots begin anew. */
  fill(seat: number, { results, row, padded, length }: PrefilledPrompt): void {
    const { promptLength, slots } = this.#shape;
    const { heads, size } = this.#sizes();
    for (const [layer, { promptKeys, promptValues }] of this.#layers.entries()) {
      const names = layerNames(layer);
      const pairs = [
        [promptKeys, results.get(names.keys)!],
        [promptValues, results.get(names.values)!],
      ] as const;
      for (const [target, source] of pairs) {
        for (let head = 0; head < heads; head++) {
          const from = (row * heads + head) * padded * size;
          target.set(source.subarray(from, from + length * size), (seat * heads + head) * promptLength * size);
        }
      }
    }
    this.#promptLengths[seat] = length;
    for (let slot = 0; slot < slots; slot++) this.begin(seat, slot);
  }

  /** Begins a completion in a slot: what was written there is seen no more. */
  begin(seat: number, slot: number): void {
    this.#ownLengths[seat * this.#shape.slots + slot] = 0;
    this.#maskSlot(seat, slot);
  }

  /** Writes a step's new token into each of these slots. */
  append(results: Results, places: readonly { readonly seat: number; readonly slot: number }[]): void {
    const { slots, promptLength } = this.#shape;
    const lengths = this.#ownLengths;
    if (places.some(({ seat, slot }) => lengths[seat * slots + slot] === this.cached)) this.#grow();
    const { heads, size } = this.#sizes();
    const room = this.cached;
    for (const [layer, { ownKeys, ownValues }] of this.#layers.entries()) {
      const names = layerNames(layer);
      const keys = results.get(names.keys)!;
      const values = results.get(names.values)!;
      for (const { seat, slot } of places) {
        const position = lengths[seat * slots + slot]!;
        for (let head = 0; head < heads; head++) {
          const place = (seat * heads + head) * slots + slot;
          const from = place * size;
          const toKeys = place * size * room + position;
          const toValues = (place * room + position) * size;
          for (let element = 0; element < size; element++) {
            ownKeys[toKeys + element * room] = keys[from + element]!;
            ownValues[toValues + element] = values[from + element]!;
          }
        }
      }
    }
    for (const { seat, slot } of places) {
      const row = seat * slots + slot;
      this.#mask[row * this.#maskWidth() + promptLength + lengths[row]!] = 0;
      lengths[row]!++;
    }
  }

  /** Moves a seat over another: how the place of a prompt that is done is taken by the last one. */
  move(from: number, to: number): void {
    if (from === to) return;
    const tables = [this.#promptLengths, this.#ownLengths, this.#mask];
    for (const array of [...tables, ...this.#layers.flatMap((layer) => Object.values(layer) as Float32Array[])]) {
      const each = array.length / this.#shape.prompts;
      array.copyWithin(to * each, from * each, (from + 1) * each);
    }
    for (let slot = 0; slot < this.#shape.slots; slot++) this.begin(from, slot);
  }

  /** The step graph's inputs for the first `prompts` seats, as views. */
  inputs(prompts: number): [string, TensorData][] {
    const share = (array: Float32Array): Float32Array =>
      array.subarray(0, (array.length / this.#shape.prompts) * prompts);
    const inputs: [string, TensorData][] = [['mask', share(this.#mask)]];
    for (const [layer, { promptKeys, promptValues, ownKeys, ownValues }] of this.#layers.entries()) {
      const names = layerNames(layer);
      inputs.push([names.promptKeys, share(promptKeys)], [names.promptValues, share(promptValues)]);
      inputs.push([names.ownKeys, share(ownKeys)], [names.ownValues, share(ownValues)]);
    }
    return inputs;
  }

  #sizes(): { readonly heads: number; readonly size: number } {
    return { heads: this.#config.num_key_value_heads, size: headSize(this.#config) };
  }

  #maskWidth(): number {
    return this.#shape.promptLength + this.cached + 1;
  }

  #ownRoom(): Float32Array {
    const { prompts, slots, cached } = this.#shape;
    const { heads, size } = this.#sizes();
    return new Float32Array(prompts * heads * slots * cached * size);
  }

  #freshMask(): Float32Array {
    const { prompts, slots } = this.#shape;
    this.#mask = new Float32Array(prompts * slots * this.#maskWidth());
    for (let seat = 0; seat < prompts; seat++) for (let slot = 0; slot < slots; slot++) this.#maskSlot(seat, slot);
    return this.#mask;
  }

  #maskSlot(seat: number, slot: number): void {
    const row = seat * this.#shape.slots + slot;
    const start = row * this.#maskWidth();
    const own = start + this.#shape.promptLength;
    this.#mask.fill(HIDDEN, start, own + this.cached);
    this.#mask.fill(0, start, start + this.#promptLengths[seat]!);
    this.#mask.fill(0, own, own + this.#ownLengths[row]!);
  }

  /** Twice the room for completions. */
  #grow(): void {
    const before = this.cached;
    this.#shape = { ...this.#shape, cached: Math.min(2 * before, this.#most) };
    const { size } = this.#sizes();
    /** Rows of `before · each` elements to the beginnings of rows of `cached · each`. */
    const spread = (old: Float32Array, each: number): Float32Array => {
      const array = this.#ownRoom();
      for (let row = 0; row * before * each < old.length; row++) {
        array.set(old.subarray(row * before * each, (row + 1) * before * each), row * this.cached * each);
      }
      return array;
    };
    this.#layers = this.#layers.map((layer) => ({
      ...layer,
      ownKeys: spread(layer.ownKeys, 1),
      ownValues: spread(layer.ownValues, size),
    }));
    this.#freshMask();
  }
}
