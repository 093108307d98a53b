import { padEnd, padStart, widthOf } from './terminal-text.ts';

/** One column: its heading, and on which side its cells stand. */
export interface TableColumn {
  readonly heading: string;
  /** Numbers stand on the right. */
  readonly right?: boolean;
}

/**
 * Rows in aligned columns, headings first, two spaces between columns, no spaces at the end of a line.
 *
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * deepEqual(textTable([{ heading: 'task' }, { heading: 'n', right: true }], [['arc', '7']]), ['task  n', 'arc   7']);
 * ```
 */
export function textTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns.map(({ heading }) => heading), ...rows];
  const widths = columns.map((_, place) => Math.max(...lines.map((line) => widthOf(line[place] ?? ''))));
  return lines.map((line) =>
    columns
      .map(({ right }, place) => (right ? padStart : padEnd)(line[place] ?? '', widths[place]!))
      .join('  ')
      .trimEnd(),
  );
}
