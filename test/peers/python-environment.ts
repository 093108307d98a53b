/**
 * Virtual environments of Python for the commands beside this file: made once below `.evenkeel/peers/`, of pinned packages from the
 * registry that pip is set up for. Nothing of the product needs one.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const peers = join(import.meta.dirname, '../../.evenkeel/peers');

/**
 * The folder with the programs of an environment that has these packages; it is made where it is not there, or was not finished.
 *
 * @param requirements as pip takes them, the first one pinned: `['schemathesis==4.32.5']`
 */
export async function pythonEnvironment(requirements: readonly string[]): Promise<string> {
  const folder = join(peers, requirements[0]!.replace('==', '-'));
  const made = join(folder, 'requirements.txt');
  const wanted = `${requirements.join('\n')}\n`;
  if (!existsSync(made) || readFileSync(made, 'utf8') !== wanted) {
    console.error(`Making a virtual environment with ${requirements.join(', ')} in ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    await mkdir(peers, { recursive: true });
    await running('python3', ['-m', 'venv', folder]);
    await running(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...requirements]);
    writeFileSync(made, wanted);
  }
  return join(folder, 'bin');
}

/** Runs a program with this process's streams. @throws {Error} where it does not end with 0 */
async function running(program: string, args: readonly string[]): Promise<void> {
  const status = await run(program, args);
  if (status !== 0) throw new Error(`Cannot make environment: ${program} ended with ${status}, expected 0`);
}

/** Runs a program with this process's streams, and gives its exit status. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
