/** Conformance: prompts, gold answers and decoys, and that the last box counts. */
import type { PromptStyle, Verdict } from '../contract.ts';
import { type RewardBounds, rewardBounds } from '../reward-scale.ts';
import { type ConformanceCheck, excerpt } from './finding.ts';
import { type Inspection, type Sample, styles, type Words } from './samples.ts';

type Wish = 'right' | 'wrong' | 'none';

interface Trial {
  readonly check: ConformanceCheck;
  readonly wish: Wish;
  readonly sample: Sample;
  readonly style: PromptStyle;
  readonly completion: string;
}

const OPENING = '\\boxed{';

export async function checkAnswers(inspection: Inspection, samples: readonly Sample[]): Promise<void> {
  const { subject, findings } = inspection;
  checkPrompts(inspection, samples);
  const trials = samples.flatMap((sample) => sample.words.flatMap((words) => trialsOf(sample, words)));
  const verdicts = await subject.score(
    trials.map(({ sample, completion }) => ({ groundTruth: sample.puzzle.groundTruth, completion })),
  );
  const bounds = rewardBounds(subject.manifest.rewards);
  for (const [at, { check, wish, sample, style, completion }] of trials.entries()) {
    const verdict = verdicts[at]!;
    if (fulfils(verdict, wish, bounds)) continue;
    findings.add(check, `score() gave ${describe(verdict)}`, wishText(wish, bounds), {
      query: sample.query,
      style,
      completion,
    });
  }
  await checkAmbiguity(inspection, samples);
}

/** A prompt that shows the form by an example (`\\boxed{Alice}`) may hit the answer now and then: a habit of it tells it. */
const MOST_TOLD = 0.8;
const LEAST_PROMPTS = 10;

function checkPrompts({ subject, findings }: Inspection, samples: readonly Sample[]): void {
  for (const { query, words } of samples) {
    for (const { style, prompt } of words) {
      if (prompt.trim() === '') findings.add('prompt-empty', 'prompt() is empty', 'a text', { query, style });
    }
  }
  for (const level of subject.manifest.levels) {
    for (const style of styles) {
      const worded = samples.flatMap(({ query, words }) =>
        query.level === level ? words.filter((each) => each.style === style).map((each) => ({ query, ...each })) : [],
      );
      const telling = worded.filter(({ prompt, golds }) => prompt.includes(golds[0]!.trim()));
      if (worded.length < LEAST_PROMPTS || telling.length <= worded.length * MOST_TOLD) continue;
      const { query, golds } = telling[0]!;
      const seen = `${telling.length} of ${worded.length} prompts of level "${level}" hold their gold answer, such as ${excerpt(golds[0]!)}`;
      findings.add('prompt-tells-answer', seen, 'prompts without it', { query, style });
    }
  }
}

function trialsOf(sample: Sample, { style, golds, decoys }: Words): Trial[] {
  return golds.flatMap((gold, variant): Trial[] => {
    const decoy = decoys[variant]!;
    const trial = (check: ConformanceCheck, wish: Wish, completion: string): Trial => ({
      check,
      wish,
      sample,
      style,
      completion,
    });
    const plain = [trial('gold-is-right', 'right', gold), trial('decoy-is-wrong', 'wrong', decoy)];
    if (!gold.includes(OPENING)) return plain;
    return [
      ...plain,
      trial('cut-gold-is-none', 'none', gold.slice(0, gold.lastIndexOf('}'))),
      trial('last-box-counts', 'right', `${decoy}\nNo, it is this: ${gold}\nThat is my answer.`),
      trial('last-box-counts', 'wrong', `${gold}\nNo, it is this: ${decoy}`),
    ];
  });
}

function fulfils(verdict: Verdict, wish: Wish, bounds: RewardBounds): boolean {
  if (verdict.kind !== 'scored') return false;
  if (wish === 'right') return verdict.correct;
  if (wish === 'none') return verdict.reward === bounds.smallest;
  return !verdict.correct && (verdict.formatted || !bounds.hasMiddle);
}

function wishText(wish: Wish, { largest, smallest, hasMiddle, text }: RewardBounds): string {
  if (wish === 'right') return `reward ${largest}`;
  if (wish === 'none') return `reward ${smallest}`;
  return hasMiddle ? `a reward below ${largest} and above ${smallest} (rewards: ${text})` : `reward ${smallest}`;
}

export function describe(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'scored':
      return `reward ${verdict.reward} (${verdict.reason})`;
    case 'abstained':
      return `"abstained" (${verdict.reason})`;
    case 'failed':
      return `"failed" (${verdict.error.code}: ${verdict.error.message})`;
  }
}

/** Puzzles that read alike must have the same answers: the gold answer of one is right for the other. */
async function checkAmbiguity({ subject, findings }: Inspection, samples: readonly Sample[]): Promise<void> {
  const first = new Map<string, Sample>();
  const pairs: { readonly sample: Sample; readonly style: PromptStyle; readonly completion: string }[] = [];
  for (const sample of samples) {
    for (const { style, prompt, golds } of sample.words) {
      const key = `${style} ${prompt}`;
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, sample);
      else if (earlier !== sample) pairs.push({ sample: earlier, style, completion: golds[0]! });
    }
  }
  const verdicts = await subject.score(
    pairs.map(({ sample, completion }) => ({ groundTruth: sample.puzzle.groundTruth, completion })),
  );
  for (const [at, { sample, style, completion }] of pairs.entries()) {
    const verdict = verdicts[at]!;
    if (verdict.kind !== 'scored' || verdict.correct) continue;
    const seen = `another puzzle has this prompt, and its gold answer scores ${verdict.reward} here`;
    findings.add('prompt-ambiguous', seen, 'one question for a prompt', { query: sample.query, style, completion });
  }
}
