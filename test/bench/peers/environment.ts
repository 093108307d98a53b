/**
 * The virtual environment with the Python peers: `.venv` beside this file, made by `npm run bench peers` or by the first bench that
 * needs it, from the pinned `requirements.txt`. Git ignores it, and nothing of the product needs it.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../../peers/python-environment.ts';

const folder = join(import.meta.dirname, '.venv');
const requirements = join(import.meta.dirname, 'requirements.txt');
/** A copy of what the environment was made of, written when it was finished. */
const made = join(folder, 'made-of.txt');
const PYTHON = [3, 10] as const;

/**
 * The Python of the environment; it is made where it is not there, not finished, or made of other versions.
 *
 * @param log what is going on
 * @throws {Error} without a python3 that is new enough, or where pip fails
 */
export async function peerPython(log: (line: string) => void): Promise<string> {
  const python = join(folder, 'bin/python');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(made) && readFileSync(made, 'utf8') === wanted) return python;
  await checkPython();
  log(`Making a virtual environment of torch, transformers and TRL in ${folder}: some minutes, up to 6 GB`);
  rmSync(folder, { recursive: true, force: true });
  await must('python3', ['-m', 'venv', folder]);
  await must(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  writeFileSync(made, wanted);
  return python;
}

async function checkPython(): Promise<void> {
  const program = 'import sys, venv, ensurepip; print(*sys.version_info[:2])';
  const version = await promisify(execFile)('python3', ['-c', program]).catch((error: unknown) => error as Error);
  const [major = 0, minor = 0] = version instanceof Error ? [] : version.stdout.trim().split(' ').map(Number);
  if (major === PYTHON[0] && minor >= PYTHON[1]) return;
  const missing = version instanceof Error && 'code' in version && version.code === 'ENOENT';
  const seen = missing
    ? 'there is no python3'
    : version instanceof Error
      ? 'python3 has no venv'
      : `python3 is ${major}.${minor}`;
  throw new Error(
    `Cannot make the peers' environment: ${seen}, expected Python ${PYTHON.join('.')} or newer with its venv module on the PATH`,
  );
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const status = await run(program, args);
  if (status !== 0) {
    throw new Error(
      `Cannot make the peers' environment: ${program} ended with ${status}, expected 0; see what it said`,
    );
  }
}
