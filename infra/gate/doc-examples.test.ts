import { describe, expect, test } from 'vitest';
import { docExamples, exampleModule } from './doc-examples.ts';

const source = `/** A first comment, without one. */
/**
 * Doubles.
 *
 * @example
 * \`\`\`ts
 * import { equal } from 'node:assert/strict';
 * equal(double(2), 4);
 * \`\`\`
 */
export function double(x: number): number {
  return x * 2;
}
`;

describe('docExamples()', () => {
  test('finds the block behind an @example, with its line', () => {
    expect(docExamples(source)).toEqual([
      { line: 5, code: `import { equal } from 'node:assert/strict';\nequal(double(2), 4);\n` },
    ]);
  });
});

describe('exampleModule()', () => {
  const example = { line: 1, code: `import { a } from 'elsewhere';\nconst b: number = a();\nc(b);\n` };

  test('imports what the example uses and does not bring along, once', () => {
    const doors = [
      { url: 'file:///x.ts', names: ['a', 'b', 'c', 'd'] },
      { url: 'file:///index.ts', names: ['c'] },
    ];
    expect(exampleModule(example, doors)).toMatch(
      /^import \{ c \} from "file:\/\/\/x\.ts";\nimport \{ a \} from 'elsewhere';\n/,
    );
  });
});
