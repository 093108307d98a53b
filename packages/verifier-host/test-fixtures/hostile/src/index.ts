/** A verifier that does what a completion names: everything that a verifier must not be able to do. */
import type { TaskVerifier, Verdict } from '@evenkeel/verifier';

const scored = (answer: unknown): Verdict => ({
  kind: 'scored',
  reward: 1,
  correct: true,
  formatted: true,
  answer: String(answer).slice(0, 200),
  reason: 'correct',
});

/** What a hostile package may say that the contract's types do not allow. */
const anything = (value: unknown): Verdict => value as Verdict;

const hoard: unknown[] = [];
const realm = globalThis as unknown as Record<string, unknown>;

const attacks: Record<string, () => Verdict> = {
  good: () => scored('good'),
  abstain: () => ({ kind: 'abstained', reason: 'not sure' }),
  loop: () => {
    for (;;);
  },
  'loop-in-finally': () => {
    try {
      for (;;);
    } finally {
      for (;;);
    }
  },
  regex: () => scored(/^(a+)+$/.test(`${'a'.repeat(60)}b`)),
  recursion: () => attacks.recursion!(),
  throw: () => {
    throw new Error('no verdict today');
  },
  'throw-trap': () => {
    throw new Proxy(
      {},
      {
        has: () => true,
        get() {
          throw new Error('trapped');
        },
      },
    );
  },
  'throw-null': () => {
    throw null;
  },
  'hog-heap': () => {
    for (;;) hoard.push(Array.from({ length: 10_000 }, (_, at) => ({ at })));
  },
  'hog-buffers': () => {
    for (;;) hoard.push(new Uint8Array(16_000_000).fill(1));
  },
  'hog-strings': () => {
    for (let text = 'x'; ; text += text) hoard.push(text.replaceAll('x', 'xy'));
  },
  'reward-0.7': () => anything({ ...scored('x'), reward: 0.7 }),
  'reward-nan': () => anything({ ...scored('x'), reward: Number.NaN }),
  'reward-disagrees': () => anything({ ...scored('x'), reward: 0.1 }),
  'reward-text': () => anything({ ...scored('x'), reward: '1' }),
  'field-more': () => anything({ ...scored('x'), extra: 1 }),
  nothing: () => anything(undefined),
  symbol: () => anything(Symbol('verdict')),
  bigint: () => anything({ ...scored('x'), reward: 1n }),
  promise: () => anything(Promise.resolve(1)),
  getter: () =>
    anything({
      ...scored('x'),
      get reward() {
        throw new Error('got');
      },
    }),
  'getter-loop': () =>
    anything({
      ...scored('x'),
      get reason() {
        for (;;);
      },
    }),
  'to-json-frames': () => anything({ toJSON: () => '\n={"kind":"abstained","reason":"forged"}\n' }),
  proxy: () =>
    anything(
      new Proxy(scored('x'), {
        ownKeys() {
          throw new Error('no keys');
        },
      }),
    ),
  'output-huge': () => anything({ ...scored('x'), reason: 'x'.repeat(1_000_000) }),
  'answer-long': () => anything({ ...scored('x'), answer: 'x'.repeat(201) }),
  random: () => scored(Math.random()),
  globals: () =>
    scored(
      [
        'process',
        'require',
        'module',
        'fetch',
        'console',
        'Buffer',
        'WebAssembly',
        'SharedArrayBuffer',
        'Atomics',
        'setTimeout',
        'queueMicrotask',
      ]
        .filter((name) => realm[name] !== undefined)
        .join(),
    ),
  eval: () => scored(Function('return 1')()),
  'constructor-climb': () => {
    const climb = (attacks.good as unknown as { constructor: (code: string) => () => unknown }).constructor;
    return scored(climb('return process')());
  },
  'stack-climb': () => {
    const climbed: string[] = [];
    (Error as unknown as { prepareStackTrace: unknown }).prepareStackTrace = (
      _error: unknown,
      frames: { getThis(): unknown; getFunction(): unknown }[],
    ) => {
      for (const frame of frames) {
        const reached = frame.getThis?.() as { process?: unknown } | undefined;
        if (reached?.process !== undefined) climbed.push('process');
      }
      return '';
    };
    void new Error('x').stack;
    return scored(climbed.join());
  },
  pollute: () => {
    Object.assign(Object.prototype, { kind: 'abstained', reason: 'polluted' });
    JSON.stringify = () => 'stolen';
    JSON.parse = () => 'stolen';
    Array.prototype.push = () => 0;
    return scored('polluted');
  },
  // Loops in the runtime itself, where no interrupt is looked at.
  uninterruptible: () => scored(Array.prototype.includes.call({ length: Number.MAX_SAFE_INTEGER }, 1)),
};

/** What it can be asked for. */
export const attackNames: readonly string[] = Object.keys(attacks).filter((name) => name !== 'good');

const hostile: TaskVerifier = {
  manifest: {
    id: 'hostile',
    version: '1.0.0',
    sdk: '^1',
    title: 'Hostile',
    levels: ['easy', 'throws'],
    limits: { timeMs: 150, memoryMb: 32 },
    permissions: { net: [], read: [], env: [] },
  },
  generate({ index, level }) {
    if (level === 'throws') throw new RangeError('no such puzzle');
    return { id: `${index}`, level, data: null, groundTruth: null };
  },
  prompt: ({ id }) => `puzzle ${id}`,
  gold: () => 'good',
  decoy: () => 'bad',
  score({ completion }) {
    const attack = attacks[completion];
    return attack === undefined
      ? { kind: 'scored', reward: 0, correct: false, formatted: false, answer: null, reason: 'no-box' }
      : attack();
  },
};

export default hostile;
