import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StoreError } from './errors.ts';
import { tableFormat } from './table.ts';
import {
  type BatchRow,
  decodeBatch,
  decodeMetrics,
  decodePrompts,
  decodeRollouts,
  decodeVerdicts,
  encodeBatch,
  encodeMetrics,
  encodePrompts,
  encodeRollouts,
  encodeVerdicts,
  type MetricsRow,
  type PromptRow,
  type RolloutRow,
  type VerdictRow,
} from './tables.ts';

const RUNS = { numRuns: 60, seed: 20260501 };

const u32 = fc.integer({ min: 0, max: 0xffffffff });
// No −0: toEqual tells it from 0, and so does the file.
const f64 = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const text = fc.string({ unit: 'binary' });
const completion = fc.integer({ min: 0, max: 40 }).chain((length) =>
  fc.record({
    tokens: fc.int32Array({ minLength: length, maxLength: length }),
    logprobs: fc.float32Array({ minLength: length, maxLength: length, noNaN: true }),
  }),
);

const promptRow: fc.Arbitrary<PromptRow> = fc.record({
  task: text,
  verifier: text,
  level: text,
  puzzle: text,
  index: u32,
  prompt: text,
  groundTruth: text,
});
const rolloutRow: fc.Arbitrary<RolloutRow> = fc
  .tuple(fc.record({ prompt: u32, sample: u32, text, finish: fc.constantFrom('stop', 'length') }), completion)
  .map(([row, lists]) => ({ ...row, ...lists }));
const verdictRow: fc.Arbitrary<VerdictRow> = fc.record({
  prompt: u32,
  sample: u32,
  kind: fc.constantFrom('scored', 'abstained', 'failed'),
  reward: fc.option(f64),
  correct: fc.boolean(),
  formatted: fc.boolean(),
  answer: fc.option(text),
  reason: text,
  components: fc.option(text),
});
const batchRow: fc.Arbitrary<BatchRow> = fc
  .tuple(
    fc.record({
      task: text,
      group: text,
      promptTokens: fc.int32Array({ maxLength: 40 }),
      advantage: f64,
      reward: f64,
      minibatch: u32,
    }),
    completion,
  )
  .map(([row, lists]) => ({ ...row, ...lists }));
const metricsRow: fc.Arbitrary<MetricsRow> = fc.record({
  step: u32,
  task: text,
  accuracy: f64,
  reward: f64,
  weight: f64,
  filterRate: f64,
  kept: u32,
  drawn: u32,
  improvement: fc.option(f64),
});

interface Codec<Row> {
  readonly name: string;
  readonly row: fc.Arbitrary<Row>;
  readonly encode: (rows: readonly Row[]) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Row[];
}

function testCodec<Row>({ name, row, encode, decode }: Codec<Row>): void {
  // A lone surrogate has no UTF-8 form; `toWellFormed` is what any encoder makes of it.
  const rows = fc.array(row, { maxLength: 20 }).map((drawn) => drawn.map((one) => wellFormed(one)));

  test(`${name}: decoding gives back the rows, and encoding them again the same bytes`, () => {
    fc.assert(
      fc.property(rows, (drawn) => {
        const bytes = encode(drawn);
        const back = decode(bytes);
        expect(back).toEqual(drawn);
        expect(Buffer.compare(encode(back), bytes)).toBe(0);
      }),
      RUNS,
    );
  });

  test(`${name}: a table from anywhere in a larger buffer is read the same`, () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 7 }), (drawn, shift) => {
        const bytes = encode(drawn);
        const larger = new Uint8Array(bytes.length + shift);
        larger.set(bytes, shift);
        expect(decode(larger.subarray(shift))).toEqual(drawn);
      }),
      { ...RUNS, numRuns: 20 },
    );
  });
}

function wellFormed<Row>(row: Row): Row {
  const fields = Object.entries(row as object).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.toWellFormed() : value,
  ]);
  return Object.fromEntries(fields);
}

testCodec({ name: 'prompts', row: promptRow, encode: encodePrompts, decode: decodePrompts });
testCodec({ name: 'rollouts', row: rolloutRow, encode: encodeRollouts, decode: decodeRollouts });
testCodec({ name: 'verdicts', row: verdictRow, encode: encodeVerdicts, decode: decodeVerdicts });
testCodec({ name: 'batch', row: batchRow, encode: encodeBatch, decode: decodeBatch });
testCodec({ name: 'metrics', row: metricsRow, encode: encodeMetrics, decode: decodeMetrics });

const rollout: RolloutRow = {
  prompt: 3,
  sample: 1,
  tokens: Int32Array.of(5, 6, 7),
  logprobs: Float32Array.of(-0.5, -0.25, -0.125),
  text: '\\boxed{1+2}',
  finish: 'stop',
};

describe('the file', () => {
  test('opens with any Arrow reader, with plain column types and its own name', () => {
    const table = tableFromIPC(encodeRollouts([rollout, { ...rollout, sample: 2 }]));
    expect(table.numRows).toBe(2);
    expect(table.schema.fields.map((field) => `${field.name}: ${field.type}`)).toEqual([
      'prompt: Uint32',
      'sample: Uint32',
      'tokens: List<Int32>',
      'logprobs: List<Float32>',
      'text: Utf8',
      'finish: Utf8',
    ]);
    expect(table.schema.metadata.get('evenkeel.table')).toBe('rollouts');
    expect(table.getChild('tokens')?.get(1)?.toArray()).toEqual(Int32Array.of(5, 6, 7));
  });

  test('keeps nulls apart from zeros and empty texts', () => {
    const row = { prompt: 0, sample: 0, kind: 'abstained', correct: false, formatted: false, reason: '' } as const;
    const rows = [
      { ...row, reward: null, answer: null, components: null },
      { ...row, reward: 0, answer: '', components: '{}' },
    ];
    expect(decodeVerdicts(encodeVerdicts(rows))).toEqual(rows);
  });

  test('of verdicts from before there were components is read as one without any', () => {
    const before = tableFormat('verdicts', {
      ...{ prompt: 'u32', sample: 'u32', kind: ['scored', 'abstained', 'failed'], reward: 'f64?' },
      ...{ correct: 'bool', formatted: 'bool', answer: 'utf8?', reason: 'utf8' },
    });
    const row = { prompt: 2, sample: 1, kind: 'scored', reward: 1, answer: '3', reason: 'correct' } as const;
    const rows = [{ ...row, correct: true, formatted: true }];
    expect(decodeVerdicts(before.encode(rows))).toEqual([{ ...rows[0], components: null }]);
    expect(() => decodeVerdicts(encodeRollouts([rollout]))).toThrow(/, expected verdicts v1 .*components: Utf8\?\)$/);
  });

  test('decoded lists own their bytes', () => {
    const [row] = decodeRollouts(encodeRollouts([rollout]));
    expect(row?.tokens.buffer.byteLength).toBe(12);
  });
});

describe('what does not fit', () => {
  test('a value that its column cannot hold is refused with its place', () => {
    const row = { step: 1, task: 'zebra', accuracy: 0.5, reward: 0.5, weight: 1, filterRate: 0, improvement: null };
    expect(() => encodeMetrics([{ ...row, kept: -1, drawn: 0 }])).toThrow(
      new RangeError('Cannot encode metrics table: kept of row 0 is -1, expected u32'),
    );
    expect(() => encodeMetrics([{ ...row, kept: 0, drawn: 0, weight: Number.NaN }])).toThrow(
      new RangeError('Cannot encode metrics table: weight of row 0 is NaN, expected f64'),
    );
  });

  test('tokens without their log-probabilities are refused', () => {
    expect(() => encodeRollouts([rollout, { ...rollout, logprobs: Float32Array.of(-1) }])).toThrow(
      new RangeError('Cannot encode rollouts table: row 1 has 3 tokens and 1 logprobs, expected as many of both'),
    );
  });

  test('a table of another kind is refused', () => {
    expect(() => decodeBatch(encodeRollouts([rollout]))).toThrow(
      /^Cannot read batch table: its columns are rollouts v1 /,
    );
  });

  test('bytes that are no Arrow file, or a part of one, are refused', () => {
    const bytes = encodeRollouts([rollout]);
    for (const broken of [new Uint8Array(0), new TextEncoder().encode('{"a":1}'), bytes.slice(0, bytes.length / 2)]) {
      expect(() => decodeRollouts(broken)).toThrow(StoreError);
    }
  });
});
