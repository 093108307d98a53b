/** The tokens that a tokenizer's post-processor puts before a text, such as Llama 3's `<|begin_of_text|>`. */
import * as z from 'zod';
import { PolicyError } from './errors.ts';
import type { TokenizerComponent } from './tokenizer-json.ts';

const templateSchema = z.looseObject({
  single: z.array(
    z.union([
      z.looseObject({ SpecialToken: z.looseObject({ id: z.string() }) }),
      z.looseObject({ Sequence: z.looseObject({ id: z.string() }) }),
    ]),
  ),
  special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(z.int().min(0)) })),
});

/**
 * Reads a post-processor. What it puts after a text is left out: a prompt is gone on with.
 *
 * @param file what error messages call it
 * @throws {PolicyError} `tokenizer-invalid` or `tokenizer-unsupported`, naming the part
 */
export function startTokensOf(part: TokenizerComponent | null | undefined, file: string): readonly number[] {
  switch (part?.type) {
    case undefined:
    case 'ByteLevel': // moves offsets, and no id
      return [];
    case 'Sequence': {
      const steps = Array.isArray(part.processors) ? (part.processors as TokenizerComponent[]) : [];
      // Each one works on what those before it gave, so the last one's tokens stand first.
      return steps.toReversed().flatMap((step) => startTokensOf(step, file));
    }
    case 'TemplateProcessing':
      return templateStart(part, file);
    default:
      throw new PolicyError(
        `Cannot read ${file}: post_processor ${part?.type} is not supported, expected ByteLevel, TemplateProcessing or none`,
        { code: 'tokenizer-unsupported' },
      );
  }
}

function templateStart(part: TokenizerComponent, file: string): readonly number[] {
  const invalid = (state: string, wish: string, cause?: unknown): never => {
    throw new PolicyError(`Cannot read ${file}: post_processor TemplateProcessing ${state}, expected ${wish}`, {
      code: 'tokenizer-invalid',
      cause,
    });
  };
  const parsed = templateSchema.safeParse(part);
  if (!parsed.success) {
    return invalid(
      `has a wrong field ${parsed.error.issues[0]?.path.join('.')}`,
      'single and special_tokens',
      parsed.error,
    );
  }
  const { single, special_tokens } = parsed.data;
  const place = single.findIndex((piece) => 'Sequence' in piece);
  if (place < 0) return invalid('has no place for the text', 'a Sequence in single');
  return single.slice(0, place).flatMap((piece) => {
    const { id } = (piece as { readonly SpecialToken: { readonly id: string } }).SpecialToken;
    const known = Object.hasOwn(special_tokens, id) ? special_tokens[id] : undefined;
    return known?.ids ?? invalid(`uses ${JSON.stringify(id)}`, 'tokens of its special_tokens');
  });
}
