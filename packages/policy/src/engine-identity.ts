/**
 * What decides the bits of a step besides its inputs: the revision of the mathematics in this checkout (graph, policy, algorithms,
 * trainer), the inference engine, and the processor's vector instructions, by which the engine chooses its kernels. It computes
 * nothing and opens no session.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';

/**
 * Raised by hand whenever the numbers of a step change: other operations, another order of additions, other draws. A golden step
 * (`test/golden/engine.test.ts`) fails until it is.
 */
export const engineRevision = 2;

/** The engine of one process, as far as it can change a bit. */
export interface EngineIdentity {
  readonly revision: number;
  /** onnxruntime's version, such as `1.30.0`. */
  readonly onnxruntime: string;
  /** Operating system and architecture, such as `linux-x64`. */
  readonly platform: string;
  /** The widest vector instructions that the engine has kernels for, such as `avx512f`; else the processor's name. */
  readonly instructions: string;
}

/** The engine of this process. */
export function engineIdentity(): EngineIdentity {
  const manifest = createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string };
  return {
    revision: engineRevision,
    onnxruntime: manifest.version,
    platform: `${platform()}-${arch()}`,
    instructions: vectorInstructions(arch(), processorFlags()),
  };
}

/** What Linux says of the processor; null elsewhere. */
function processorFlags(): ReadonlySet<string> | null {
  try {
    const [, flags] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
    return flags === undefined ? null : new Set(flags.split(/\s+/));
  } catch {
    return null;
  }
}

/**
 * The class of kernels that onnxruntime's float32 mathematics (MLAS) takes on such a processor: it asks for these, in this order.
 * Where nothing tells the flags, the processor's name stands for them: two of one name have the same.
 */
export function vectorInstructions(architecture: string, flags: ReadonlySet<string> | null): string {
  if (flags === null) return cpus()[0]?.model.trim() || 'unknown';
  if (architecture === 'x64') {
    if (flags.has('avx512f')) return 'avx512f';
    if (flags.has('avx2') && flags.has('fma')) return 'avx2-fma';
    return flags.has('avx') ? 'avx' : 'sse2';
  }
  return ['sme', 'sve'].find((wide) => flags.has(wide)) ?? 'neon';
}
