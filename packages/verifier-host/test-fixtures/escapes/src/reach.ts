/** Building blocks of the published ways out. */
import { attempted } from './plunder.ts';
import { type Loose, realm } from './probe.ts';

/** What may come from the other side of vm2, as far as it is there at all. */
export function hostThings(): Loose[] {
  const named = ['Buffer', 'console', 'VMError', 'process', 'require', 'setTimeout', 'WebAssembly'];
  const things = named.map((name) => realm[name]).filter((value) => value !== undefined);
  const methods = ['inspect', 'slice', 'equals', 'toJSON'].map((name) => attempted(() => realm.Buffer.prototype[name]));
  return [...things, attempted(() => realm.Buffer?.from('')), ...methods, ...thrownByTheOtherSide()].filter(
    (value) => value !== undefined && value !== null,
  );
}

/** `Buffer`, or whatever function there is that may be the host's: the published ways start from it. */
export function hostFunction(): Loose {
  return realm.Buffer ?? realm.console?.log ?? realm.VMError ?? Function;
}

/** Errors that vm2 itself makes, which may be the host's. */
export function thrownByTheOtherSide(): Loose[] {
  return [
    caught(() => realm.Function('return 1')),
    caught(() => Promise.resolve().then(() => {})),
    caught(() => new Promise((resolve) => resolve(thenable(() => {})))),
    caught(() => realm.eval?.('@@@ catch')),
    caught(() => (Error as Loose).captureStackTrace(null)),
  ];
}

export function caught(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/** An error whose stack cannot be written without an error: its name is a symbol. */
export function unspeakable(): Error {
  const error = new Error('unspeakable');
  Object.defineProperty(error, 'name', { value: Symbol('name'), configurable: true });
  return error;
}

/** What reading the stack of such an error throws or gives. */
export function ofUnspeakable(): unknown {
  return attempted(() => unspeakable().stack) ?? caught(() => unspeakable().stack);
}

/** What is thrown where the stack ends, while something is under way that may be the host's. */
export function atTheEndOfTheStack(act: () => unknown): unknown[] {
  const thrown: unknown[] = [];
  const descend = (): void => {
    try {
      descend();
    } catch (end) {
      thrown.push(end);
    }
    if (thrown.length < 40) {
      try {
        act();
      } catch (inner) {
        thrown.push(inner);
      }
    }
  };
  try {
    descend();
  } catch (end) {
    thrown.push(end);
  }
  return thrown.slice(0, 40);
}

/** The getter of `__proto__` as it is on the other side, if a function of that side can be made to look it up. */
export function foreignProtoGetter(): Loose {
  const { call } = hostFunction();
  return (
    attempted(() => call.call((Object.prototype as Loose).__lookupGetter__, hostFunction(), '__proto__')) ??
    (Object.prototype as Loose).__lookupGetter__('__proto__')
  );
}

export function foreignProtoSetter(): Loose {
  const { call } = hostFunction();
  return (
    attempted(() => call.call((Object.prototype as Loose).__lookupSetter__, hostFunction(), '__proto__')) ??
    (Object.prototype as Loose).__lookupSetter__('__proto__')
  );
}

/** Something that a promise takes for one. */
export function thenable(then: (resolve: Loose, reject: Loose) => unknown): Loose {
  return { then };
}
