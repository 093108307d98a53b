import { canonicalJson, sha256Hex } from '@evenkeel/core';
import type { Split, TaskVerifier } from './contract.ts';

const splits: readonly Split[] = ['train', 'tune', 'heldout'];

/**
 * One hash over what a verifier generates: puzzles, prompts and answers, of its levels and of each split. A test compares it with a
 * recorded one; if it changes, the manifest's version has to change.
 *
 * @param puzzlesPerDraw how many puzzles of each level and split
 */
export function generationDigest(
  verifier: TaskVerifier,
  puzzlesPerDraw: number,
  levels: readonly string[] = verifier.manifest.levels,
): string {
  let digest = '';
  for (const level of levels) {
    for (const split of splits) {
      for (let index = 0; index < puzzlesPerDraw; index++) {
        const puzzle = verifier.generate({ seed: 7, index, level, split });
        const texts = (['chat', 'compact'] as const).map((style) => [
          verifier.prompt(puzzle, style),
          verifier.gold(puzzle, style, index),
          verifier.decoy(puzzle, style, index),
        ]);
        digest = sha256Hex(`${digest}${canonicalJson({ puzzle, texts })}`);
      }
    }
  }
  return digest;
}
