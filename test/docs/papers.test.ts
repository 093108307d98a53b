/** `docs/papers.md` against the list of methods: one without an entry, or an entry of one that is gone, fails here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { methodSources, methods, unavailableMethods } from '@evenkeel/algorithms';
import { expect, test } from 'vitest';

const text = readFileSync(join(import.meta.dirname, '../../docs/papers.md'), 'utf8');
const family = text.slice(text.indexOf('## The wider family'), text.indexOf('## Results'));

/** Methods that a row of a table of the family is about. */
const inTables = [...family.matchAll(/^\| (`[a-z][^|]*)\|/gm)].flatMap(([, cell]) =>
  [...cell!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!),
);
const withSection = [...text.matchAll(/`--method ([a-z-]+)`/g)].map(([, name]) => name!);

test('docs/papers.md has an entry for each method, and for each that no run can do', () => {
  const known = [...Object.keys(methods), ...Object.keys(unavailableMethods)];
  expect(known.filter((name) => !inTables.includes(name) && !withSection.includes(name))).toEqual([]);
  expect([...inTables, ...withSection].filter((name) => !known.includes(name))).toEqual([]);
});

test('docs/papers.md says of each row whether its source was read first-hand, as evenkeel methods does', () => {
  for (const row of family.split('\n').filter((line) => line.startsWith('| `'))) {
    const names = [...row.split('|')[1]!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!);
    for (const name of names.filter((other) => other in methods)) {
      expect(row.includes(`; ${methodSources[name]!.source.reading}`), `${name}: ${row.split('|')[3]}`).toBe(true);
    }
  }
});
