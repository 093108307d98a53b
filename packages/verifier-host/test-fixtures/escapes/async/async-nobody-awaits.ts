import type { BreakOut } from '../src/probe.ts';
import { unspeakable } from '../src/reach.ts';

export default {
  name: 'async-nobody-awaits',
  advisory: 'CVE-2026-44001, GHSA-hw58-p9xv-2mjh (what is left of it)',
  versions: '≤ 3.12.2, with async allowed',
  idea: 'An async function throws and nobody awaits it: its process ends',
  attempt() {
    void (async () => {
      throw new Error('nobody awaits');
    })();
    void (async () => {
      throw unspeakable();
    })();
    // biome-ignore lint/correctness/useYield: it is to throw at once
    void (async function* () {
      throw new Error('nobody awaits');
    })().next();
    return [];
  },
} satisfies BreakOut;
