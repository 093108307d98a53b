import { attempted } from '../src/plunder.ts';
import { type BreakOut, type Loose, late } from '../src/probe.ts';
import { unspeakable } from '../src/reach.ts';

export default {
  name: 'async-rejection',
  advisory: 'CVE-2026-22709, GHSA-99p7-6v5w-7xg8',
  versions: '≤ 3.10.1',
  idea: 'An async function’s promise is the engine’s own: its catch is given the host’s error',
  attempt() {
    const keep = (value: unknown): void => void late.push(value, (value as Loose)?.constructor);
    const failing = async (): Promise<unknown> => unspeakable().stack;
    attempted(() => failing().catch(keep));
    attempted(() => failing().then(keep, keep));
    const promise: Loose = failing();
    attempted(() => {
      promise.constructor = { [Symbol.species]: class {} };
      promise.finally(keep);
    });
    return [promise, failing.constructor, attempted(() => (failing.constructor as Loose)('return 1')())];
  },
} satisfies BreakOut;
