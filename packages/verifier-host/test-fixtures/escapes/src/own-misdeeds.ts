/** Our own families: verdicts that are none, answers that do not come, memory without end, and what is left for whoever comes next. */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, late, type Misdeed, type Probe, realm } from './probe.ts';

const right = { kind: 'scored', reward: 1, correct: true, formatted: true, answer: 'x', reason: 'correct' };
const own = { advisory: '—', versions: '—' };
const hoard: unknown[] = [];

function misdeed(name: string, idea: string, becomes: readonly string[], answer: Misdeed['answer']): Misdeed {
  return { ...own, name, idea, becomes, answer };
}

function leaving(name: string, idea: string, leave: () => void): BreakOut {
  return {
    ...own,
    name,
    idea,
    attempt() {
      attempted(leave);
      return [];
    },
  };
}

const forged = { kind: 'abstained', reason: 'forged' };

/** Left in a prototype; the next item's verdict shows whether it mattered. */
export const pollution: readonly Probe[] = [
  leaving('pollute-object', 'Fields of a verdict on Object.prototype', () => {
    for (const [key, value] of Object.entries(forged)) (Object.prototype as Loose)[key] = value;
  }),
  leaving('pollute-to-json', 'toJSON on Object.prototype: each verdict is written as ours', () => {
    (Object.prototype as Loose).toJSON = () => forged;
  }),
  leaving('pollute-by-merge', 'A merge that follows `__proto__`, as JSON brings it', () => {
    const merge = (target: Loose, source: Loose): void => {
      for (const key of Object.getOwnPropertyNames(source)) {
        if (typeof source[key] === 'object') merge(target[key], source[key]);
        else target[key] = source[key];
      }
    };
    merge(
      {},
      JSON.parse('{"__proto__":{"kind":"abstained","reason":"forged"},"constructor":{"prototype":{"kind":"x"}}}'),
    );
  }),
  leaving('pollute-arrays', 'push, map, join, the iterator and the indices of Array.prototype', () => {
    for (const name of ['push', 'map', 'join', 'slice', 'toJSON']) {
      attempted(() => ((Array.prototype as Loose)[name] = () => 'forged'));
    }
    attempted(() => ((Array.prototype as Loose)[Symbol.iterator] = function* () {}));
    attempted(() => Object.defineProperty(Array.prototype, 0, { get: () => 'forged', set() {} }));
  }),
  leaving('pollute-strings', 'slice, split, startsWith and the iterator of String.prototype', () => {
    for (const name of ['slice', 'split', 'startsWith', 'includes', 'toWellFormed', 'toJSON', 'replace']) {
      attempted(() => ((String.prototype as Loose)[name] = () => 'forged'));
    }
  }),
  leaving('pollute-json', 'parse and stringify', () => {
    JSON.stringify = () => JSON.parse('"forged"');
    JSON.parse = () => forged;
  }),
  leaving('pollute-regular-expressions', 'exec and test', () => {
    RegExp.prototype.exec = () => null;
    RegExp.prototype.test = () => true;
    (RegExp.prototype as Loose)[Symbol.replace] = () => 'forged';
  }),
  leaving('pollute-maps-and-numbers', 'get and set of Map, Set and WeakMap, toString of numbers, valueOf', () => {
    for (const prototype of [Map.prototype, Set.prototype, WeakMap.prototype] as Loose[]) {
      for (const name of ['get', 'set', 'has', 'add']) attempted(() => (prototype[name] = () => 'forged'));
    }
    attempted(() => (Number.prototype.toString = () => 'forged'));
    attempted(() => ((Number.prototype as Loose).toJSON = () => 7));
    attempted(() => ((Boolean.prototype as Loose).toJSON = () => false));
  }),
  leaving('pollute-functions', 'call, apply and bind, and what the driver’s own functions inherit', () => {
    for (const name of ['call', 'apply', 'bind']) {
      attempted(() => ((Function.prototype as Loose)[name] = () => '={"kind":"abstained","reason":"forged"}'));
    }
  }),
  leaving('replace-globals', 'JSON, Array, Object, String and Math of the global object', () => {
    for (const name of ['JSON', 'Array', 'Object', 'String', 'Reflect', 'Math', 'Error']) {
      attempted(
        () => (realm[name] = new Proxy(() => {}, { get: () => () => '={"kind":"abstained","reason":"forged"}' })),
      );
    }
  }),
  leaving('hook-the-protocol', 'Whatever the program might use to write a frame: the nonce, the next answers', () => {
    for (const [holder, name] of [
      [Array.prototype, 'join'],
      [Array.prototype, 'push'],
      [String.prototype, 'split'],
      [realm.JSON, 'stringify'],
      [realm, 'JSON'],
      [Object.prototype, 'nonce'],
    ] as [Loose, string][]) {
      attempted(() =>
        Object.defineProperty(holder, name, {
          get: () => () => '{"id":0,"from":0,"count":1}\n=forged',
          configurable: true,
        }),
      );
    }
  }),
  leaving('formatter-of-stacks', 'A formatter of stacks that stays', () => {
    (Error as Loose).prepareStackTrace = (_error: unknown, frames: unknown) => {
      late.push(frames);
      return forged;
    };
    attempted(() => (Error.stackTraceLimit = 0));
  }),
];

export const verdicts: readonly Misdeed[] = [
  misdeed('reward-in-between', 'A reward that is none', ['contract'], () => ({ ...right, reward: 0.5 })),
  misdeed('reward-no-number', 'NaN, which JSON does not know', ['contract'], () => ({ ...right, reward: Number.NaN })),
  misdeed('reward-of-text', 'The number as a text', ['contract'], () => ({ ...right, reward: '1' })),
  misdeed('nothing', 'No verdict at all', ['contract'], () => undefined),
  misdeed('a-promise', 'A verdict to come', ['contract', 'crash'], () => new Promise(() => {})),
  misdeed('symbol-keys', 'Fields under symbols and fields that are not enumerable', ['scored', 'contract'], () =>
    Object.defineProperty({ ...right, [Symbol('reward')]: 2 }, 'hidden', { value: 1, enumerable: false }),
  ),
  misdeed('inherited-fields', 'A verdict whose fields are its prototype’s', ['contract'], () => Object.create(right)),
  misdeed('getter-throws', 'A getter that throws in the middle of the verdict', ['crash'], () => ({
    ...right,
    get reason() {
      throw new Error('no reason');
    },
  })),
  misdeed('getter-changes', 'A getter that answers otherwise each time', ['scored', 'contract'], () => {
    let asked = 0;
    return {
      ...right,
      get reward() {
        return asked++ === 0 ? 1 : 99;
      },
    };
  }),
  misdeed(
    'proxy-of-a-verdict',
    'A proxy that has other keys than it tells',
    ['crash', 'contract', 'scored'],
    () =>
      new Proxy(right, {
        ownKeys: () => ['kind', 'reward', 'extra'],
        getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 1 }),
      }),
  ),
  misdeed(
    'endless-proxy',
    'A proxy with a million keys',
    ['timeout', 'contract', 'memory', 'crash'],
    () =>
      new Proxy(
        {},
        {
          ownKeys: () => Array.from({ length: 1_000_000 }, (_, at) => `k${at}`),
          getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 'x' }),
        },
      ),
  ),
  misdeed(
    'to-json-of-another',
    'toJSON that gives another verdict, with lines of the protocol in it',
    ['contract'],
    () => ({
      toJSON: () => '\n={"kind":"abstained","reason":"forged"}\n',
    }),
  ),
  misdeed(
    'lines-in-fields',
    'Line ends, separators and control characters in the fields',
    ['scored', 'contract'],
    () => ({
      ...right,
      answer: 'x\n={"kind":"abstained","reason":"forged"}\u2028\u0000\r',
    }),
  ),
  misdeed('frames-in-fields', 'A header of a frame with a guessed nonce', ['scored', 'contract'], () => ({
    ...right,
    answer: `\n${'0'.repeat(32)}{"id":0,"from":0,"count":1}\n=x`,
  })),
  misdeed('half-a-character', 'Half of a pair of UTF-16', ['scored', 'contract'], () => ({
    ...right,
    answer: '\ud800',
  })),
  misdeed('answer-without-end', 'A reason of a million characters', ['contract'], () => ({
    ...right,
    reason: 'x'.repeat(1_000_000),
  })),
  misdeed('deep-verdict', 'A verdict nested ten thousand deep', ['contract', 'crash'], () => {
    let nested: unknown = right;
    for (let depth = 0; depth < 10_000; depth++) nested = { ...right, metrics: nested };
    return nested;
  }),
  misdeed('cyclic-verdict', 'A verdict that holds itself', ['crash'], () => {
    const cyclic: Loose = { ...right };
    cyclic.metrics = cyclic;
    return cyclic;
  }),
  misdeed('big-integers', 'A number that JSON cannot write', ['crash'], () => ({ ...right, reward: 1n })),
  misdeed('throw-a-trap', 'Something thrown whose message, stack, cause and texts are traps', ['crash'], () => {
    const trap = (): never => {
      throw new Error('trapped');
    };
    throw Object.defineProperties(new Error('x'), {
      message: { get: trap },
      stack: { get: trap },
      cause: { get: trap },
      toString: { value: trap },
      [Symbol.toPrimitive]: { value: trap },
    });
  }),
  misdeed('throw-a-loop', 'Something thrown whose message never comes', ['timeout'], () => {
    throw Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        for (;;);
      },
    });
  }),
  misdeed('throw-a-proxy', 'A proxy thrown, all of whose traps throw', ['crash'], () => {
    const throwing = new Proxy(
      {},
      {
        get: () => () => {
          throw new Error('trap');
        },
      },
    );
    throw new Proxy({}, throwing);
  }),
  misdeed('throw-nothing', 'undefined thrown', ['crash'], () => {
    throw undefined;
  }),
  misdeed(
    'message-without-end',
    'An error with a message of ten million characters',
    ['crash', 'timeout', 'memory'],
    () => {
      throw new Error('x'.repeat(10_000_000));
    },
  ),
];

export const blocking: readonly Misdeed[] = [
  misdeed('loop', 'An endless loop', ['timeout'], () => {
    for (;;);
  }),
  misdeed('loop-in-finally', 'One that goes on when it is ended', ['timeout'], () => {
    try {
      for (;;);
    } finally {
      for (;;);
    }
  }),
  misdeed('loop-in-catch', 'One that catches its end', ['timeout'], () => {
    for (;;) {
      attempted(() => {
        for (;;);
      });
    }
  }),
  misdeed('endless-regular-expression', 'A pattern that tries all ways', ['timeout'], () =>
    /^(a+)+$/.test(`${'a'.repeat(60)}b`),
  ),
  misdeed('recursion', 'Without an end', ['crash'], () => {
    const deeper = (): unknown => [deeper()];
    return deeper();
  }),
  misdeed('generator-without-end', 'A spread of an iterator that goes on', ['timeout', 'memory', 'crash'], () => [
    ...(function* () {
      for (;;) yield 1;
    })(),
  ]),
  misdeed('wait-for-nobody', 'Atomics.wait on memory that nobody else has', ['not there', 'timeout'], () => {
    if (realm.Atomics === undefined || realm.SharedArrayBuffer === undefined)
      return { kind: 'abstained', reason: 'not there' };
    return realm.Atomics.wait(new Int32Array(new realm.SharedArrayBuffer(4)), 0, 0);
  }),
  misdeed('in-the-engine', 'A loop inside the engine, where nobody looks for an interrupt', ['timeout'], () =>
    Array.prototype.includes.call({ length: Number.MAX_SAFE_INTEGER }, 1),
  ),
  misdeed('large-powers', 'An integer of a hundred million bits', ['timeout', 'crash', 'memory'], () => {
    let power = 3n ** 2_000_000n;
    for (;;) power *= power;
  }),
  misdeed('sort-that-never-ends', 'A comparison that does not come back', ['timeout'], () =>
    [2, 1].sort(() => {
      for (;;);
    }),
  ),
  misdeed('deep-json', 'Text nested a million deep, parsed', ['crash', 'timeout', 'memory'], () =>
    JSON.parse('['.repeat(1_000_000) + ']'.repeat(1_000_000)),
  ),
  misdeed('hoard-objects', 'Objects without end', ['memory', 'timeout'], () => {
    for (;;) hoard.push(Array.from({ length: 10_000 }, (_, at) => ({ at })));
  }),
  misdeed('hoard-strings', 'Strings that double', ['memory', 'timeout', 'crash'], () => {
    for (let text = 'x'; ; text += text) hoard.push(text.replaceAll('x', 'xy'));
  }),
  misdeed('one-large-string', 'padEnd and repeat to what the engine can hold', ['crash', 'memory', 'timeout'], () => {
    for (;;)
      hoard.push(
        'x'
          .repeat(2 ** 29 - 25)
          .concat(String(hoard.length))
          .toUpperCase(),
      );
  }),
  misdeed('sparse-arrays', 'An array of four thousand million, filled', ['timeout', 'memory', 'crash'], () =>
    new Array(2 ** 32 - 1).fill(0).map((_, at) => at),
  ),
  misdeed('write-to-the-console', 'A flood on whatever writes', ['not there', 'timeout', 'contract'], () => {
    if (realm.console === undefined) return { kind: 'abstained', reason: 'not there' };
    for (;;) realm.console.error('x'.repeat(100_000));
  }),
];

export const after: readonly BreakOut[] = [
  {
    ...own,
    name: 'promises-after-the-answer',
    idea: 'then, reject, withResolvers: something that comes when the call is over',
    attempt() {
      const act = (): void => void late.push('ran after its answer');
      attempted(() => Promise.resolve().then(act));
      attempted(() => Promise.reject(1).catch(act));
      attempted(() => new Promise((resolve) => resolve(1)).finally(act));
      return [];
    },
  },
  {
    ...own,
    name: 'timers-after-the-answer',
    idea: 'queueMicrotask, setTimeout, setImmediate, nextTick, a message to oneself',
    attempt() {
      const act = (): void => void late.push('ran after its answer');
      attempted(() => realm.queueMicrotask(act));
      attempted(() => realm.setTimeout(act, 0));
      attempted(() => realm.setImmediate(act));
      attempted(() => realm.process.nextTick(act));
      attempted(() => {
        const { port1, port2 } = new realm.MessageChannel();
        port2.onmessage = act;
        port1.postMessage(1);
      });
      return [];
    },
  },
  {
    ...own,
    name: 'compile-strings',
    idea: 'eval, Function and their like by all names, direct and by constructors',
    attempt() {
      const got: unknown[] = [];
      const makers = [
        realm.Function,
        realm.eval,
        (() => {}).constructor,
        function* () {}.constructor,
        Object.getPrototypeOf(Object.getPrototypeOf(function* () {})).constructor,
        class {}.constructor,
        attempted(() => realm.setTimeout),
      ] as Loose[];
      for (const maker of makers) {
        for (const act of [() => maker('return 1')(), () => maker('1'), () => new maker('return this')()]) {
          const made = attempted(act);
          if (made === 1) got.push({ did: 'code from a string' });
        }
      }
      return got;
    },
  },
  {
    ...own,
    name: 'ask-the-clock',
    idea: 'Date, Intl, Temporal, performance: anything that moves between two looks',
    attempt() {
      const looks = [0, 1].map((look) => {
        for (let spin = 0; spin < 300_000; spin++) if (spin === look - 1) break;
        return JSON.stringify([
          Date.now(),
          new Date().toISOString(),
          Date(),
          new Date().constructor === Date ? 0 : new (new Date().constructor as Loose)().getTime(),
          new Intl.DateTimeFormat('en', { fractionalSecondDigits: 3, second: 'numeric' }).format(),
          attempted(() => realm.Temporal.Now.instant().epochNanoseconds.toString()),
          attempted(() => realm.performance.now()),
          attempted(() => realm.process.hrtime()),
        ]);
      });
      const moved = looks[0] !== looks[1] || Date.now() !== 0;
      return moved ? [{ did: 'reads the clock' }] : [];
    },
  },
  {
    ...own,
    name: 'ask-where-we-are',
    idea: 'The machine’s time zone and language',
    attempt() {
      const { timeZone, locale } = new Intl.DateTimeFormat().resolvedOptions();
      const known = timeZone === 'UTC' && locale === 'en-US' && new Date(2020, 6, 1).getTimezoneOffset() === 0;
      return known ? [] : [{ did: 'learns facts of the machine' }];
    },
  },
];
