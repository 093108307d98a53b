/**
 * Small records that carry their own hash, so that a bit that a disk turned is found even where what is left still parses. Artefacts
 * need none: their name is their hash.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '@evenkeel/core';

/**
 * The record as one line of canonical JSON, with the SHA-256 of what it is without it in the field `sum`.
 *
 * @example
 * ```ts
 * import { deepEqual, equal } from 'node:assert/strict';
 * import { openSealed, sealJson } from '@evenkeel/store';
 *
 * const text = sealJson({ step: 41 });
 * deepEqual(openSealed(text), { step: 41 });
 * equal(openSealed(text.replace('41', '40')), undefined);
 * ```
 */
export function sealJson(record: Readonly<Record<string, unknown>>): string {
  return `${canonicalJson({ ...record, sum: hash('sha256', canonicalJson(record), 'hex') })}\n`;
}

/**
 * The record without its `sum`; undefined where it is no JSON object, or not what was sealed. A record without a `sum` is taken as it
 * is: those of releases before 0.2 have none.
 */
export function openSealed(text: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  if (!('sum' in parsed)) return parsed;
  const { sum, ...record } = parsed;
  return hash('sha256', canonicalJson(record), 'hex') === sum ? record : undefined;
}
