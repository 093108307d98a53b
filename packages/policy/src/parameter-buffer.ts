/**
 * Parameters, or gradients, as one flat array with a named view per tensor. Optimizers and hashes work on the whole; the
 * graphs take the views, without a copy.
 */
import { sizeOf } from '@evenkeel/graph';
import { PolicyError } from './errors.ts';
import { type ModelConfig, type ParameterShape, parameterShapes } from './model-config.ts';

/** Tensors by their Hugging Face names, in canonical order, row-major. */
export type Parameters = ReadonlyMap<string, Float32Array>;

export class ParameterBuffer {
  /** Every element, in canonical order. */
  readonly flat: Float32Array;
  readonly shapes: readonly ParameterShape[];
  /** Views into `flat`. */
  readonly views: Parameters;

  /**
   * @param model whose parameters these are, or the shapes themselves: of adapters, for instance
   * @param flat the elements to look at; fresh zeros by default
   * @throws {PolicyError} `parameters-invalid` if `flat` has another number of elements than the model
   */
  constructor(model: ModelConfig | readonly ParameterShape[], flat?: Float32Array) {
    this.shapes = 'model_type' in model ? parameterShapes(model) : model;
    const size = this.shapes.reduce((total, { shape }) => total + sizeOf(shape), 0);
    if (flat !== undefined && flat.length !== size) {
      throw new PolicyError(`Cannot take parameters: got ${flat.length} numbers, expected ${size}`, {
        code: 'parameters-invalid',
      });
    }
    this.flat = flat ?? new Float32Array(size);
    const views = new Map<string, Float32Array>();
    let start = 0;
    for (const { name, shape } of this.shapes) {
      views.set(name, this.flat.subarray(start, start + sizeOf(shape)));
      start += sizeOf(shape);
    }
    this.views = views;
  }

  /**
   * The view of one tensor.
   *
   * @throws {PolicyError} `parameters-invalid` if there is none of this name
   */
  get(name: string): Float32Array {
    const view = this.views.get(name);
    if (view === undefined)
      throw new PolicyError(`Cannot read parameter ${name}: the model has none, expected one of its names`, {
        code: 'parameters-invalid',
      });
    return view;
  }
}
