import type { Verdict } from '@evenkeel/verifier';
import { type OpenVerifier, VerifierHostError } from '@evenkeel/verifier-host';
import { describe, expect, test } from 'vitest';
import { ServedVerifier } from './served-verifier.ts';

const verdict: Verdict = { kind: 'abstained', reason: 'it is only there to be asked' };

/** A verifier whose process can be broken, which a real one's cannot be on cue. */
function breakable() {
  const state = { broken: false, asked: 0, drawn: [] as number[], closed: false };
  const verifier = {
    manifest: { id: 'breakable', version: '1.0.0' },
    score: async (submissions: readonly unknown[]) => {
      state.asked++;
      if (state.broken) {
        throw new VerifierHostError('Cannot start verifier', { code: 'verifier-start', retryable: true });
      }
      return submissions.map(() => verdict);
    },
    draw: async (queries: readonly unknown[]) => {
      state.drawn.push(queries.length);
      return queries.map((_, at) => ({ puzzle: { id: `${at}` }, prompt: 'p' }));
    },
    close: async () => {
      state.closed = true;
    },
  } as unknown as OpenVerifier;
  return { state, served: new ServedVerifier(verifier, 1) };
}

const submission = { groundTruth: null, completion: '' };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ServedVerifier', () => {
  test('is down from the moment its process cannot be started until it answers again', async () => {
    const { state, served } = breakable();
    expect(served.up).toBe(true);
    state.broken = true;
    await expect(served.score([submission], {})).rejects.toMatchObject({ code: 'verifier-start' });
    expect(served.up).toBe(false);
    served.look();
    served.look();
    expect(state.asked).toBe(2);
    await turn();
    expect(served.up).toBe(false);
    state.broken = false;
    served.look();
    await turn();
    expect(served.up).toBe(true);
  });

  test('draws portion after portion, one call at a time, and stops where nobody waits', async () => {
    const { state, served } = breakable();
    const queries = Array.from({ length: 600 }, (_, index) => ({
      seed: 0,
      index,
      level: 'only',
      split: 'train' as const,
    }));
    const done: number[] = [];
    const drawn = await served.draw(queries, { style: 'chat' }, { onDone: (count) => done.push(count) });
    expect(drawn).toHaveLength(600);
    expect(state.drawn).toEqual([256, 256, 88]);
    expect(done).toEqual([256, 256, 88]);
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(served.draw(queries, { style: 'chat' }, { signal: gone })).rejects.toThrow('gone');
    expect(state.drawn).toHaveLength(3);
  });

  test('refuses what comes after its close', async () => {
    const { state, served } = breakable();
    await served.close(new Error('stopped'));
    await expect(served.score([submission], {})).rejects.toThrow('stopped');
    expect(state.closed).toBe(true);
  });
});
