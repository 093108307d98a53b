/**
 * Conformance: gold answers with a change in them are wrong. Some changed answers are right all the same (a sum turned round, one of
 * two equal tokens moved, a zero put in front), and only the verifier knows which: so one such answer is no finding, but a share of
 * them is that no sound comparison leaves. White space and capitals may be overlooked, and do not count as changes.
 */
import { keyedRandom } from '@evenkeel/core';
import { lastBoxed } from '../boxed.ts';
import type { PromptStyle } from '../contract.ts';
import { type MutationKind, mutations, readAlike } from './mutations.ts';
import type { Inspection, Sample } from './samples.ts';

/**
 * The largest share of changed answers that may be right. Measured over the shipped tasks and levels, 240 answers of each: at most
 * 0.18 where something is doubled (`3 + + 4`), 0.14 where tokens are swapped (`4 + 3`), 0.005 elsewhere.
 */
const mostRight: Readonly<Record<MutationKind, number>> = {
  'a character dropped': 0.25,
  'a character doubled': 0.5,
  'a character altered': 0.25,
  'two characters swapped': 0.5,
  'a token dropped': 0.25,
  'a token doubled': 0.5,
  'a token altered': 0.25,
  'two tokens swapped': 0.6,
  'a token put behind': 0.25,
  "another puzzle's answer": 0.5,
};
/** A share of fewer changed answers says nothing. */
const LEAST_MUTANTS = 10;

interface Mutant {
  readonly sample: Sample;
  readonly style: PromptStyle;
  readonly gold: string;
  readonly completion: string;
}

export async function checkMutations(
  { subject, findings, seed }: Inspection,
  samples: readonly Sample[],
): Promise<void> {
  for (const level of subject.manifest.levels) {
    const ofLevel = samples.filter(({ query }) => query.level === level);
    for (const kind of Object.keys(mutations) as MutationKind[]) {
      const mutants = mutantsOf(ofLevel, kind, seed);
      if (mutants.length < LEAST_MUTANTS) continue;
      const verdicts = await subject.score(
        mutants.map(({ sample, completion }) => ({ groundTruth: sample.puzzle.groundTruth, completion })),
      );
      const right = mutants.filter((_, at) => {
        const verdict = verdicts[at]!;
        return verdict.kind === 'scored' && verdict.correct;
      });
      if (right.length <= mutants.length * mostRight[kind]) continue;
      const { sample, style, gold, completion } = right[0]!;
      findings.add(
        'mutations-are-wrong',
        `${kind}: ${right.length} of ${mutants.length} gold answers of level "${level}" stay right, such as this one, made of ${JSON.stringify(gold.slice(0, 80))}`,
        `at most ${Math.round(100 * mostRight[kind])} %`,
        { query: sample.query, style, completion },
      );
    }
  }
}

/** One for each sample and style, where the change changes something. */
function mutantsOf(samples: readonly Sample[], kind: MutationKind, seed: number): Mutant[] {
  const answers = samples.map(({ words }) => words.map(({ golds }) => boxOf(golds[0]!).content));
  return samples.flatMap((sample, place) =>
    sample.words.flatMap(({ style, golds }, at): Mutant[] => {
      const gold = golds[0]!;
      const { content, start } = boxOf(gold);
      const random = keyedRandom(seed, `conformance/mutation/${kind}`, place, at);
      const others = answers.flatMap((texts, other) => (other === place ? [] : (texts[at] ?? [])));
      const mutated = mutations[kind](random, content, { others });
      if (readAlike(mutated, content)) return [];
      const completion = gold.slice(0, start) + mutated + gold.slice(start + content.length);
      return [{ sample, style, gold, completion }];
    }),
  );
}

/** The answer within a completion: what stands in the last box; all of it where there is none. */
function boxOf(gold: string): { readonly content: string; readonly start: number } {
  const content = lastBoxed(gold);
  return content === null ? { content: gold, start: 0 } : { content, start: gold.lastIndexOf(`{${content}}`) + 1 };
}
