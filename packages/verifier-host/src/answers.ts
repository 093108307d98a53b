/** Lines of a sandbox as values: nothing of them is believed before a schema has seen it. */
import type { VerifierFailure } from '@evenkeel/verifier';
import type { z } from 'zod';
import { explainIssue, verifierFailureSchema } from './contract-schemas.ts';

export type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: VerifierFailure };

/** What a line says, checked. */
export function readAnswer<T>(line: string, schema: z.ZodType<T>): Answer<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.slice(1));
  } catch {
    return contractBroken('found no JSON value');
  }
  if (line[0] === '!') {
    const failure = verifierFailureSchema.safeParse(parsed);
    return failure.success ? { kind: 'failed', error: failure.data } : contractBroken('found no failure record');
  }
  if (line[0] !== '=') return contractBroken('found no answer');
  const checked = schema.safeParse(parsed);
  return checked.success ? { kind: 'value', value: checked.data } : contractBroken(explainIssue(checked.error));
}

/** A failure as a line, as a sandbox would have said it. */
export function failureLine(code: VerifierFailure['code'], message: string): string {
  return `!${JSON.stringify({ code, message: message.slice(0, 1000) })}`;
}

function contractBroken(message: string): Answer<never> {
  return { kind: 'failed', error: { code: 'contract', message } };
}
