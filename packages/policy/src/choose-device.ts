/**
 * Which device a command computes on: the one that is named, where it is there, or for `auto` the first that is. A device is tried in a
 * process of its own, since a provider may end the process that opens it.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CUDA_COMMAND, cudaLibrary, type Device, expectDevice } from './device.ts';
import { PolicyError } from './errors.ts';

const PROBE_MS = 60_000;

/** The order in which `auto` tries them. That a device is faster for a given model is not known: the order is a guess. */
const PREFERENCE = ['cuda', 'webgpu'] as const satisfies readonly Device[];

/** What came of trying a device. */
export type DeviceProbe =
  | { readonly there: true; readonly backends: readonly string[] }
  | { readonly there: false; readonly reason: string };

/** A device that is there, with what there is to tell of how it was chosen. */
export interface ChosenDevice {
  readonly device: Device;
  /** Null for a device that was named. */
  readonly note: string | null;
}

/** Tries a device by scoring a text with a very small policy. Never throws, and no provider can end this process. */
export async function probeDevice(device: Device): Promise<DeviceProbe> {
  if (device === 'cuda' && !existsSync(cudaLibrary())) {
    return { there: false, reason: "the CUDA provider's libraries are not installed" };
  }
  const program = join(import.meta.dirname, 'device-probe-process.ts');
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    const options = { timeout: PROBE_MS, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, ['--no-warnings', program, device], options, (_, ...[stdout, stderr]) =>
      resolve({ stdout, stderr }),
    );
  });
  return readProbe(stdout, stderr);
}

/** What the probe's process said before it ended, however it ended. */
export function readProbe(stdout: string, stderr: string): DeviceProbe {
  let answer: { error?: string; backends?: readonly { name: string }[] };
  try {
    answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    return { there: false, reason: reason === '' ? 'the process that tried it died' : shorten(reason) };
  }
  if (answer.error !== undefined) return { there: false, reason: shorten(answer.error) };
  return { there: true, backends: answer.backends?.map(({ name }) => name) ?? [] };
}

/** The part of a native library's message that says what failed, without its source paths. */
function shorten(text: string): string {
  const said = /(?:failed to|couldn't|cannot) [^\n]*/i.exec(text)?.[0] ?? text.split('\n')[0]!;
  return said.length > 100 ? `${said.slice(0, 99)}…` : said;
}

/**
 * The device to compute on.
 *
 * @param wish `cpu`, `webgpu`, `cuda`, or `auto`: CUDA, then WebGPU, then the CPU
 * @throws {PolicyError} `device-unsupported` for another name, `device-missing` where it is not there, with what to do
 */
export async function chooseDevice(wish: string, probe = probeDevice): Promise<ChosenDevice> {
  if (wish === 'auto') {
    const reasons: string[] = [];
    for (const device of PREFERENCE) {
      const found = await probe(device);
      if (found.there) {
        return { device, note: `Device auto: ${device}, because it is there; that it is faster was not measured` };
      }
      reasons.push(`${device}: ${found.reason}`);
    }
    return { device: 'cpu', note: `Device auto: cpu (${reasons.join('; ')})` };
  }
  const device = expectDevice(wish);
  if (device === 'cpu') return { device, note: null };
  const found = await probe(device);
  if (found.there) return { device, note: null };
  throw new PolicyError(
    `Cannot compute on device ${device}: ${found.reason}, expected ${deviceWishes[device]}; or --device cpu`,
    { code: 'device-missing' },
  );
}

/** What a device needs. */
export const deviceWishes: Readonly<Record<Device, string>> = {
  cpu: 'npm run setup installs onnxruntime-node anew; on Linux it needs glibc 2.28 or newer, x64 or arm64',
  webgpu: 'a GPU, or a software adapter such as Mesa 25 llvmpipe, with a Vulkan, Metal or D3D12 driver',
  cuda: `an NVIDIA GPU with CUDA 12 and cuDNN 9, and the provider's libraries, which one command adds to the checkout: ${CUDA_COMMAND} (untried on a GPU by this release)`,
};
