import { describe, expect, test } from 'vitest';
import {
  mergeRows,
  type OperationEvent,
  operationLines,
  operationRows,
  type SessionEvents,
} from './operation-table.ts';

const event = (op: string, index: number, startUs: number, us: number, ...shapes: number[][]): OperationEvent => ({
  ...{ op, index, startUs, us, inputs: shapes.slice(0, -1), outputs: shapes.slice(-1) },
});

const session: SessionEvents = {
  graph: 'train',
  lossAt: 2,
  runs: [
    { startUs: 0, us: 5000 },
    { startUs: 10_000, us: 4000 },
  ],
  operations: [
    event('Gemm A·Bᵀ', 0, 100, 2500, [8, 4], [16, 4], [8, 16]),
    event('Gemm A·Bᵀ', 0, 10_100, 1000, [8, 4], [16, 4], [8, 16]),
    event('Add', 1, 11_200, 500, [8, 16], [8, 16], [8, 16]),
    event('Gemm Aᵀ·B', 3, 12_000, 2000, [8, 16], [8, 4], [16, 4]),
  ],
};

describe('operationRows()', () => {
  test('leaves the first run out, tells forward from backward, and counts what lies between', () => {
    expect(operationRows(session)).toEqual([
      { pass: 'backward', op: 'Gemm Aᵀ·B', calls: 1, ms: 2, flops: 2 * 8 * 16 * 4 },
      { pass: 'forward', op: 'Gemm A·Bᵀ', calls: 1, ms: 1, flops: 2 * 8 * 16 * 4 },
      { pass: 'forward', op: 'Add', calls: 1, ms: 0.5, flops: 0 },
      { pass: 'forward', op: '(between)', calls: 1, ms: 0.5, flops: 0 },
    ]);
  });

  test('is empty where all runs were left out', () => {
    expect(operationRows(session, 2)).toEqual([]);
  });

  test.each([
    [
      'FusedMatMul A·Bᵀ',
      [
        [2, 3, 5, 7],
        [2, 3, 11, 7],
        [2, 3, 5, 11],
      ],
      2 * 6 * 5 * 11 * 7,
    ],
    [
      'MatMul',
      [
        [10, 7],
        [7, 3],
        [10, 3],
      ],
      2 * 10 * 3 * 7,
    ],
    [
      'MatMul',
      [
        [2, 10, 7],
        [7, 3],
        [2, 10, 3],
      ],
      2 * 2 * 10 * 3 * 7,
    ],
    [
      'Attention',
      [
        [2, 4, 6, 8],
        [2, 2, 9, 8],
        [2, 2, 9, 8],
        [2, 4, 6, 8],
      ],
      4 * 2 * 4 * 6 * 8 * 9,
    ],
    [
      'Mul',
      [
        [10, 7],
        [10, 7],
        [10, 7],
      ],
      0,
    ],
  ])('%s counts its multiplications and additions', (op, shapes, flops) => {
    const runs = [{ startUs: 0, us: 10 }];
    const rows = operationRows({ graph: '', lossAt: 9, runs, operations: [event(op, 0, 0, 5, ...shapes)] }, 0);
    expect(rows.find((row) => row.op === op)).toMatchObject({ flops });
  });
});

describe('mergeRows()', () => {
  test('adds equal operations of the same pass', () => {
    const rows = operationRows(session);
    expect(mergeRows([rows, rows])[0]).toEqual({
      ...{ pass: 'backward', op: 'Gemm Aᵀ·B', calls: 2, ms: 4, flops: 4 * 8 * 16 * 4 },
    });
  });
});

describe('operationLines()', () => {
  test('gives share and rate, and puts the small ones together', () => {
    const rows = [
      { pass: 'forward', op: 'Gemm A·B', calls: 4, ms: 20, flops: 4e9 },
      { pass: 'forward', op: 'Cast', calls: 2, ms: 0.01, flops: 0 },
      { pass: 'backward', op: 'Neg', calls: 2, ms: 0.01, flops: 0 },
    ] as const;
    expect(operationLines(rows, 2)).toEqual([
      ['Gemm A·B', 'forward', '2', '10.00', '99.9 %', '200'],
      ['2 others', 'both', '2', '0.01', '0.1 %', ''],
    ]);
  });
});
