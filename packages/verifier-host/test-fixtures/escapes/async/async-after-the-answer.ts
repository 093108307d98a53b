import { type BreakOut, late } from '../src/probe.ts';

export default {
  name: 'async-after-the-answer',
  advisory: '—',
  versions: '—',
  idea: 'An async function goes on after the call that began it has answered',
  attempt() {
    void (async () => {
      for (let step = 0; step < 100; step++) {
        await null;
        late.push('ran after its answer');
      }
    })();
    return [];
  },
} satisfies BreakOut;
