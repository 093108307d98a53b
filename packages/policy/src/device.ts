/**
 * The devices that a policy can compute on, and what each does: one row of capabilities per onnxruntime provider, which says what runs
 * there, what is written otherwise for it, what is left to the CPU and where the weights lie. It opens no device: see `chooseDevice`.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PolicyError } from './errors.ts';

/** Devices that a policy computes on, by the names of onnxruntime's providers. */
export const devices = ['cpu', 'webgpu', 'cuda'] as const;
export type Device = (typeof devices)[number];

/** What a provider does with our graphs. Texts are for people: a run says them at its start. */
export interface DeviceCapabilities {
  /** What of a step runs there. */
  readonly runs: string;
  /** What its table of rewrites says otherwise, because the provider has no kernel for it, or a wrong one. */
  readonly rewritten: string;
  /** What the CPU does. */
  readonly fallsBack: string;
  /** Where weights, gradients, moments and the KV cache lie. */
  readonly memory: string;
  /** Whether values stay in its memory from run to run: weights, and through an update gradients and moments. */
  readonly keepsTensors: boolean;
  readonly precision: string;
  /** What is known of its bits. */
  readonly bits: string;
  /** On what it was tried. */
  readonly tried: string;
}

export const deviceCapabilities: Readonly<Record<Device, DeviceCapabilities>> = {
  cpu: {
    runs: 'everything',
    rewritten: 'products whose bits would depend on the number of threads',
    fallsBack: 'nothing',
    memory: 'host memory',
    keepsTensors: false,
    precision: 'float32',
    bits: 'the same with any number of threads, on processors of one class of vector instructions',
    tried: 'every test',
  },
  webgpu: {
    runs: 'scores, prefill, decoding steps, losses with gradients, gradient sums and AdamW',
    rewritten: 'attention, transposed products, log-softmax, cross-entropy, the inverse rms of norms',
    fallsBack: 'the drawing of tokens',
    memory:
      'weights are sent once, and through an update gradients and moments stay there too; the KV cache crosses the bus at each token; an adapter is trained from host memory',
    keepsTensors: true,
    precision: 'float32',
    bits: 'those of the CPU to about 1e-6; of another adapter or driver not compared',
    tried: 'a software adapter (Mesa llvmpipe); no GPU',
  },
  cuda: {
    runs: 'scores, prefill, decoding steps, losses with gradients',
    rewritten: 'attention, cross-entropy',
    fallsBack:
      'what the provider has no kernel for, by onnxruntime itself; gradient sums, AdamW and the drawing of tokens',
    memory: 'weights, gradients and KV cache cross the bus at each run; moments stay in host memory',
    keepsTensors: false,
    precision: 'float32',
    bits: 'not compared',
    tried: 'nothing: untried on a GPU; its rewritten graphs are tested on the CPU',
  },
};

/** @throws {PolicyError} `device-unsupported` where there is no such device */
export function expectDevice(device: string): Device {
  if ((devices as readonly string[]).includes(device)) return device as Device;
  throw new PolicyError(
    `Cannot use device ${device}: there is none of this name, expected ${devices.join(', ')} or auto`,
    {
      code: 'device-unsupported',
    },
  );
}

/** A device's row of capabilities as lines. */
export function deviceLines(device: Device): string[] {
  const { runs, rewritten, fallsBack, memory, precision, bits, tried } = deviceCapabilities[device];
  return [
    `Device ${device} (${precision}): ${runs}`,
    `  on the CPU: ${fallsBack}; rewritten for it: ${rewritten}`,
    `  memory: ${memory}`,
    `  bits: ${bits}; tried on: ${tried}`,
  ];
}

/** The folder of the onnxruntime that the engine loads. */
function runtimeFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
}

/** Where onnxruntime looks for its CUDA provider. It is no part of the package: its install script gets it. */
export function cudaLibrary(): string {
  return join(runtimeFolder(), 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}

/** What adds the CUDA provider's libraries, to be run in the checkout. */
export const CUDA_COMMAND =
  'node packages/policy/node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12';
