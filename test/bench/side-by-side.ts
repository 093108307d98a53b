/**
 * Two that do the same work in turns, so that whatever else the machine does falls on both alike. It does not know the work.
 */
import { median } from './median.ts';

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** The middle of some measurements, and how far they lie apart. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** Pairs of one turn each, after turns that do not count. The one who begins changes from pair to pair. */
export async function inTurns<A, B>(
  ours: () => Promise<A>,
  theirs: () => Promise<B>,
  { pairs, warmUp }: { readonly pairs: number; readonly warmUp: number },
): Promise<{ readonly ours: A; readonly theirs: B }[]> {
  const done: { readonly ours: A; readonly theirs: B }[] = [];
  for (let pair = -warmUp; pair < pairs; pair++) {
    let turns: { ours: A; theirs: B };
    if (pair % 2 === 0) {
      const first = await ours();
      turns = { ours: first, theirs: await theirs() };
    } else {
      const first = await theirs();
      turns = { ours: await ours(), theirs: first };
    }
    if (pair >= 0) done.push(turns);
  }
  return done;
}
