/**
 * Prompts that a task takes from a prompt set in place of generated puzzles. A set is a `prompts` table in the store; which of its
 * rows a draw means is a pure function of the table and the draw. It knows no verifier.
 *
 * Invariant: a row belongs to one split, decided by its prompt's text alone, so that no prompt that is evaluated on is trained on,
 * whatever the seed, and whichever sets hold it.
 */
import { type ArtefactRef, ConfigError, keyedRandom } from '@evenkeel/core';
import { allLevels, type PuzzleDraw, verifierIdOf } from '@evenkeel/protocol';
import { type ArtefactStore, decodePrompts, type PromptRow } from '@evenkeel/store';
import { type Split, splitOf } from '@evenkeel/verifier';

/** Rows of a set: `from` … `from + count − 1` of the task's sequence. */
export interface SetDraw extends Pick<PuzzleDraw, 'task' | 'verifier' | 'level' | 'split' | 'seed' | 'from' | 'count'> {
  /** A `prompt-set` artefact. */
  readonly set: ArtefactRef;
  /** Training goes through the rows again and again; an evaluation ends with the last, so that it counts none twice. */
  readonly epochs: 'many' | 'one';
}

const KEPT_SETS = 4;
const KEPT_ORDERS = 64;
const sets = new Map<string, Promise<readonly PromptRow[]>>();
const choices = new Map<string, readonly PromptRow[]>();
const orders = new Map<string, readonly PromptRow[]>();

/** The split of a prompt. */
export function promptSplit(prompt: string): Split {
  return splitOf(`prompt/${prompt}`);
}

/** The rows of a set, kept in memory while they are asked for. */
export async function readPromptSet(store: ArtefactStore, set: ArtefactRef): Promise<readonly PromptRow[]> {
  return await remembered(sets, KEPT_SETS, set.sha256, () => store.get(set).then(decodePrompts));
}

/** The rows of a set that belong to a task, in a split; in the order of the set. */
export function rowsOfTask(
  rows: readonly PromptRow[],
  { verifier, level, split }: Pick<SetDraw, 'verifier' | 'level' | 'split'>,
): PromptRow[] {
  const id = verifierIdOf(verifier);
  return rows.filter(
    (row) => row.verifier === id && (level === allLevels || row.level === level) && promptSplit(row.prompt) === split,
  );
}

/**
 * The rows that a draw means. A sequence goes through the task's rows in a keyed order: an epoch. The next epoch has an order of its
 * own.
 *
 * @throws {ConfigError} `prompts-empty` where the set has no row for the task in the split
 */
export async function drawFromSet(store: ArtefactStore, draw: SetDraw): Promise<PromptRow[]> {
  const { set, task, verifier, level, split, seed, from, count, epochs } = draw;
  const key = `${set.sha256}/${verifierIdOf(verifier)}/${level}/${split}`;
  const all = await readPromptSet(store, set);
  const rows = remembered(choices, KEPT_ORDERS, key, () => rowsOfTask(all, draw));
  if (rows.length === 0) {
    throw new ConfigError(
      `Cannot draw prompts of task "${task}": its prompt set has no rows for split "${split}", expected at least one`,
      { code: 'prompts-empty' },
    );
  }
  const end = epochs === 'many' ? from + count : Math.min(from + count, rows.length);
  const drawn: PromptRow[] = [];
  for (let index = from; index < end; index++) {
    const epoch = Math.floor(index / rows.length);
    const order = remembered(orders, KEPT_ORDERS, `${key}/${seed}/${epoch}`, () =>
      keyedRandom(seed, `prompt-set/${key}`, epoch).shuffle(rows),
    );
    drawn.push({ ...order[index % rows.length]!, task, verifier, index });
  }
  return drawn;
}

/** What was made under a key, or is made now; the oldest gives way. */
function remembered<T>(kept: Map<string, T>, most: number, key: string, make: () => T): T {
  const found = kept.get(key);
  if (found !== undefined) return found;
  const made = make();
  kept.set(key, made);
  if (made instanceof Promise) made.catch(() => kept.delete(key));
  if (kept.size > most) kept.delete(kept.keys().next().value!);
  return made;
}
