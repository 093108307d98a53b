/**
 * Leaves of the process's own realm only the language, and that unchangeable: what somebody finds there who got out of vm2. It knows
 * no vm2 and no verifier.
 *
 * Without this a way out of vm2 ends in front of the permission model, and that is not the whole of the platform: `node:sqlite`
 * opens, reads and writes any database file whatever is granted, V8's flags can be set while it runs, and the system tells its
 * names, its users and its certificates. What cannot be named cannot be asked: no `process` to climb to, no `require`, no
 * `getBuiltinModule`, no `fetch`.
 */
import { hardenRealm } from './harden-realm.ts';
import { languageGlobals } from './language-globals.ts';
import { stopClock } from './still-clock.ts';

const ofTheLanguage = new Set(languageGlobals);

/** What the runtime itself asks of `process` while the program runs and when it ends. */
const ofTheRuntime = new Set<string | symbol>([
  '_events',
  '_eventsCount',
  '_maxListeners',
  '_exiting',
  '_fatalException',
  '_tickCallback',
  'domain',
  'emitWarning',
  'env',
  'exitCode',
  'nextTick',
  'version',
  'versions',
  // Not to be taken away: facts, and a question that can only be asked or given up.
  'argv0',
  'features',
  'permission',
]);

/** To be called once everything is loaded that the program needs; it holds its own references to it. */
export function stripRealm(): void {
  // Dates read the same on every machine.
  process.env.TZ = 'UTC';
  const bare = process as unknown as object;
  for (const key of Reflect.ownKeys(bare)) if (!ofTheRuntime.has(key)) takeAway(bare, key);
  for (const key of Reflect.ownKeys(globalThis)) {
    if (typeof key === 'string' && !ofTheLanguage.has(key)) takeAway(globalThis, key);
  }
  stopClock();
  hardenRealm();
  // The program looks its globals up when it uses them.
  for (const name of languageGlobals) {
    if (Object.hasOwn(globalThis, name))
      Object.defineProperty(globalThis, name, { writable: false, configurable: false });
  }
}

function takeAway(holder: object, key: string | symbol): void {
  if (Reflect.deleteProperty(holder, key)) return;
  if (Reflect.defineProperty(holder, key, { value: undefined })) return;
  throw new Error(`Cannot strip the realm: ${String(key)} stays, expected it to go`);
}
