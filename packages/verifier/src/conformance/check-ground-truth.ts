/**
 * Conformance: a ground truth that is not what `generate` makes is the row's fault, and no zero for the model. What is malformed is
 * told from the ground truths that were generated: a value of a type that none of them has, a field that all of them have left out.
 */
import type { Json } from '@evenkeel/core';
import { describe } from './check-answers.ts';
import { type ConformanceCheck, excerpt } from './finding.ts';
import type { Inspection, Sample } from './samples.ts';

type JsonType = 'null' | 'boolean' | 'number' | 'text' | 'list' | 'object';
type Fields = Readonly<Record<string, Json>>;

const ofEachType: readonly Json[] = [null, true, 3, -0.5, '', 'x', [], [1], {}, { x: 1 }];

function typeOf(value: Json): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : (typeof value as 'boolean' | 'number' | 'object');
}

interface Malformed {
  readonly check: ConformanceCheck;
  readonly groundTruth: Json;
  readonly what: string;
}

export async function checkGroundTruths({ subject, findings }: Inspection, samples: readonly Sample[]): Promise<void> {
  const truths = samples.map(({ puzzle }) => puzzle.groundTruth).filter((truth) => truth !== undefined);
  const [first] = truths;
  if (first === undefined) return;
  const malformed = malformedOf(truths);
  const completion = samples[0]?.words[0]?.golds[0] ?? '\\boxed{1}';
  const verdicts = await subject.score(malformed.map(({ groundTruth }) => ({ groundTruth, completion })));
  for (const [at, { check, groundTruth, what }] of malformed.entries()) {
    const verdict = verdicts[at]!;
    if (verdict.kind === 'failed' && verdict.error.code === 'ground-truth') continue;
    const threw = verdict.kind === 'failed';
    findings.add(
      threw ? 'ground-truth' : check,
      `score() gave ${describe(verdict)} for ${what}: ${excerpt(JSON.stringify(groundTruth))}`,
      '"failed" with the code "ground-truth"',
    );
  }
}

function malformedOf(truths: readonly Json[]): Malformed[] {
  const types = new Set(truths.map(typeOf));
  const [first] = truths;
  const others = ofEachType.filter((value) => !types.has(typeOf(value)));
  const malformed = others.map(
    (groundTruth): Malformed => ({
      check: 'ground-truth',
      groundTruth,
      what: `a ground truth of the type ${typeOf(groundTruth)}`,
    }),
  );
  if (types.size !== 1 || typeOf(first!) !== 'object') return malformed;
  const objects = truths as readonly Fields[];
  const common = Object.keys(objects[0]!).filter((key) => objects.every((truth) => key in truth));
  const nulls = Object.fromEntries(common.map((key) => [key, null]));
  malformed.push({ check: 'ground-truth', groundTruth: {}, what: 'an empty ground truth' });
  if (objects.every((truth) => common.every((key) => truth[key] !== null))) {
    malformed.push({ check: 'ground-truth', groundTruth: nulls, what: 'a ground truth of nulls' });
  }
  for (const key of common) {
    const { [key]: _, ...without } = objects[0]!;
    malformed.push({ check: 'ground-truth-lax', groundTruth: without, what: `a ground truth without "${key}"` });
    const typesOfField = new Set(objects.map((truth) => typeOf(truth[key]!)));
    for (const value of ofEachType.filter((each) => !typesOfField.has(typeOf(each)))) {
      malformed.push({
        check: 'ground-truth-lax',
        groundTruth: { ...objects[0]!, [key]: value },
        what: `a ground truth whose "${key}" is of the type ${typeOf(value)}`,
      });
    }
  }
  return malformed;
}
