/** `docs/configuration.md` against the schema: a field without a word, a wrong default or a broken example fails here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultRunFile, parseRunFile, resolveRunConfig, runFileSchema, taskEntryOf } from '@evenkeel/protocol';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const text = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

/** What `z.toJSONSchema` says of one field, as far as it is walked here. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** Every field by its path; of a union, the fields of all its forms; entries of a list under `name[]`. */
function fieldPaths(shape: Shape, path = ''): string[] {
  const below = Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return [inner, ...fieldPaths(field, inner)];
  });
  const items = shape.items === undefined ? [] : fieldPaths(shape.items, `${path}[]`);
  return [...below, ...items, ...(shape.anyOf ?? []).flatMap((form) => fieldPaths(form, path))];
}

/** The values of a nested object by their paths; lists are values. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === '' ? name : `${path}.${name}`));
}

/** Rows of the document's tables by the field in their first cell. */
const rows = new Map(
  [...text.matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm)].map(([, field, cells]) => [field!, cells!.split('|')] as const),
);

const verifiers = ['countdown', 'zebra', 'arc'].map((id) => ({ id, levels: ['tiny'] }));

/** `kind` of a part is the heading of its table's second column. */
function isPartName(path: string): boolean {
  return /^method\.[a-z]+\.kind$/.test(path) && rows.get(path.slice(0, -'.kind'.length))?.[0]?.includes('`') === true;
}

describe('docs/configuration.md', () => {
  test('has a word for each field of a run file', () => {
    const schema = z.toJSONSchema(runFileSchema, { unrepresentable: 'any' }) as Shape;
    const fields = [...new Set(fieldPaths(schema))];
    const silent = fields.filter((path) => {
      const isObject = fields.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`));
      const dot = path.lastIndexOf('.');
      const inParentsRow = rows
        .get(path.slice(0, dot))
        ?.join('|')
        .includes(`\`${path.slice(dot + 1)}\``);
      return !rows.has(path) && !isObject && inParentsRow !== true && !isPartName(path);
    });
    expect(fields.length).toBeGreaterThan(30);
    expect(silent).toEqual([]);
  });

  test('states the defaults of npm start', () => {
    const stated = leaves(defaultRunFile).map(([path]) => {
      const cell = rows.get(path)?.[0]?.trim().replaceAll('`', '');
      return [path, cell === undefined ? undefined : JSON.parse(cell)];
    });
    expect(stated).toEqual(leaves(defaultRunFile));
    expect(Number(rows.get('lambda')?.[0]?.replaceAll('`', ''))).toBe(
      resolveRunConfig({}, verifiers).method.weighter.lambda,
    );
  });

  test('has an example that is a valid configuration', () => {
    const example = /```json\n([\s\S]*?)```/.exec(text)?.[1];
    const file = parseRunFile(JSON.parse(example ?? ''));
    const config = resolveRunConfig(file, verifiers);
    expect(config.tasks.map(({ name }) => name)).toEqual(['countdown', 'riddles']);
    expect(config.method.weighter).toMatchObject({ kind: 'iwu', lambda: 0.3, improvementClip: 0.2 });
    expect(config.evaluation).toMatchObject({ every: 25, promptsPerTask: 300, split: 'heldout' });
  });

  test('has task texts that mean what stands beside them', () => {
    const texts = [...rows.keys()].filter((text) => /^(countdown|zebra|words|\.\/)/.test(text));
    expect(texts.map(taskEntryOf)).toEqual([
      { verifier: 'countdown' },
      { verifier: 'zebra', level: 'easy' },
      { verifier: 'words@1.2.0', level: 'hard' },
      { verifier: './my-task', level: 'easy' },
      { verifier: 'countdown', prompts: 'my-prompts' },
      { verifier: 'countdown', level: 'hard', prompts: 'my-prompts' },
    ]);
    const known = ['countdown', 'zebra', 'words@1.2.0'].map((id) => ({ id, levels: ['tiny', 'easy', 'hard'] }));
    const set = { kind: 'prompt-set', sha256: '0'.repeat(64), bytes: 1 };
    const sets = [{ name: 'my-prompts', rows: set, levels: { countdown: ['hard'] } }];
    const tasks = texts.filter((task) => !task.startsWith('.'));
    const names = resolveRunConfig({ tasks }, known, undefined, sets).tasks.map(({ name }) => name);
    const named = /Default: what the text says, joined by `-` \(([^)]*)\)/.exec(text)?.[1]?.match(/[\w@.-]+/g);
    expect(named?.length).toBe(3);
    for (const name of named ?? []) expect(names).toContain(name);
  });

  test('has a weighted reward that a run takes', () => {
    const [, example = ''] = /^manifest lists them\. `(\{.*\})` makes/m.exec(text) ?? [];
    const method = { name: 'grpo', ...JSON.parse(example) };
    const known = [{ id: 'words', levels: ['tiny'], components: ['format', 'brevity'] }];
    const config = resolveRunConfig(parseRunFile({ tasks: ['words'], method }), known);
    expect(config.method.reward).toEqual({ kind: 'weighted', weights: { verdict: 1, format: 0.2 } });
  });
});
