/** What must hold after a run under fire, read off the store alone: whoever ran it, and whatever it said. */

import type { ArtefactRef } from '@evenkeel/core';
import { decodeRollouts, decodeVerdicts, type ListedCommit, repeatedWork, type Store } from '@evenkeel/store';

export interface Proof {
  /** Work that was begun on a key after its commit, by kind of job. */
  readonly repeated: { readonly rollouts: number; readonly verdicts: number; readonly updates: number };
  /** Steps with more than one committed update: an optimizer step that counted twice. */
  readonly updatedTwice: number;
  /** Steps between the first and the last without an update. */
  readonly stepsMissing: number;
  /** Rollouts of committed rounds without a verdict of their own. */
  readonly verdictsLost: number;
  readonly commits: number;
  readonly starts: number;
}

/** What of it must be nought and is not, by name. */
export function brokenPromises({ repeated, updatedTwice, stepsMissing, verdictsLost }: Proof): readonly string[] {
  const counts = { ...repeated, updatedTwice, stepsMissing, verdictsLost };
  return Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`]));
}

interface VerifyRefs {
  readonly verdicts: ArtefactRef;
}

/** @param steps how many the run has */
export async function proveStore(store: Store, run: string, steps: number): Promise<Proof> {
  const [journal, commits] = [await store.readJournal(), await store.listCommits()];
  const repeated = repeatedWork(journal, commits);
  const count = (part: string) => repeated.filter(({ key }) => key.includes(part)).length;
  const own = commits.filter(({ key }) => key.startsWith(`${run}/`));
  const updates = Map.groupBy(
    own.filter(({ key }) => key.includes('/update/')),
    ({ key }) => key.split('/')[1]!,
  );
  return {
    repeated: {
      rollouts: count('/rollout/'),
      verdicts: count('/verify/'),
      updates: count('/update/'),
    },
    updatedTwice: [...updates.values()].filter((of) => of.length > 1).length,
    stepsMissing: steps - updates.size,
    verdictsLost: await verdictsLost(store, own),
    commits: commits.length,
    starts: journal.filter(({ kind }) => kind === 'started').length,
  };
}

/** Each round's rollouts against its verdicts, row by row. */
async function verdictsLost(store: Store, commits: readonly ListedCommit[]): Promise<number> {
  const rounds = Map.groupBy(commits, ({ key }) => key.split('/').slice(0, 4).join('/'));
  let lost = 0;
  for (const round of rounds.values()) {
    const shards = round.filter(({ key }) => key.includes('/rollout/'));
    if (shards.length === 0) continue;
    const rolled = new Set<string>();
    for (const { result } of shards) {
      const { rollouts } = result as unknown as { rollouts: ArtefactRef };
      for (const { prompt, sample } of decodeRollouts(await store.get(rollouts))) rolled.add(`${prompt}/${sample}`);
    }
    for (const { key, result } of round) {
      if (!key.includes('/verify/')) continue;
      const { verdicts } = result as unknown as VerifyRefs;
      for (const { prompt, sample } of decodeVerdicts(await store.get(verdicts))) rolled.delete(`${prompt}/${sample}`);
    }
    lost += rolled.size;
  }
  return lost;
}
