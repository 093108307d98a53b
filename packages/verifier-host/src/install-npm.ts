/**
 * What npm is needed for: to fetch a package by its name, and to install what a package depends on. No script of any package is run.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';

const TIMEOUT_MS = 5 * 60_000;

/** They are this installation's own in every verifier, see `bundle.ts`; no registry has them. */
const sdkPackages = ['@evenkeel/verifier', '@evenkeel/core'];

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

const dependenciesSchema = z.record(z.string(), z.string()).default({});
const dependentSchema = z.looseObject({
  dependencies: dependenciesSchema,
  optionalDependencies: dependenciesSchema,
  overrides: z.unknown().optional(),
});

const packedSchema = z.array(z.looseObject({ filename: z.string().min(1) })).length(1);

/**
 * Fetches a package from a registry, a repository or an address.
 *
 * @param folder where the tarball is put
 * @returns its path
 * @throws {SyntaxError} with what npm said
 */
export async function fetchPackage(spec: string, folder: string, signal?: AbortSignal): Promise<string> {
  const stdout = await npm(['pack', spec, '--json', `--pack-destination=${folder}`, ...quiet], folder, signal);
  let filename: string;
  try {
    filename = packedSchema.parse(JSON.parse(stdout))[0]!.filename;
  } catch (cause) {
    throw new SyntaxError('npm did not tell which file it fetched', { cause });
  }
  // Scoped packages: the name in the list has a slash in it in some versions of npm, the file's has none.
  return join(folder, filename.replace(/^@/, '').replaceAll('/', '-'));
}

/**
 * Installs what a package depends on into its `node_modules`, if there is anything that it does not bring along.
 *
 * @param folder the package as it will be used
 * @param source the folder it was copied from: paths of its dependencies are relative to it; null where it came packed
 * @param scratch a folder that is there and empty, on the same file system
 * @throws {SyntaxError} with what npm said
 */
export async function installDependencies(
  folder: string,
  source: string | null,
  scratch: string,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = await wantedDependencies(folder);
  const missing = Object.keys({ ...wanted.dependencies, ...wanted.optionalDependencies }).filter(
    (name) => !existsSync(join(folder, 'node_modules', name, 'package.json')),
  );
  if (missing.length === 0) return;
  const dependencies = withAbsolutePaths(wanted.dependencies, source ?? folder, source === null);
  const optionalDependencies = withAbsolutePaths(wanted.optionalDependencies, source ?? folder, source === null);
  const packageJson = { name: 'verifier-dependencies', version: '0.0.0', private: true };
  await mkdir(scratch, { recursive: true });
  await writeFile(
    join(scratch, 'package.json'),
    JSON.stringify({ ...packageJson, dependencies, optionalDependencies, overrides: wanted.overrides }),
  );
  const flags = ['--install-links', '--legacy-peer-deps', '--omit=dev', '--no-save', '--no-package-lock'];
  await npm(['install', ...flags, ...quiet], scratch, signal);
  // Bundled ones are among those that were installed.
  const bundled = join(folder, 'node_modules');
  if (existsSync(bundled)) await rename(bundled, join(scratch, 'bundled'));
  await rename(join(scratch, 'node_modules'), bundled);
}

/** Whether it depends on a folder or a file: what lies there may be another thing the next time. */
export async function hasLocalDependencies(folder: string): Promise<boolean> {
  const { dependencies, optionalDependencies } = await wantedDependencies(folder);
  return Object.values({ ...dependencies, ...optionalDependencies }).some(
    (version) => localPath(version) !== undefined,
  );
}

function localPath(version: string): string | undefined {
  return /^(?:file|link):(.*)$/.exec(version)?.[1] ?? (/^\.{0,2}\//.test(version) ? version : undefined);
}

async function wantedDependencies(folder: string): Promise<z.infer<typeof dependentSchema>> {
  const parsed = dependentSchema.safeParse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  if (!parsed.success) throw new SyntaxError("its package.json's dependencies are no names with versions");
  const isWanted = ([name]: [string, string]) => !sdkPackages.includes(name);
  const wanted = (dependencies: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(dependencies).filter(isWanted));
  return {
    ...parsed.data,
    dependencies: wanted(parsed.data.dependencies),
    optionalDependencies: wanted(parsed.data.optionalDependencies),
  };
}

function withAbsolutePaths(
  dependencies: Readonly<Record<string, string>>,
  base: string,
  packed: boolean,
): Record<string, string> {
  const absolute = (name: string, version: string): string => {
    const path = localPath(version);
    if (path === undefined) return version;
    const target = resolve(base, path);
    if (packed && relative(base, target).startsWith('..')) {
      throw new SyntaxError(
        `its dependency ${name} is ${version}, which is not in it, expected a version or bundleDependencies`,
      );
    }
    return `file:${target}`;
  };
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, version]) => [name, absolute(name, version)] as const),
  );
}

async function npm(args: readonly string[], cwd: string, signal?: AbortSignal): Promise<string> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const child = spawn('npm', args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let failure: NodeJS.ErrnoException | null = null;
  child.on('error', (error) => {
    failure = error;
  });
  // Also where it was told to end: until it is gone it may still write.
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (signal?.aborted) throw signal.reason;
  if (limit.aborted) throw new SyntaxError(`npm took longer than ${TIMEOUT_MS / 60_000} minutes`);
  if (failure !== null) {
    throw new SyntaxError('npm is not on PATH, expected it beside Node', { cause: failure });
  }
  if (status === 0) return stdout;
  throw new SyntaxError(whatNpmSaid(stderr));
}

/** In one line: what went wrong, without where the log lies. */
function whatNpmSaid(stderr: string): string {
  const lines = stderr
    .split('\n')
    .flatMap((line) => /^npm (?:error|ERR!) ?(.*)$/.exec(line)?.[1]?.trim() || [])
    .filter((line) => !/complete log of this run|^A complete|^\s*$/.test(line));
  const code = lines.find((line) => line.startsWith('code '))?.slice('code '.length);
  const said = lines.find((line) => !/^(code|errno|syscall|path|dest) /.test(line)) ?? 'npm failed without a word';
  const offline = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ETIMEDOUT', 'ENOTCACHED'].includes(code ?? '');
  const wish = offline ? ', expected the package registry to be reachable (npm config get registry)' : '';
  return `npm: ${code === undefined ? '' : `${code}: `}${said.replace(/^(?:\d{3}|not[a-z]+|enoent) /, '').slice(0, 300)}${wish}`;
}
