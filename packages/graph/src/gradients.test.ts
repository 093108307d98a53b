import { expect, test } from 'vitest';
import { gradients } from './gradients.ts';
import { GraphBuilder } from './graph-builder.ts';
import * as op from './ops.ts';

test('a value that counts as a constant passes no gradient back, and the rest is as it was', () => {
  const nodesOf = (held: boolean) => {
    const g = new GraphBuilder('stopped');
    const x = g.input('x', 'float32', [3]);
    const weight = op.exp(g, x);
    const before = g.nodes.length;
    const loss = op.reduceSum(g, op.mul(g, weight, op.log(g, x)));
    gradients(g, loss, [x], held ? [weight] : []);
    return g.nodes.slice(before).map((node) => node.op);
  };
  // d/dx e^x log x = e^x log x + e^x / x; with e^x held, e^x / x alone.
  expect(nodesOf(true).length).toBeLessThan(nodesOf(false).length);
  expect(nodesOf(true).filter((name) => name === 'Mul')).toHaveLength(2);
});

test('a loss that depends on a value by constants alone has no gradient there, which is said', () => {
  const g = new GraphBuilder('none');
  const x = g.input('x', 'float32', [2]);
  const held = op.exp(g, x);
  expect(() => gradients(g, op.reduceSum(g, held), [x], [held])).toThrow('the loss does not depend on x');
});
