/**
 * The layers of the design as a check: an arrow may only point down. It reads what each package.json declares and what each source
 * file imports, and knows nothing of what the code does. `node infra/gate/layers.ts` prints the findings and fails if there are any.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** By package (folder from the root): its layer. Verifiers stand aside and have a rule of their own. */
const LAYERS: Readonly<Record<string, number>> = {
  'packages/core': 0,
  'packages/algorithms': 1,
  'packages/graph': 1,
  'packages/policy': 2,
  'packages/protocol': 2,
  'packages/store': 2,
  'packages/verifier': 2,
  'packages/rollout-worker': 3,
  'packages/trainer-worker': 3,
  'packages/verifier-host': 3,
  'packages/activities': 4,
  'packages/experiment': 5,
  'packages/verifier-service': 4,
  workflows: 4,
  'packages/dashboard': 5,
  'packages/cli': 5,
  infra: 5,
  test: 6,
};

/** Arrows within one layer, each with its reason. */
const SIDEWAYS = new Set([
  // The tool starts the processes that infra supervises, and shows the dashboard.
  'packages/cli → infra',
  'packages/cli → packages/dashboard',
  // It starts an experiment's runs; the experiment plans them and reads what they left.
  'packages/cli → packages/experiment',
]);

/** Packages that also run in a browser, with the packages from outside that they may use. */
const PURE: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [],
  'packages/algorithms': [],
  'packages/graph': [],
};

const VERIFIER_MAY_USE = ['packages/core', 'packages/verifier'];

/** One `import` or `export … from`. */
interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Workspace {
  readonly root: string;
  /** By folder. */
  readonly packages: ReadonlyMap<string, Manifest>;
  /** Folder by package name. */
  readonly folders: ReadonlyMap<string, string>;
}

/**
 * Everything in the repository that breaks the layers; empty where it is in order.
 *
 * @param root the folder of the workspace's package.json
 */
export function layerFindings(root: string): readonly string[] {
  const workspace = readWorkspace(root);
  return [...workspace.packages].flatMap(([folder, manifest]) => [
    ...manifestFindings(workspace, folder, manifest),
    ...sourcesOf(root, folder).flatMap((file) => fileFindings(workspace, folder, manifest, file)),
  ]);
}

function readWorkspace(root: string): Workspace {
  const manifests = globSync(
    ['packages/*/package.json', 'verifiers/*/package.json', '{workflows,infra}/package.json'],
    {
      cwd: root,
    },
  ).sort();
  const packages = new Map<string, Manifest>(
    manifests.map((path) => [dirname(path).split(sep).join('/'), JSON.parse(readFileSync(join(root, path), 'utf8'))]),
  );
  const folders = new Map([...packages].map(([folder, { name }]) => [name, folder]));
  if (existsSync(join(root, 'test')))
    packages.set('test', JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  return { root, packages, folders };
}

function sourcesOf(root: string, folder: string): string[] {
  return globSync(`${folder}/**/*.ts`, { cwd: root, exclude: (name) => name === 'node_modules' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/'))
    .sort();
}

/** Why one package must not use another; null where it may. */
function arrowFinding(from: string, to: string, typeOnly: boolean): string | null {
  if (from === to) return null;
  if (from.startsWith('verifiers/')) {
    return VERIFIER_MAY_USE.includes(to) ? null : 'a verifier may only use packages/core and packages/verifier';
  }
  if (to.startsWith('verifiers/')) {
    return LAYERS[from]! >= LAYERS.test! ? null : 'verifiers are found by name, never imported';
  }
  const [upper, lower] = [LAYERS[from], LAYERS[to]];
  if (upper === undefined || lower === undefined)
    return 'a package without a layer: give it one in infra/gate/layers.ts';
  if (from === 'workflows' && to === 'packages/activities') {
    return typeOnly ? null : 'workflows know the types of activities only: use `import type`';
  }
  if (upper > lower || SIDEWAYS.has(`${from} → ${to}`)) return null;
  return `an arrow may only point down, and this one goes from layer ${upper} to layer ${lower}`;
}

function manifestFindings({ folders }: Workspace, folder: string, manifest: Manifest): string[] {
  if (folder === 'test') return [];
  const findings: string[] = [];
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const to = folders.get(name);
    const finding = to === undefined ? null : arrowFinding(folder, to, true);
    if (finding !== null) findings.push(`${folder}/package.json depends on ${name}: ${finding}`);
  }
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (PURE[folder] !== undefined && !folders.has(name) && !PURE[folder].includes(name)) {
      findings.push(`${folder}/package.json depends on ${name}: a package that runs in a browser may not`);
    }
  }
  return findings;
}

/** Tests, and what only they use: it may have what the product must not. */
const TEST_FILE = /\.test\.ts$|[./]fixtures\.ts$|\/(testing|golden|fixtures|gate|bench)\//;

function fileFindings(workspace: Workspace, folder: string, manifest: Manifest, file: string): string[] {
  const isTest = folder === 'test' || TEST_FILE.test(file);
  return importsOf(readFileSync(join(workspace.root, file), 'utf8')).flatMap(({ specifier, typeOnly }) => {
    const finding = specifier.startsWith('.')
      ? relativeFinding(workspace, folder, file, specifier)
      : packageFinding(workspace, { folder, manifest, isTest, specifier, typeOnly });
    return finding === null ? [] : [`${file} imports ${specifier}: ${finding}`];
  });
}

function relativeFinding({ root }: Workspace, folder: string, file: string, specifier: string): string | null {
  const target = resolve(root, dirname(file), specifier);
  const stays = (home: string): boolean => !relative(join(root, home), target).startsWith('..');
  // A unit test may use what lies in test/ for all of them, such as golden values.
  if (stays(folder) || folder === 'test' || (TEST_FILE.test(file) && stays('test'))) return null;
  return 'it leaves its package: import the other one by its name';
}

interface PackageImport extends Import {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly isTest: boolean;
}

function packageFinding({ root, folders }: Workspace, used: PackageImport): string | null {
  const { folder, manifest, isTest, specifier, typeOnly } = used;
  if (isBuiltin(specifier)) {
    const barred = !isTest && (PURE[folder] !== undefined || folder.startsWith('verifiers/'));
    return barred ? 'it must run where there is no Node' : null;
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const to = folders.get(name);
  const finding = to === undefined ? null : arrowFinding(folder, to, typeOnly);
  if (finding !== null || name === manifest.name) return finding;
  if (manifest.dependencies?.[name] !== undefined) return null;
  const ofRoot: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const forTests = { ...manifest.devDependencies, ...ofRoot.dependencies, ...ofRoot.devDependencies };
  if ((isTest || typeOnly) && forTests[name] !== undefined) return null;
  return `${folder}/package.json does not declare ${name}`;
}

const STATEMENTS = [
  /^import\s+(type\s)?([^;'"]*?)\s*from\s*['"]([^'"]+)['"]/gm,
  /^export\s+(type\s)?(\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s*from\s*['"]([^'"]+)['"]/gm,
];
const BARE = /^import\s*['"]([^'"]+)['"]/gm;
const DYNAMIC = /^(?!\s*(?:\*|\/\/))[^'"`]*?\bimport\(\s*['"]([^'"]+)['"]/gm;

/** What a source file imports. Examples in comments do not count: statements begin their line. */
export function importsOf(source: string): readonly Import[] {
  const statements = STATEMENTS.flatMap((pattern) =>
    [...source.matchAll(pattern)].map(([, type, names = '', specifier]) => ({
      specifier: specifier!,
      typeOnly: type !== undefined || onlyTypes(names),
    })),
  );
  const others = [BARE, DYNAMIC].flatMap((pattern) =>
    [...source.matchAll(pattern)].map(([, specifier]) => ({ specifier: specifier!, typeOnly: false })),
  );
  return [...statements, ...others];
}

function onlyTypes(names: string): boolean {
  const inside = /^\{([^}]*)\}$/.exec(names.trim())?.[1];
  const listed = inside?.split(',').flatMap((name) => name.trim() || []);
  return listed !== undefined && listed.length > 0 && listed.every((name) => name.startsWith('type '));
}

if (import.meta.main) {
  const findings = layerFindings(join(import.meta.dirname, '../..'));
  for (const finding of findings) console.error(finding);
  if (findings.length > 0) process.exitCode = 1;
}
