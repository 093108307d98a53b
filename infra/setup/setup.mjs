/**
 * The way in, for a machine that has Node >= 20 with npm and nothing else: `node infra/setup/setup.mjs [start|test] [arguments]`.
 * Gets pnpm, the packages (Node 26 is one of them) and the Temporal server, each once; then hands over to Node 26. Plain JavaScript
 * that imports nothing from outside Node, as nothing is installed when it runs. It writes to stderr only: stdout is the command's.
 *
 * What it did is stamped into node_modules/.evenkeel-setup.json; while lockfile, platform and packages are the same it is skipped.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const NODE = join(ROOT, 'node_modules/.bin/node');
const STAMP = join(ROOT, 'node_modules/.evenkeel-setup.json');
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64'];
const OLDEST_NODE = 20;

/** Errors of the set-up by what the tools print, with what to do about them. First match wins. */
const REMEDIES = [
  [/ENOSPC|no space left/i, 'the disk is full: free 2 GB and run the same command again'],
  [/EDQUOT|quota exceeded/i, 'the disk quota is used up: free 2 GB and run the same command again'],
  [/EROFS|read-only file system/i, 'the folder is read-only: clone the repository to a place that you can write to'],
  [/EACCES|EPERM|permission denied/i, 'permission is denied: give this user the folder, or clone the repository anew'],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network|fetch failed/i,
    'the package registry cannot be reached: check the network, a proxy (HTTPS_PROXY) or the registry (npm config get registry), and run the same command again',
  ],
  [
    /SELF_SIGNED|CERT_|certificate/i,
    'the registry’s certificate is not trusted: set NODE_EXTRA_CA_CERTS to your certificate file',
  ],
  [
    /OUTDATED_LOCKFILE|frozen-lockfile/i,
    'package.json and pnpm-lock.yaml differ: run `npx pnpm install` and commit the lockfile',
  ],
  [
    /ETARGET|No matching version|E404/i,
    'the registry does not have a pinned version: use another registry (npm config set registry …)',
  ],
];

class SetupError extends Error {}

/** One line a phase: what, how long. */
async function phase(what, work) {
  const start = performance.now();
  process.stderr.write(`  ${what} … `);
  try {
    const note = await work();
    process.stderr.write(`${note ? `${note}, ` : ''}${seconds(start)}\n`);
  } catch (error) {
    process.stderr.write(`failed after ${seconds(start)}\n`);
    throw error;
  }
}

function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function checkMachine() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE) {
    throw new SetupError(
      `Cannot set up: Node is ${process.versions.node}, expected >= ${OLDEST_NODE}. Get it from https://nodejs.org, or by nvm: nvm install 24`,
    );
  }
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw new SetupError(
      `Cannot set up: the platform is ${platform}, expected one of ${PLATFORMS.join(', ')}. On Windows use WSL 2 (wsl --install)`,
    );
  }
  if (platform.startsWith('linux') && process.report?.getReport().header.glibcVersionRuntime === undefined) {
    throw new SetupError(
      'Cannot set up: this Linux has no glibc, which the Temporal SDK and ONNX Runtime need. Use Debian, Ubuntu, Fedora or the like in place of Alpine',
    );
  }
}

/** Runs a tool and keeps what it says. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let said = '';
    child.stdout.on('data', (data) => {
      stdout += data;
      said += data;
    });
    child.stderr.on('data', (data) => {
      said += data;
    });
    child.once('error', (error) => resolve({ code: error.code ?? 'unknown', stdout, said: `${said}${error.message}` }));
    child.once('close', (code, signal) => resolve({ code: code ?? signal, stdout, said }));
  });
}

function failure(what, { code, said }) {
  const remedy =
    REMEDIES.find(([pattern]) => pattern.test(said))?.[1] ?? 'run it again; if it fails again, report these lines';
  const tail = said.trim().split('\n').slice(-12).join('\n    ');
  return new SetupError(`Cannot ${what} (${code}): ${remedy}\n    ${tail}`);
}

async function installPackages() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const result = await run('npx', ['-y', packageManager, 'install', '--frozen-lockfile']);
  if (result.code === 'ENOENT') {
    throw new SetupError(
      'Cannot install the packages: there is no npx on PATH, expected npm beside Node. Install npm (Debian: apt install npm)',
    );
  }
  if (result.code !== 0) throw failure('install the packages', result);
  const version = await run(NODE, ['--version']);
  if (version.code !== 0) throw failure('run the installed Node', version);
  return `Node ${version.stdout.trim().slice(1)}`;
}

async function installTemporal() {
  const result = await run(NODE, [join(ROOT, 'infra/setup/install-temporal.ts')]);
  if (result.code !== 0) throw new SetupError(result.said.trim());
  return result.stdout.trim();
}

/** What the installed packages depend on. */
function stampKey() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(ROOT, file)));
  // The version of this Node does not count: npm puts the installed one in front, so the second start runs on another than the first.
  return hash.update(`${process.platform}-${process.arch}`).digest('hex');
}

function isSetUp(key) {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8')).key === key && existsSync(NODE);
  } catch {
    return false;
  }
}

async function setUp() {
  const key = stampKey();
  if (isSetUp(key)) return;
  const start = performance.now();
  process.stderr.write('Setting up Evenkeel (once; later starts skip this)\n');
  await phase('packages: Node 26, Temporal SDK, ONNX Runtime (about 800 MB)', installPackages);
  await phase('Temporal server (about 45 MB)', installTemporal);
  writeFileSync(STAMP, `${JSON.stringify({ key, at: new Date().toISOString() })}\n`);
  process.stderr.write(`Set up in ${seconds(start)}\n`);
}

/** Gives way to a program of Node 26: its input and output, its signals, its exit code. */
function handOver(args) {
  const child = spawn(NODE, args, { cwd: process.cwd(), stdio: 'inherit' });
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to every process in front of it, and npm passes it on once more: the child has it already.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      const nowMs = performance.now();
      if (nowMs - lastMs > 500) child.kill(signal);
      lastMs = nowMs;
    });
  }
  child.once('error', (error) =>
    fail(new SetupError(`Cannot start Node 26: ${error.message}. Delete node_modules and run the same command again`)),
  );
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function fail(error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
}

const [command, ...args] = process.argv.slice(2);
const programs = {
  start: [join(ROOT, 'packages/cli/src/main.ts'), 'train', ...args],
  test: [join(ROOT, 'infra/gate/ok.ts'), ...args],
};
try {
  if (command !== undefined && programs[command] === undefined) {
    throw new SetupError(`Cannot run "${command}": expected start, test or nothing`);
  }
  checkMachine();
  await setUp();
  if (command !== undefined) handOver(programs[command]);
} catch (error) {
  fail(error);
}
