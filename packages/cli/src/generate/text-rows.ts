/**
 * Rows of prompts and completions as `generate` and `score` read them: each a row, or the reason why it is none. It knows no model and no
 * file, only lines.
 */
import { z } from 'zod';

/** Text, or tokens as they are. */
const textOrTokens = z.union([z.string(), z.array(z.int().nonnegative())]);
export type TextOrTokens = z.output<typeof textOrTokens>;

const messages = z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1);

const prompt = z.looseObject({ prompt: textOrTokens, messages: z.undefined().optional() });
const conversation = z.looseObject({ messages, prompt: z.undefined().optional() });
const completion = z.looseObject({ completion: textOrTokens });

/** What a policy goes on from. */
export const promptRow = z.union([prompt, conversation]);
export type PromptRow = z.output<typeof promptRow>;

/** What a policy gives a probability to. */
export const scoreRow = promptRow.and(completion);
export type ScoreRow = z.output<typeof scoreRow>;

/** A row, or what is wrong with it. */
export type Read<R> = R | InvalidRow;

/** The line is no row. */
export class InvalidRow {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** JSON lines; blank ones do not count. */
export async function* jsonRows<R>(
  lines: AsyncIterable<string>,
  schema: z.ZodType<R>,
  wish: string,
): AsyncGenerator<Read<R>> {
  for await (const line of lines) {
    // A file of another system may begin with a mark.
    const text = line.replace(/^\uFEFF/, '');
    if (text.trim() === '') continue;
    const json = parse(text);
    if (json === undefined) {
      yield new InvalidRow(`it is not JSON, expected ${wish}`);
      continue;
    }
    const { success, data, error } = schema.safeParse(json);
    if (success) yield data;
    else yield new InvalidRow(`${placeOf(error)}, expected ${wish}`);
  }
}

/** Each line is a prompt as it stands; blank ones do not count. */
export async function* textRows(lines: AsyncIterable<string>): AsyncGenerator<PromptRow> {
  for await (const line of lines) if (line.trim() !== '') yield { prompt: line };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function placeOf({ issues }: z.ZodError): string {
  const place = issues.find(({ path }) => path.length > 0)?.path.join('.');
  return place === undefined ? 'it is no such row' : `its field "${place}" is missing or of another kind`;
}

/** Gathers what comes into pieces of at most so many. */
export async function* inChunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
