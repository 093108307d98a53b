/**
 * Makes what a realm is built of unchangeable: nobody can leave something in a prototype for whoever comes next. Used on both sides
 * of vm2: inside, so that an item that pollutes (a naive merge of what a completion says is enough) does not decide on the next one;
 * outside, so that code that got out finds nothing that it could hook. It knows no verifier and no vm2.
 *
 * Limits: the global object itself stays as it is (the verifier's script holds its own bindings), and a verifier's own module state
 * is its own: what depends on it is found by asking twice.
 */
import { languageGlobals } from './language-globals.ts';

const { freeze, getOwnPropertyDescriptor, getOwnPropertyNames, defineProperty, getPrototypeOf, hasOwn } = Object;

/** And large. */
const MADE_WHEN_LOOKED_AT = 'Temporal';

/**
 * Freezes what the globals of this realm are, and everything that hangs on them.
 *
 * What objects commonly have of their own although they inherit it (an error's `name`, an object's `toString`) becomes a pair of
 * accessors on the prototypes, since a frozen property could not be assigned to on those that inherit it.
 */
export function hardenRealm(): void {
  for (const prototype of overridden())
    for (const key of getOwnPropertyNames(prototype)) permitOverride(prototype, key);
  const seen = new Set<object>();
  const realm = globalThis as unknown as Record<string, unknown>;
  const rest: unknown[] = [...withoutName(), getPrototypeOf(globalThis), realm.VMError];
  for (const name of languageGlobals) if (name !== MADE_WHEN_LOOKED_AT) rest.push(realm[name]);
  while (rest.length > 0) {
    const value = rest.pop();
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
    if (value === globalThis) continue;
    seen.add(value);
    try {
      freeze(value);
      // A method: nothing hangs on it.
      if (typeof value === 'function' && !hasOwn(value, 'prototype')) continue;
      rest.push(getPrototypeOf(value));
      // Names are enough: what has a symbol for a key has a name elsewhere, or is held by what is frozen here.
      for (const key of getOwnPropertyNames(value)) {
        const { value: held, get, set } = getOwnPropertyDescriptor(value, key) ?? {};
        rest.push(held, get, set);
      }
    } catch {
      // A proxy of vm2's: what it stands for is not of this realm.
    }
  }
}

/** Prototypes whose properties are often assigned to on what inherits from them. */
function overridden(): object[] {
  const errors = [Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  return [Object.prototype, Function.prototype, ...errors.map(({ prototype }) => prototype)];
}

function permitOverride(prototype: object, key: string): void {
  const { value, writable, configurable, enumerable } = getOwnPropertyDescriptor(prototype, key) ?? {};
  if (writable !== true || configurable !== true) return;
  defineProperty(prototype, key, {
    configurable,
    enumerable: enumerable === true,
    get: () => value,
    set(this: object, own: unknown) {
      defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true });
    },
  });
}

/** What the language is built of without a global's name. */
function withoutName(): unknown[] {
  const generator = function* (): Generator {};
  return [
    generator,
    getPrototypeOf(generator),
    getPrototypeOf(generator.prototype),
    getPrototypeOf(Uint8Array),
    getPrototypeOf([][Symbol.iterator]()),
    getPrototypeOf(''[Symbol.iterator]()),
    getPrototypeOf(new Map()[Symbol.iterator]()),
    getPrototypeOf(new Set()[Symbol.iterator]()),
    getPrototypeOf(''.matchAll(/x/g)),
    getPrototypeOf([][Symbol.iterator]().map((value) => value)),
  ];
}
