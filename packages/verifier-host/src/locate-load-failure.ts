/**
 * Where a verifier's module throws while it loads. The sandbox tells the message only: vm2 hides the stack, as it shows the way out.
 * So the script is made once more, readable, with a mark before each statement of its modules, and loaded in the same sandbox: the
 * last mark that was passed is the place.
 */
import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import { relative, resolve } from 'node:path';
import { bundleSandboxProgram, runBuild, verifierBuild } from './bundle.ts';
import type { VerifierPackage } from './discover.ts';
import { startLink } from './sandbox-link.ts';

/** A statement of a module. */
export interface SourcePlace {
  /** Relative to the package's folder. */
  readonly file: string;
  readonly line: number;
}

const LIMITS = { timeMs: 1000, memoryMb: 64 };
/** esbuild prints the statements of modules so far in, and what belongs to them further in or behind a bracket. */
const STATEMENT = /^ {2}[^\s)}\]/.?:]/;

/** @returns null where it cannot be told: it does not bundle, does not throw a second time, or throws outside every statement */
export async function locateLoadFailure(pkg: VerifierPackage): Promise<SourcePlace | null> {
  if (pkg.entry === null) return null;
  try {
    const { text, map } = await readableScript(pkg.folder, pkg.entry);
    const line = await lineOfFailure(markedScript(text));
    if (line === null) return null;
    const found: Partial<SourceMapping> = new SourceMap(map).findEntry(line - 1, 2);
    if (found.originalSource === undefined || found.originalLine === undefined) return null;
    return { file: relative(pkg.folder, resolve(pkg.folder, found.originalSource)), line: found.originalLine + 1 };
  } catch {
    return null;
  }
}

async function readableScript(folder: string, entry: string): Promise<{ text: string; map: SourceMapPayload }> {
  const { outputFiles = [] } = await runBuild({
    ...verifierBuild(folder, entry),
    sourcemap: 'external',
    outfile: resolve(folder, 'verifier.js'),
  });
  const [map, script] = outputFiles.toSorted((a, b) => b.path.length - a.path.length);
  return { text: script!.text, map: JSON.parse(map!.text) as SourceMapPayload };
}

/** The script with a mark before each statement; what it throws says the last one. Lines stay where they are. */
function markedScript(text: string): string {
  const lines = text
    .split('\n')
    .map((line, at) => (STATEMENT.test(line) ? `  evenkeelAt=${at + 1};${line.slice(2)}` : line));
  const script = lines.join('\n').trimEnd().replace(/;$/, '');
  return `(() => { let evenkeelAt = 0; try { return ${script}; } catch { throw { message: 'line ' + evenkeelAt }; } })()`;
}

async function lineOfFailure(script: string): Promise<number | null> {
  const link = await startLink({ program: await bundleSandboxProgram(), script, context: null, ...LIMITS });
  if ('code' in link) return null;
  try {
    const line = /"line (\d+)"/.exec(link.manifestLine)?.[1];
    return line === undefined || line === '0' ? null : Number(line);
  } finally {
    await link.close();
  }
}
