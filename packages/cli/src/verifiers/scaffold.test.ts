import { conformanceFindings } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import template from './scaffold/typescript/src/index.ts';
import { nameFault, type ScaffoldKind, scaffoldFiles } from './scaffold.ts';

const kinds: readonly ScaffoldKind[] = ['javascript', 'typescript', 'workspace'];

describe('nameFault()', () => {
  test.each(['words', 'two-words', 'w3', 'a'.repeat(40)])('takes %s', (name) => {
    expect(nameFault(name)).toBeNull();
  });

  test.each(['Words', 'my_words', '-words', 'words-', 'two--words', '3words', '', '../words', 'a'.repeat(41)])(
    'refuses %j, with the rule',
    (name) => {
      expect(nameFault(name)).toBe(
        `it is "${name}", expected kebab-case (a letter, then letters, digits and single dashes, all lower-case), at most 40 characters`,
      );
    },
  );
});

describe('scaffoldFiles()', () => {
  test.each(kinds)("of kind %s has its name everywhere and the template's nowhere", (kind) => {
    const files = scaffoldFiles('words', kind);
    for (const [path, text] of files) expect(text, path).not.toContain('template-task');
    const door = kind === 'javascript' ? 'src/index.js' : 'src/index.ts';
    expect(files.get(door)).toContain("id: 'words'");
    expect(files.get('package.json')).toContain('verifier-words"');
    expect(files.get('README.md')).toMatch(/^# words\n/);
  });

  test.each(kinds)('of kind %s imports what it brings along, and of others what there is', (kind) => {
    const others = kind === 'workspace' ? ['@evenkeel/verifier', 'node:fs', 'vitest'] : [];
    const ofNode = ['node:assert/strict', 'node:fs', 'node:test'];
    for (const [path, text] of scaffoldFiles('words', kind)) {
      for (const [, specifier] of text.matchAll(/^import .* from '([^']+)'/gm)) {
        const isFile = /^\.{1,2}\/(src\/|sdk\/|index)/.test(specifier!);
        const isKnown = path.includes('test') ? [...ofNode, ...others] : others;
        expect(isFile || isKnown.includes(specifier!), `${path}: ${specifier}`).toBe(true);
      }
    }
  });

  test('makes the same task in both languages: the same puzzles, prompts, answers', () => {
    const texts = (text: string): string[] => text.match(/'[^'\n]*'|`[^`\n]*`|\/\^[^\n]*?\$\//g)!;
    const inTypeScript = new Set(texts(scaffoldFiles('words', 'typescript').get('src/index.ts')!));
    const inBoth = texts(scaffoldFiles('words', 'javascript').get('src/index.js')!).filter((text) =>
      inTypeScript.has(text),
    );
    for (const part of ['most : $', 'Who has the most?', 'boxed{ $', 'wrong-name', 'words-1', 'heidi']) {
      expect(
        inBoth.some((text) => text.includes(part)),
        part,
      ).toBe(true);
    }
  });
});

describe('the task of the template', () => {
  test('conforms', async () => {
    expect(await conformanceFindings(template, { longestText: 20_000 })).toEqual([]);
  });

  test('has a level that the shipped tiny policy can read: words of its own list', () => {
    for (let index = 0; index < 100; index++) {
      const puzzle = template.generate({ seed: 3, index, level: 'tiny', split: 'train' });
      expect(template.prompt(puzzle, 'compact')).toMatch(
        /^most : alice is \d{1,2} , bob is \d{1,2} , carol is \d{1,2} :$/,
      );
      expect(template.gold(puzzle, 'compact')).toMatch(/^\\boxed\{ (alice|bob|carol) \}$/);
    }
  });
});
