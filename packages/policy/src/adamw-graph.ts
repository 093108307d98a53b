/**
 * AdamW as graphs, for a device that has memory of its own: parameters, gradients and moments lie there and one run makes a step. The
 * formula is that of `adamwStep`, rounded to float32 after each operation, as torch does. Gradients of micro-batches are summed by a
 * graph too. Nothing is written in place: the caller takes the new values, or keeps the old ones where the norm is not finite.
 */
import { type Graph, GraphBuilder, op, type Value } from '@evenkeel/graph';
import type { ParameterShape } from './model-config.ts';
import { gradientName } from './objective-graph.ts';

/** Names of a parameter's moments among inputs and outputs. */
export const momentNames = (parameter: string) => ({ m: `m:${parameter}`, v: `v:${parameter}` });

/** Names of outputs: no graph writes over its inputs. */
export const nextName = (name: string): string => `next:${name}`;

/** The numbers of one step, each an input [1]. */
export const STEP_NUMBERS = [
  ...(['maxNorm', 'decay', 'beta1', 'beta2', 'stepSize', 'rootCorrection', 'epsilon'] as const),
  // 1 − β, taken before it is rounded to float32.
  ...(['restOfBeta1', 'restOfBeta2'] as const),
] as const;
export type StepNumbers = Readonly<Record<(typeof STEP_NUMBERS)[number], number>>;

/**
 * Inputs: per parameter itself, its gradient and its moments; `STEP_NUMBERS`. Outputs: `next:` of each parameter and moment, and
 * `gradientNorm` [1] of all together before clipping. `decay` (1 − learning rate · weight decay) holds for matrices alone.
 */
export function adamwGraph(shapes: readonly ParameterShape[]): Graph {
  const g = new GraphBuilder('adamw');
  const number = Object.fromEntries(STEP_NUMBERS.map((name) => [name, g.input(name, 'float32', [1])])) as Record<
    (typeof STEP_NUMBERS)[number],
    Value
  >;
  const one = g.constant('float32', [1], [1]);
  const gradients = shapes.map(({ name, shape }) => g.input(gradientName(name), 'float32', shape));
  const squares = gradients.map((gradient) => op.reshape(g, op.reduceSum(g, op.mul(g, gradient, gradient)), [1]));
  const norm = g.add('Sqrt', [squares.reduce((sum, square) => op.add(g, sum, square))])[0]!;
  g.output('gradientNorm', norm);
  const scale = op.min(g, one, op.div(g, number.maxNorm, op.add(g, norm, g.constant('float32', [1], [1e-6]))));
  for (const [index, { name, shape }] of shapes.entries()) {
    const names = momentNames(name);
    const gradient = op.mul(g, gradients[index]!, scale);
    const before = { m: g.input(names.m, 'float32', shape), v: g.input(names.v, 'float32', shape) };
    const m = op.add(g, op.mul(g, before.m, number.beta1), op.mul(g, gradient, number.restOfBeta1));
    const v = op.add(
      g,
      op.mul(g, before.v, number.beta2),
      op.mul(g, op.mul(g, gradient, gradient), number.restOfBeta2),
    );
    const root = op.div(g, g.add('Sqrt', [v])[0]!, number.rootCorrection);
    const move = op.div(g, op.mul(g, m, number.stepSize), op.add(g, root, number.epsilon));
    const parameter = g.input(name, 'float32', shape);
    const decayed = shape.length >= 2 ? op.mul(g, parameter, number.decay) : parameter;
    g.output(nextName(name), op.sub(g, decayed, move));
    g.output(nextName(names.m), m);
    g.output(nextName(names.v), v);
  }
  return g.build();
}

/** Inputs `gradient:…` and `more:gradient:…`; outputs `next:gradient:…`, their sums. */
export function sumGraph(shapes: readonly ParameterShape[]): Graph {
  const g = new GraphBuilder('gradient-sum');
  for (const { name, shape } of shapes) {
    const key = gradientName(name);
    const sum = op.add(g, g.input(key, 'float32', shape), g.input(`more:${key}`, 'float32', shape));
    g.output(nextName(key), sum);
  }
  return g.build();
}

/** Copies values as they are: onto the device, or from it, by where the outputs are to lie. */
export function copyGraph(values: readonly ParameterShape[]): Graph {
  const g = new GraphBuilder('copy');
  for (const { name, shape } of values)
    g.output(nextName(name), g.add('Identity', [g.input(name, 'float32', shape)])[0]!);
  return g.build();
}
