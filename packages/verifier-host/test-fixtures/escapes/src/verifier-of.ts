/** A verifier of these entries. Beside them it knows `good` (right), `late` (what came after an answer) and `spin` (a loop). */
import type { TaskVerifier, Verdict } from '@evenkeel/verifier';
import { plunder } from './plunder.ts';
import { late, type Probe, type World } from './probe.ts';

const abstain = (reason: string): Verdict => ({ kind: 'abstained', reason });

export function verifierOf(id: string, probes: readonly Probe[]): TaskVerifier {
  const byName = new Map(probes.map((probe) => [probe.name, probe]));
  return {
    manifest: {
      id,
      version: '1.0.0',
      sdk: '^1',
      title: 'Escapes',
      levels: ['easy'],
      limits: { timeMs: 80, memoryMb: 32 },
      permissions: { net: [], read: [], env: [] },
    },
    generate: ({ index, level }) => ({ id: `${index}`, level, data: null, groundTruth: null }),
    prompt: ({ id: puzzle }) => puzzle,
    gold: () => 'good',
    decoy: () => 'bad',
    score({ completion, groundTruth }) {
      const world = groundTruth as unknown as World;
      if (completion === 'good') {
        return { kind: 'scored', reward: 1, correct: true, formatted: true, answer: 'good', reason: 'correct' };
      }
      if (completion === 'spin') for (;;);
      if (completion === 'late') {
        const ran = late.some((value) => typeof value === 'string');
        return told([...plunder(late.splice(0), world), ...(ran ? ['runs on after its answer'] : [])]);
      }
      const probe = byName.get(completion);
      if (probe === undefined) return abstain('unknown');
      if ('answer' in probe) return probe.answer(world) as Verdict;
      return told(plunder(caughtOf(probe.attempt, world), world));
    },
  };
}

function caughtOf(attempt: (world: World) => readonly unknown[], world: World): readonly unknown[] {
  try {
    return [...attempt(world)];
  } catch (thrown) {
    return [thrown];
  }
}

function told(consequences: readonly string[]): Verdict {
  if (consequences.length === 0) return abstain('held');
  return { kind: 'failed', error: { code: 'crash', message: `GOT ${consequences.join('; ')}` } };
}
