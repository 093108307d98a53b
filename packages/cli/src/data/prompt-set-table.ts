import { textTable } from '../view/text-table.ts';
import { type PromptSetRecord, rowCount } from './prompt-set-record.ts';

/** Prompt sets as a table: a line for each verifier and level of each. */
export function setTable(sets: readonly PromptSetRecord[]): string[] {
  return textTable(
    [
      { heading: 'set' },
      { heading: 'verifier' },
      { heading: 'level' },
      { heading: 'train', right: true },
      { heading: 'tune', right: true },
      { heading: 'heldout', right: true },
      { heading: 'imported' },
      { heading: 'sha256' },
    ],
    sets.flatMap(({ name, counts, rows, importedAt }) =>
      counts.map(({ verifier, level, train, tune, heldout }, place) => [
        ...[place === 0 ? name : '', verifier, level, String(train), String(tune), String(heldout)],
        ...(place === 0 ? [importedAt.slice(0, 16).replace('T', ' '), rows.sha256.slice(0, 12)] : []),
      ]),
    ),
  );
}

/** A prompt set as a JSON line has it. */
export function setRow({ name, rows, counts, source, importedAt }: PromptSetRecord) {
  return { name, sha256: rows.sha256, rows: rowCount({ counts }), counts, source, importedAt };
}
