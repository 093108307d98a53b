/** The Temporal CLI compiled by Go: slow and large, the last resort. Later versions cannot be installed by name (their go.mod has a `replace`). */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { homeError, makeFolder } from '../home-files.ts';
import { runCommand } from '../process/run-command.ts';
import type { InstallOptions } from './install-by-wheel.ts';

export const GO_VERSION = '1.5.1';

/**
 * Compiles the program and puts it at `path`.
 *
 * @throws {Error} that says why: no Go, or what it said
 */
export async function installByGo({ path, env, log }: InstallOptions): Promise<void> {
  const { code } = await runCommand('go', ['version'], { env });
  if (code !== 0) throw new Error('there is no Go on PATH');
  makeFolder(dirname(path));
  const folder = mkdtempSync(join(dirname(path), 'go-'));
  try {
    log.info(`Compiling the Temporal server ${GO_VERSION} with Go: this takes 2 to 4 minutes and 3 GB of module cache`);
    const result = await runCommand('go', ['install', `github.com/temporalio/cli/cmd/temporal@v${GO_VERSION}`], {
      env: { ...env, GOBIN: folder, GOFLAGS: '' },
      timeoutMs: 1_200_000,
    });
    if (result.code !== 0)
      throw new Error(`go install failed: ${result.stderr.trim().split('\n').slice(-2).join(' ')}`);
    try {
      renameSync(join(folder, 'temporal'), path);
    } catch (cause) {
      throw homeError(path, cause);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
