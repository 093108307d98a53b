/**
 * The files of a new verifier's package, made of the templates in `scaffold/`: real sources that are checked and tested where they
 * stand, with `template-task` for the name. It knows no command line and runs nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `javascript` and `typescript` stand alone: they carry the SDK along, and their tests are Node's own. `workspace` is a TypeScript
 * package of this workspace's `verifiers/`, like the three that are there.
 */
export type ScaffoldKind = 'javascript' | 'typescript' | 'workspace';

const TEMPLATES = join(import.meta.dirname, 'scaffold');
const SDK = fileURLToPath(new URL('../standalone/', import.meta.resolve('@evenkeel/verifier')));
const LONGEST_NAME = 40;

/** What is wrong with a name; null where nothing is. */
export function nameFault(name: string): string | null {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= LONGEST_NAME) return null;
  return `it is "${name}", expected kebab-case (a letter, then letters, digits and single dashes, all lower-case), at most ${LONGEST_NAME} characters`;
}

/** Every file by its path, but for `golden.json`: that is made by running the verifier. */
export function scaffoldFiles(name: string, kind: ScaffoldKind): ReadonlyMap<string, string> {
  const files = new Map([
    ['package.json', packageJson(name, kind)],
    ['README.md', readme(kind)],
  ]);
  if (kind === 'workspace') {
    files.set('src/index.ts', template('typescript/src/index.ts'));
    files.set('src/index.test.ts', testTemplate('workspace-test.ts', './'));
  } else {
    files.set('LICENSE', template('LICENSE'));
    files.set('tsconfig.json', tsconfig(kind));
    for (const file of ['verifier.js', 'verifier.d.ts'])
      files.set(`sdk/${file}`, readFileSync(join(SDK, file), 'utf8'));
  }
  if (kind === 'javascript') {
    files.set('src/index.js', template('javascript/src/index.js'));
    files.set('test/index.test.js', testTemplate('node-test.js', '../src/'));
  }
  if (kind === 'typescript') {
    files.set('src/index.ts', withOwnSdk(template('typescript/src/index.ts')));
    files.set('test/index.test.ts', withOwnSdk(testTemplate('node-test.ts', '../src/')));
  }
  return new Map([...files].map(([path, text]) => [path, text.replaceAll('template-task', name)]));
}

function template(path: string): string {
  return readFileSync(join(TEMPLATES, path), 'utf8');
}

/** @param source where the verifier lies, as the test sees it */
function testTemplate(name: string, source: string): string {
  return template(`testing/${name}`).replaceAll(/\.\.\/(?:java|type)script\/src\//g, source);
}

function withOwnSdk(source: string): string {
  return source.replaceAll("'@evenkeel/verifier'", "'../sdk/verifier.js'");
}

function packageJson(name: string, kind: ScaffoldKind): string {
  const door = kind === 'javascript' ? './src/index.js' : './src/index.ts';
  const common = { version: '1.0.0', license: 'MIT', type: 'module' };
  const fields =
    kind === 'workspace'
      ? {
          name: `@evenkeel/verifier-${name}`,
          ...common,
          private: true,
          exports: { '.': door },
          dependencies: { '@evenkeel/verifier': 'workspace:*' },
        }
      : {
          name: `evenkeel-verifier-${name}`,
          description: 'Who has the most: a task for Evenkeel',
          keywords: ['evenkeel-verifier'],
          ...common,
          exports: door,
          files: ['src', 'sdk', 'golden.json'],
          scripts: { test: 'node --test' },
          // Older ones do not run TypeScript as it is.
          engines: { node: kind === 'javascript' ? '>=20' : '>=22.18' },
        };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** For editors and `tsc -p .`; what a verifier may use is the language, and nothing of a platform. */
function tsconfig(kind: 'javascript' | 'typescript'): string {
  const language =
    kind === 'javascript'
      ? { allowJs: true, checkJs: true }
      : { allowImportingTsExtensions: true, erasableSyntaxOnly: true, verbatimModuleSyntax: true };
  const compilerOptions = {
    ...language,
    noEmit: true,
    strict: true,
    target: 'es2023',
    lib: ['es2024'],
    module: 'nodenext',
    types: [],
  };
  return `${JSON.stringify({ compilerOptions, include: ['src'] }, null, 2)}\n`;
}

function readme(kind: ScaffoldKind): string {
  const text = template('README.md');
  if (kind !== 'workspace') return text;
  return text
    .replaceAll('evenkeel verifier test .  ', './evenkeel verifier test template-task')
    .replaceAll('evenkeel verifier test . ', './evenkeel verifier test template-task ')
    .replace(/^npm test +/m, 'npm test -- verifiers/template-task ');
}
