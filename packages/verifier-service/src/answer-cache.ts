/**
 * Answers by Idempotency-Key, so that a repeated request is not worked on twice: the same key with the same body gets the same
 * answer, also while the first one is still being worked on. Least recently used answers leave first.
 *
 * Invariant: at most so many entries and so many characters of settled answers; those under way are bounded by who admits them.
 */
import { HttpProblem } from './errors.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Entry {
  readonly bodySha256: string;
  readonly answer: Promise<Answer>;
  chars: number;
}

export class AnswerCache {
  #entries = new Map<string, Entry>();
  #chars = 0;
  #maxEntries: number;
  #maxChars: number;

  constructor({ maxEntries, maxChars }: { readonly maxEntries: number; readonly maxChars: number }) {
    this.#maxEntries = maxEntries;
    this.#maxChars = maxChars;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The answer of the first request with this key; makes it where there is none. What fails is not kept: a repeated request tries
   * anew.
   *
   * @param key of the whole endpoint, not of the header alone
   * @throws {HttpProblem} `idempotency-mismatch` where the key came with another body
   */
  async once(
    key: string,
    bodySha256: string,
    make: () => Promise<Answer>,
  ): Promise<{ readonly answer: Answer; readonly replayed: boolean }> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (known.bodySha256 !== bodySha256) {
        throw new HttpProblem(
          422,
          'idempotency-mismatch',
          'Cannot use Idempotency-Key: it came with another body before, expected a key of its own for each body (its SHA-256, say)',
        );
      }
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return { answer: await known.answer, replayed: true };
    }
    const entry: Entry = { bodySha256, answer: make(), chars: 0 };
    this.#entries.set(key, entry);
    try {
      const answer = await entry.answer;
      entry.chars = answer.body.length;
      this.#chars += entry.chars;
      this.#trim();
      return { answer, replayed: false };
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  #trim(): void {
    for (const [key, { chars }] of this.#entries) {
      if (this.#entries.size <= this.#maxEntries && this.#chars <= this.#maxChars) return;
      if (chars === 0) continue;
      this.#entries.delete(key);
      this.#chars -= chars;
    }
  }
}
