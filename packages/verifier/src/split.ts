import { type KeyedRandom, keyedRandom, sha256Uint32 } from '@evenkeel/core';
import type { PuzzleQuery, Split } from './contract.ts';

const MAX_DRAWS = 10_000;

/**
 * The split a puzzle belongs to, decided by its content alone: 10 % held out, 10 % for tuning, the rest for training.
 *
 * @param key what makes two puzzles the same one (for Countdown the target and the sorted numbers, say)
 */
export function splitOf(key: string): Split {
  const bucket = sha256Uint32(`evenkeel-split-1/${key}`) % 10;
  return bucket === 0 ? 'heldout' : bucket === 1 ? 'tune' : 'train';
}

/**
 * Draws candidates under keys (seed, index, attempt) until one lies in the wanted split and is a valid puzzle.
 *
 * @param stream names the task and its generator's version
 * @param draw a candidate, or null where the draw gave no valid puzzle
 * @param keyOf the candidate's identity, see `splitOf`
 * @throws {RangeError} if 10,000 draws gave none: the level has no puzzle in this split
 */
export function drawInSplit<T>(
  query: PuzzleQuery,
  stream: string,
  draw: (random: KeyedRandom) => T | null,
  keyOf: (candidate: T) => string,
): T {
  const streamOfLevel = `${stream}/${query.level}`;
  for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
    const candidate = draw(keyedRandom(query.seed, streamOfLevel, query.index, attempt));
    if (candidate !== null && splitOf(keyOf(candidate)) === query.split) return candidate;
  }
  throw new RangeError(
    `Cannot generate a puzzle: ${MAX_DRAWS} draws at level "${query.level}" gave none in split "${query.split}", expected at least one`,
  );
}
