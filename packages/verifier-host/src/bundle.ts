/**
 * Bundles a verifier package into one self-contained script text: no imports, no `node:*`, nothing outside. Bundles are kept in
 * memory while the files that went into them stay as they are. It runs no verifier code.
 */
import { statSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { sha256Hex } from '@evenkeel/core';
import { type BuildOptions, type BuildResult, build, type Plugin, stop } from 'esbuild';
import type { VerifierPackage } from './discover.ts';
import { VerifierHostError } from './errors.ts';

/** A script that evaluates to a function, see `vm-driver.ts`. */
export interface VerifierScript {
  readonly text: string;
  /** SHA-256 of the text: the identity of the code that gives the verdicts. */
  readonly sha256: string;
}

interface Cached {
  readonly script: VerifierScript;
  /** Input files with the state in which they were read. */
  readonly inputs: ReadonlyMap<string, string>;
}

/**
 * Taken into local bindings around the script: each use of a global of a virtual machine's context costs a call of an interceptor,
 * which made generators three times slower.
 */
const globals = [
  ...['Array', 'ArrayBuffer', 'BigInt', 'Boolean', 'DataView', 'Error', 'Function', 'Infinity', 'JSON', 'Map', 'Math'],
  ...[
    'NaN',
    'Number',
    'Object',
    'Promise',
    'Proxy',
    'RangeError',
    'Reflect',
    'RegExp',
    'Set',
    'String',
    'Symbol',
    'SyntaxError',
  ],
  ...[
    'TypeError',
    'WeakMap',
    'WeakSet',
    'isFinite',
    'isNaN',
    'parseFloat',
    'parseInt',
    'BigInt64Array',
    'BigUint64Array',
  ],
  ...[
    'Float32Array',
    'Float64Array',
    'Int8Array',
    'Int16Array',
    'Int32Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Uint16Array',
  ],
  'Uint32Array',
];

const cache = new Map<string, Cached>();
let running = 0;

/** @throws {VerifierHostError} `verifier-bundle` if a file is missing or malformed, or something of the platform is imported */
export async function bundleVerifier({ id, folder, entry }: VerifierPackage): Promise<VerifierScript> {
  if (entry === null) {
    throw new VerifierHostError(`Cannot bundle verifier "${id}": it is an endpoint, expected a package with code`, {
      code: 'verifier-bundle',
    });
  }
  return bundleCached(`verifier ${entry}`, `verifier "${id}"`, verifierBuild(folder, entry));
}

/** How a package becomes a script that evaluates to a dispatcher. */
export function verifierBuild(folder: string, entry: string): BuildOptions {
  const driver = join(import.meta.dirname, 'vm-driver.ts');
  return {
    stdin: {
      contents: [
        `import { serve } from ${JSON.stringify(driver)};`,
        `import verifier from ${JSON.stringify(entry)};`,
        'export default serve(verifier);',
      ].join('\n'),
      resolveDir: folder,
    },
    absWorkingDir: folder,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', 'module', 'default'],
    format: 'iife',
    globalName: 'evenkeelVerifier',
    banner: { js: `(() => { const { ${globals.join(', ')} } = globalThis;` },
    footer: { js: 'return evenkeelVerifier.default; })()' },
    plugins: [refusePlatform, ownSdk],
  };
}

/** The program of the sandboxed process, vm2 included, as one CommonJS text: the process itself reads no file at all. */
export async function bundleSandboxProgram(): Promise<string> {
  const script = await bundleCached('program', 'the sandbox program', {
    entryPoints: [join(import.meta.dirname, 'sandbox-process.ts')],
    absWorkingDir: import.meta.dirname,
    platform: 'node',
    format: 'cjs',
  });
  return script.text;
}

/** Scripts and modules of the platform do not exist inside; said by name, since esbuild's own message proposes a platform. */
const refusePlatform: Plugin = {
  name: 'refuse-platform',
  setup({ onResolve }) {
    const builtins = new Set(builtinModules);
    onResolve({ filter: /^[a-z_]+(:|\/|$)/ }, ({ path }) => {
      if (!path.startsWith('node:') && !builtins.has(path)) return null;
      return { errors: [{ text: `imports "${path}", expected no module of the platform: a verifier is pure` }] };
    });
  },
};

/**
 * A verifier's SDK is this installation's own, wherever the package lies and whatever it brings along: an outside package needs no
 * copy of it, and two copies could differ.
 */
const ownSdk: Plugin = {
  name: 'own-sdk',
  setup({ onResolve }) {
    const { resolve: resolveOwn } = createRequire(import.meta.url);
    onResolve({ filter: /^@evenkeel\/(verifier|core)$/ }, ({ path }) => ({ path: resolveOwn(path) }));
  },
};

async function bundleCached(key: string, what: string, options: BuildOptions): Promise<VerifierScript> {
  const cached = cache.get(key);
  if (cached !== undefined && [...cached.inputs].every(([path, state]) => stateOf(path) === state))
    return cached.script;
  try {
    // Comments would carry paths into the hash.
    const { outputFiles, metafile } = await runBuild({ metafile: true, minifyWhitespace: true, ...options });
    const text = outputFiles![0]!.text;
    const root = options.absWorkingDir ?? '.';
    const inputs = new Map(
      Object.keys(metafile!.inputs)
        .filter((path) => path !== '<stdin>')
        .map((path) => [resolve(root, path), stateOf(resolve(root, path))] as const),
    );
    const script = { text, sha256: sha256Hex(text) };
    cache.set(key, { script, inputs });
    return script;
  } catch (cause) {
    throw new VerifierHostError(`Cannot bundle ${what}: ${explain(cause)}`, { code: 'verifier-bundle', cause });
  }
}

/** One build. esbuild keeps a process of its own alive; here it is needed once in a long while. */
export async function runBuild(options: BuildOptions): Promise<BuildResult> {
  running++;
  try {
    return await build({
      bundle: true,
      write: false,
      target: 'es2022',
      legalComments: 'none',
      logLevel: 'silent',
      ...options,
    });
  } finally {
    if (--running === 0) await stop();
  }
}

function stateOf(path: string): string {
  const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: -1 };
  return `${mtimeMs}/${size}`;
}

function explain(cause: unknown): string {
  const errors = (cause as { errors?: { text: string; location: { file: string; line: number } | null }[] }).errors;
  const first = errors?.[0];
  if (first === undefined) return cause instanceof Error ? cause.message : String(cause);
  return first.location === null ? first.text : `${first.location.file}:${first.location.line} ${first.text}`;
}
