import { expect, test } from 'vitest';
import { textTable } from './text-table.ts';

test('textTable() is Markdown with aligned columns', () => {
  expect(
    textTable(
      ['what', 'ms'],
      [
        ['a long name', '1'],
        ['b', '1234'],
      ],
    ),
  ).toBe(
    ['| what        |   ms |', '| ----------- | ---: |', '| a long name |    1 |', '| b           | 1234 |'].join('\n'),
  );
});
