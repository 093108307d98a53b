import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  httpDrawSchema,
  httpErrorSchema,
  httpManifestSchema,
  httpPuzzlesSchema,
  httpScoreBatchSchema,
  httpVerdictsSchema,
} from './http-schemas.ts';

describe('the schemas of the verifier protocol', () => {
  test('can all be said as JSON Schema, with the fields that must be there', () => {
    const all = [
      httpDrawSchema,
      httpErrorSchema,
      httpManifestSchema,
      httpPuzzlesSchema,
      httpScoreBatchSchema,
      httpVerdictsSchema,
    ];
    for (const schema of all) expect(z.toJSONSchema(schema)).toHaveProperty('type', 'object');
    expect(z.toJSONSchema(httpScoreBatchSchema)).toMatchObject({
      properties: {
        items: { minItems: 1, maxItems: 1024, items: { required: ['groundTruth', 'completion'] } },
      },
      additionalProperties: false,
    });
  });

  test('take any ground truth, null too, but not a missing one', () => {
    const accepts = (item: unknown) => httpScoreBatchSchema.safeParse({ items: [item] }).success;
    expect(accepts({ groundTruth: null, completion: '' })).toBe(true);
    expect(accepts({ groundTruth: { target: [1] }, completion: 'x' })).toBe(true);
    expect(accepts({ completion: 'x' })).toBe(false);
    expect(accepts({ groundTruth: 1 })).toBe(false);
    expect(accepts({ groundTruth: 1, completion: 'x', id: 'a' })).toBe(false);
    expect(httpScoreBatchSchema.safeParse({ items: [] }).success).toBe(false);
  });

  test('take the three kinds of verdicts and nothing else', () => {
    const scored = { kind: 'scored', reward: 0.5, correct: false, formatted: true, answer: null, reason: 'near' };
    const accepts = (verdict: unknown) => httpVerdictsSchema.safeParse({ verdicts: [verdict] }).success;
    expect(accepts(scored)).toBe(true);
    expect(accepts({ ...scored, components: { format: 1 }, metrics: { length: 3 } })).toBe(true);
    expect(accepts({ kind: 'abstained', reason: 'no opinion' })).toBe(true);
    expect(accepts({ kind: 'failed', error: { code: 'ground-truth', message: 'no target' } })).toBe(true);
    expect(accepts({ kind: 'failed', error: { code: 'tired', message: '' } })).toBe(false);
    expect(accepts({ ...scored, reward: Number.NaN })).toBe(false);
    expect(accepts({ ...scored, author: 'me' })).toBe(false);
    expect(accepts(1)).toBe(false);
  });
});
