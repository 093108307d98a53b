/** What is done with what an entry got hold of: all that must not be possible. */
import type { Loose, World } from './probe.ts';

const ownFunction = (() => {}).constructor;
const { getPrototypeOf } = Object;

/** Consequences, in words; empty where nothing came of it. */
export function plunder(found: readonly unknown[], world: World): string[] {
  const had = new Set<string>();
  const seen = new Set<unknown>();
  const rest = found.map((value) => ({ value, depth: 0 }));
  while (rest.length > 0 && seen.size < 400) {
    const { value, depth } = rest.shift()!;
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
    seen.add(value);
    if (attempted(() => typeof (value as Loose).told) === 'string') had.add('tells of the host');
    const did = attempted(() => (value as Loose).did);
    if (typeof did === 'string') had.add(did);
    const consequences = attempted(() => use(value, world)) ?? [];
    for (const consequence of consequences) had.add(consequence);
    if (depth < 4) for (const next of around(value)) rest.push({ value: next, depth: depth + 1 });
  }
  return [...had].sort();
}

/** What hangs on a value: where a climb goes on. */
function around(value: Loose): unknown[] {
  const reached: unknown[] = [attempted(() => getPrototypeOf(value))];
  for (const name of ['constructor', '__proto__', 'process', 'mainModule', 'global', 'cause', 'error', 'suppressed']) {
    reached.push(attempted(() => value[name]));
  }
  if (Array.isArray(value)) reached.push(...value.slice(0, 20));
  return reached;
}

function use(value: Loose, world: World): string[] {
  const had: string[] = [];
  if (isForeign(value)) had.push('an object of another realm');
  if (typeof value === 'function' && value !== ownFunction) {
    if (attempted(() => value('return 1')()) === 1) had.push('code from a string');
    for (const reached of [attempted(() => value('return process')()), attempted(() => value('return globalThis')())]) {
      had.push(...usePlatform(reached, world));
    }
  }
  had.push(...usePlatform(value, world));
  return had;
}

/** Its prototypes end in the Object.prototype of another realm. */
function isForeign(value: object): boolean {
  let last: object | null = null;
  let steps = 0;
  for (let at = getPrototypeOf(value); at !== null && steps < 50; at = getPrototypeOf(at), steps++) last = at;
  return last !== null && last !== Object.prototype && value !== globalThis && Object.hasOwn(last, '__lookupGetter__');
}

/** What a `process`, or something like it, is good for. */
export function usePlatform(found: Loose, world: World): string[] {
  if ((typeof found !== 'object' && typeof found !== 'function') || found === null) return [];
  const had: string[] = [];
  const environment = attempted(() => found.env?.[world.variable] ?? found.process?.env?.[world.variable]);
  if (typeof environment === 'string') had.push('sees the environment');
  const load = attempted(() => found.getBuiltinModule ?? found.mainModule?.require ?? found.require ?? found._load);
  if (typeof load !== 'function') return had;
  const moduleOf = (name: string): Loose => attempted(() => load.call(found, name));
  if (attempted(() => String(moduleOf('fs').readFileSync(world.canaryFile)))?.includes('canary') === true) {
    had.push('reads a file');
  }
  attempted(() => moduleOf('fs').writeFileSync(`${world.folder}/written`, 'written'));
  attempted(() =>
    moduleOf('net')
      .connect(world.port, '127.0.0.1')
      .on('error', () => {}),
  );
  attempted(() => moduleOf('child_process').spawnSync('/bin/sh', ['-c', `echo ran > ${world.folder}/ran`]));
  return had;
}

export function attempted<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
