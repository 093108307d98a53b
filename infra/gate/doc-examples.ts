/**
 * Runs the examples of the documentation: each block of TypeScript behind an `@example`. What the documented file and
 * its package export is imported into the block by itself, as far as the block names it. `node infra/gate/doc-examples.ts` prints the failures.
 */
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** One example: where it stands, and its code without the comment's margin. */
export interface DocExample {
  readonly line: number;
  readonly code: string;
}

const COMMENT = /\/\*\*[\s\S]*?\*\//g;
const BLOCK = /```ts\n([\s\S]*?)```/g;
/** What an example brings along itself: `import { a, b }`, `const c`, `function d`. */
const DECLARED = /^import[^;{]*?\{([^}]*)\}|^(?:const|let|class|function|async function) (\w+)/gm;

/** The examples in a file's comments. */
export function docExamples(source: string): readonly DocExample[] {
  return [...source.matchAll(COMMENT)].flatMap((comment) => {
    const at = comment[0].indexOf('@example');
    if (at < 0) return [];
    const text = comment[0].slice(at).replaceAll(/^[ \t]*\* ?/gm, '');
    const line = source.slice(0, comment.index + at).split('\n').length;
    return [...text.matchAll(BLOCK)].map(([, code]) => ({ line, code: code! }));
  });
}

/** A module, and what it exports. */
export interface Door {
  readonly url: string;
  readonly names: readonly string[];
}

/** The example as a module of its own, with what it uses of the given modules; of two that export a name, the first gives it. */
export function exampleModule(example: DocExample, doors: readonly Door[]): string {
  const known = new Set(
    [...example.code.matchAll(DECLARED)].flatMap(([, list, single]) => (list ?? single ?? '').match(/\w+/g) ?? []),
  );
  let header = '';
  for (const { url, names } of doors) {
    const used = names.filter((name) => !known.has(name) && new RegExp(`\\b${name}\\b`).test(example.code));
    for (const name of used) known.add(name);
    if (used.length > 0) header += `import { ${used.join(', ')} } from ${JSON.stringify(url)};\n`;
  }
  return header + stripTypeScriptTypes(example.code);
}

async function doorOf(path: string): Promise<Door> {
  const url = pathToFileURL(path).href;
  return { url, names: existsSync(path) ? Object.keys(await import(url)) : [] };
}

/** Runs every example below the root. Modules are written beside the package's dependencies, so that their imports are found. */
export async function runDocExamples(root: string): Promise<{ ran: number; failures: readonly string[] }> {
  const failures: string[] = [];
  let ran = 0;
  for (const file of globSync('{packages/*,verifiers/*,workflows,infra}/src/**/*.ts', { cwd: root }).sort()) {
    if (file.endsWith('.test.ts')) continue;
    const source = readFileSync(join(root, file), 'utf8');
    const packageFolder = file.slice(0, file.indexOf('/src/'));
    for (const example of docExamples(source)) {
      const folder = join(root, packageFolder, 'node_modules/.cache/doc-examples');
      const path = join(folder, `example-${process.pid}-${ran++}.mjs`);
      try {
        mkdirSync(folder, { recursive: true });
        const doors = [await doorOf(join(root, file)), await doorOf(join(root, packageFolder, 'src/index.ts'))];
        writeFileSync(path, exampleModule(example, doors));
        await import(pathToFileURL(path).href);
      } catch (error) {
        failures.push(`${file}:${example.line}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        rmSync(path, { force: true });
      }
    }
  }
  return { ran, failures };
}

if (import.meta.main) {
  // What examples leave in the temporary folder goes with them.
  const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-examples-'));
  process.env.TMPDIR = scratch;
  const { ran, failures } = await runDocExamples(join(import.meta.dirname, '../..'));
  rmSync(scratch, { recursive: true, force: true });
  for (const failure of failures) console.error(failure);
  console.log(`${ran - failures.length} of ${ran} examples passed`);
  process.exit(failures.length === 0 ? 0 : 1);
}
