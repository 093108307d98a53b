/**
 * AdamW as graphs, for a device that has memory of its own, where parameters, gradients and moments lie. The formula is that of
 * `adamwStep`, rounded to float32 after each operation, as torch does. First the norm of all gradients, which the host looks at; then the
 * step, for some of the tensors at a time, because nothing is written in place. Gradients of micro-batches are summed by a graph too.
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
  ...(['gradientScale', 'decay', 'beta1', 'beta2', 'stepSize', 'rootCorrection', 'epsilon'] as const),
  // 1 − β, taken before it is rounded to float32.
  ...(['restOfBeta1', 'restOfBeta2'] as const),
] as const;
export type StepNumbers = Readonly<Record<(typeof STEP_NUMBERS)[number], number>>;

/** Inputs: the gradient of each parameter. Output: `gradientNorm` [1] of all together. */
export function gradientNormGraph(shapes: readonly ParameterShape[]): Graph {
  const g = new GraphBuilder('gradient-norm');
  const squares = shapes.map(({ name, shape }) => {
    const gradient = g.input(gradientName(name), 'float32', shape);
    return op.reshape(g, op.reduceSum(g, op.mul(g, gradient, gradient)), [1]);
  });
  g.output('gradientNorm', g.add('Sqrt', [squares.reduce((sum, square) => op.add(g, sum, square))])[0]!);
  return g.build();
}

/**
 * Inputs: per parameter itself, its gradient and its moments; `STEP_NUMBERS`. Outputs: `next:` of each parameter and moment. `decay`
 * (1 − learning rate · weight decay) holds for matrices alone.
 */
export function adamwGraph(shapes: readonly ParameterShape[]): Graph {
  const g = new GraphBuilder('adamw');
  const number = Object.fromEntries(STEP_NUMBERS.map((name) => [name, g.input(name, 'float32', [1])])) as Record<
    (typeof STEP_NUMBERS)[number],
    Value
  >;
  for (const { name, shape } of shapes) {
    const names = momentNames(name);
    const gradient = op.mul(g, g.input(gradientName(name), 'float32', shape), number.gradientScale);
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
