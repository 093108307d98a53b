/**
 * Makes `standalone/verifier.js` and `standalone/verifier.d.ts`: the SDK as two files that a package outside the workspace carries
 * along, so that its tests run and its editor knows the contract wherever it lies. `node packages/verifier/gate/build-standalone.ts`
 * writes them; a test says when they are stale.
 */
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { build, stop } from 'esbuild';

const PACKAGE = join(import.meta.dirname, '..');
const ROOT = join(PACKAGE, '../..');
const ENTRY = join(PACKAGE, 'src/standalone.ts');
/** Where imports of other packages lead. */
const CORE = 'packages/core/src/index';

const HEADER = `/**
 * Evenkeel's SDK for verifiers, version 1, in one file. Made by a program: do not change it here.
 * It imports nothing, so a package that carries it along works wherever it lies. MIT license.
 */
`;

export interface StandaloneSdk {
  readonly 'verifier.js': string;
  readonly 'verifier.d.ts': string;
}

export async function buildStandalone(): Promise<StandaloneSdk> {
  const [script, types] = await Promise.all([bundleScript(), bundleTypes()]);
  return { 'verifier.js': script, 'verifier.d.ts': types };
}

async function bundleScript(): Promise<string> {
  try {
    const { outputFiles } = await build({
      entryPoints: [ENTRY],
      absWorkingDir: ROOT,
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      charset: 'utf8',
      logLevel: 'silent',
    });
    return `${HEADER}${outputFiles[0]!.text}`;
  } finally {
    await stop();
  }
}

/** The declarations that the compiler makes of each module, in one: what the door does not name is not exported. */
async function bundleTypes(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-declarations-'));
  try {
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    const options = [
      '--ignoreConfig',
      '--declaration',
      '--emitDeclarationOnly',
      '--noEmit',
      'false',
      '--stripInternal',
    ];
    const shape = ['--outDir', folder, '--rootDir', ROOT, '--allowImportingTsExtensions', '--module', 'nodenext'];
    const checks = ['--target', 'esnext', '--lib', 'esnext', '--strict', '--types', 'node', '--skipLibCheck'];
    // The compiler takes another package for a library and declares none of it, unless its files are named.
    const core = globSync(`${dirname(CORE)}/*.ts`, { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts'));
    await promisify(execFile)(tsc, [...options, ...shape, ...checks, ENTRY, ...core], { cwd: ROOT });
    return await flatten(folder, relative(ROOT, ENTRY).replace(/\.ts$/, ''));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Declaration {
  readonly name: string;
  /** With its comment, without `export` and `declare`. */
  readonly text: string;
  readonly isValue: boolean;
}

async function flatten(folder: string, entry: string): Promise<string> {
  const modules = new Map<string, string>();
  const order: string[] = [];
  async function read(module: string): Promise<void> {
    if (modules.has(module)) return;
    const text = await readFile(join(folder, `${module}.d.ts`), 'utf8');
    modules.set(module, text);
    for (const [, specifier] of text.matchAll(FROM)) {
      await read(moduleOf(module, specifier!));
    }
    order.push(module);
  }
  await read(entry);
  const declarations = new Map<string, Declaration>();
  for (const module of order) {
    for (const declaration of declarationsOf(modules.get(module)!)) {
      const known = declarations.get(declaration.name);
      if (known !== undefined && known.text !== declaration.text) {
        throw new Error(
          `Cannot flatten declarations: "${declaration.name}" is declared twice, expected different names`,
        );
      }
      declarations.set(declaration.name, declaration);
    }
  }
  const exported = doorOf(modules, entry);
  const used = reachable(declarations, exported);
  const body = [...declarations.values()].filter(({ name }) => used.has(name)).map(({ text }) => text);
  const names = [...exported].sort().map((name) => (declarations.get(name)!.isValue ? name : `type ${name}`));
  return `${HEADER}\n${body.join('\n')}\nexport {\n${names.map((name) => `  ${name},\n`).join('')}};\n`;
}

function moduleOf(from: string, specifier: string): string {
  if (specifier === '@evenkeel/core') return CORE;
  return relative(ROOT, resolve(ROOT, dirname(from), specifier))
    .split(sep)
    .join('/')
    .replace(/\.ts$/, '');
}

const FROM = /^(?:import|export)\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*from\s*'([^']+)';\n/gm;
const STATEMENT = /^(?:export )?(?:declare )?(?:abstract )?(const|function|class|interface|type) (\w+)/;

/** The declarations of one module's text: each begins a line and ends before the next one. */
function declarationsOf(text: string): Declaration[] {
  const lines = text.replace(FROM, '').split('\n');
  const declarations: Declaration[] = [];
  let comment: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const head = STATEMENT.exec(line);
    if (head === null) {
      comment = line.startsWith('/**') ? [line] : [...comment, line];
      continue;
    }
    const body = [line];
    const isWhole = (): boolean => depthOf(body.join('\n')) === 0 && /[;}]\s*$/.test(body.at(-1)!);
    while (!isWhole() && at + 1 < lines.length) body.push(lines[++at]!);
    const [, keyword, name] = head;
    const isValue = keyword === 'const' || keyword === 'function' || keyword === 'class';
    const bare = body.join('\n').replace(/^(?:export )?(?:declare )?/, isValue ? 'declare ' : '');
    const said = comment.filter((each) => each.trim() !== '').join('\n');
    declarations.push({ name: name!, isValue, text: `${said === '' ? '' : `${said}\n`}${bare}\n` });
    comment = [];
  }
  return declarations;
}

function depthOf(text: string): number {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|'[^'\n]*'|"[^"\n]*"/g, '');
  return (code.match(/[{([]/g) ?? []).length - (code.match(/[})\]]/g) ?? []).length;
}

/** The names that a module exports, through its re-exports. */
function doorOf(modules: ReadonlyMap<string, string>, module: string): Set<string> {
  const text = modules.get(module)!;
  const names = new Set<string>();
  for (const [, list] of text.matchAll(/^export (?:type )?\{([^}]*)\} from/gm)) {
    for (const name of list!.split(',')) if (name.trim() !== '') names.add(name.trim().replace(/^type /, ''));
  }
  for (const [, specifier] of text.matchAll(/^export \* from '([^']+)'/gm)) {
    for (const name of doorOf(modules, moduleOf(module, specifier!))) names.add(name);
  }
  return names;
}

/** What is exported, and what that speaks of. */
function reachable(declarations: ReadonlyMap<string, Declaration>, exported: ReadonlySet<string>): Set<string> {
  const used = new Set<string>();
  const visit = (name: string): void => {
    const declaration = declarations.get(name);
    if (used.has(name) || declaration === undefined) return;
    used.add(name);
    for (const [word] of declaration.text.matchAll(/\b\w+\b/g)) if (word !== name) visit(word);
  };
  for (const name of exported) visit(name);
  return used;
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await buildStandalone()))
    await writeFile(join(PACKAGE, 'standalone', name), text);
}
