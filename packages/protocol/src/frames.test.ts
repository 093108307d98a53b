import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from './errors.ts';
import {
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeFrame,
  maxFrameBytes,
  type ServerFrame,
} from './frames.ts';

const RUNS = { numRuns: 400, seed: 20260501 };

const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
const word = fc.string({ minLength: 1, maxLength: 20 });
const count = fc.nat();
// JSON has no −0.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));

const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('submit' as const),
      key,
      attempt: count,
      job: word,
      payload: json,
      run: word,
      priority: fc.constantFrom(1, 2, 3, 4, 5),
    },
    { requiredKeys: ['kind', 'key', 'attempt', 'job', 'payload'] },
  ),
  fc.record({ kind: fc.constantFrom('attach' as const, 'status' as const, 'cancel' as const), key }),
);
const serverFrame: fc.Arbitrary<ServerFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    worker: word,
    role: fc.constantFrom('rollout', 'trainer', 'verifier'),
    capabilities: fc.record({
      device: word,
      executionProvider: word,
      families: fc.array(word),
      maxConcurrentJobs: fc.integer({ min: 1, max: 64 }),
    }),
    version: word,
  }),
  fc.record({ kind: fc.constant('accepted' as const), key, state: fc.constantFrom('queued', 'running', 'done') }),
  fc.record(
    { kind: fc.constant('progress' as const), key, done: number, total: number, phase: word },
    { requiredKeys: ['kind', 'key', 'done', 'total'] },
  ),
  fc.record({ kind: fc.constant('done' as const), key, result: json }),
  fc.record({
    kind: fc.constant('failed' as const),
    key,
    error: fc.record({ code: word, message: fc.string(), retryable: fc.boolean() }),
  }),
  fc.record(
    {
      kind: fc.constant('status' as const),
      key,
      state: fc.constantFrom('unknown', 'queued', 'running', 'done', 'failed'),
      done: number,
      total: number,
    },
    { requiredKeys: ['kind', 'key', 'state'] },
  ),
  fc.record({ kind: fc.constant('error' as const), message: fc.string() }),
);

/** A plain copy: fast-check's records have no prototype. */
const plain = <T>(value: T): T => structuredClone(value);

describe('encode and decode', () => {
  test('decoding an encoded client frame gives the frame', () => {
    fc.assert(
      fc.property(clientFrame, (frame) => {
        expect(decodeClientFrame(encodeFrame(frame))).toEqual(plain(frame));
      }),
      RUNS,
    );
  });

  test('decoding an encoded server frame gives the frame', () => {
    fc.assert(
      fc.property(serverFrame, (frame) => {
        expect(decodeServerFrame(encodeFrame(frame))).toEqual(plain(frame));
      }),
      RUNS,
    );
  });

  test('any text is a frame or a ProtocolError, and nothing else', () => {
    const broken = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.tuple(clientFrame, fc.nat(), fc.string()).map(([frame, at, noise]) => {
        const text = encodeFrame(frame);
        const place = at % text.length;
        return text.slice(0, place) + noise + text.slice(place + 1);
      }),
    );
    fc.assert(
      fc.property(broken, (text) => {
        for (const decode of [decodeClientFrame, decodeServerFrame]) {
          try {
            expect(typeof decode(text).kind).toBe('string');
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ProtocolError);
            expect(thrown).toMatchObject({ code: 'frame-invalid', retryable: false });
          }
        }
      }),
      { ...RUNS, numRuns: 1000 },
    );
  });
});

describe('what is refused', () => {
  test('a field too many, a field too few, another kind, JSON of another shape', () => {
    const refused = [
      { kind: 'attach', key: 'a', more: 1 },
      { kind: 'attach' },
      { kind: 'attach', key: '' },
      { kind: 'submit', key: 'a', attempt: 1, job: 'rollout' },
      { kind: 'submit', key: 'a', attempt: -1, job: 'rollout', payload: null },
      { kind: 'reboot', key: 'a' },
      ['attach', 'a'],
      null,
    ];
    for (const frame of refused) {
      expect(() => decodeClientFrame(JSON.stringify(frame))).toThrow(
        /^Cannot read frame: .*, expected a frame of evenkeel.v1$/,
      );
    }
  });

  test('JSON nested a hundred thousand deep is carried or refused, without a crash', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(() => decodeClientFrame(deep)).toThrow(ProtocolError);
    expect(() => decodeClientFrame(`{"kind":"attach","key":${deep}}`)).toThrow(ProtocolError);
  });

  test('a frame beyond the limit is not sent; one at the limit is', () => {
    const frame = (length: number): ServerFrame => ({ kind: 'done', key: 'k', result: 'x'.repeat(length) });
    const overhead = encodeFrame(frame(0)).length;
    expect(encodeFrame(frame(maxFrameBytes - overhead))).toHaveLength(maxFrameBytes);
    expect(() => encodeFrame(frame(maxFrameBytes - overhead + 1))).toThrow(
      new ProtocolError(
        'Cannot send done frame: it has 1048577 bytes, expected at most 1048576: put large data into the store and send its reference',
        { code: 'frame-too-large' },
      ),
    );
  });
});
