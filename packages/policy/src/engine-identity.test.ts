import { describe, expect, test } from 'vitest';
import { engineIdentity, engineRevision, vectorInstructions } from './engine-identity.ts';

const flags = (...names: string[]): ReadonlySet<string> => new Set(names);

describe("a process's engine", () => {
  test('names its revision, its inference engine, its platform and its vector instructions', () => {
    const { revision, onnxruntime, platform, instructions } = engineIdentity();
    expect(revision).toBe(engineRevision);
    expect(onnxruntime).toMatch(/^\d+\.\d+\.\d+/);
    expect(platform).toBe(`${process.platform}-${process.arch}`);
    expect(instructions).not.toBe('');
  });

  test('has the widest instructions that onnxruntime has kernels for', () => {
    expect(vectorInstructions('x64', flags('avx', 'avx2', 'fma', 'avx512f', 'avx512_vnni'))).toBe('avx512f');
    expect(vectorInstructions('x64', flags('avx', 'avx2', 'fma'))).toBe('avx2-fma');
    expect(vectorInstructions('x64', flags('avx', 'avx2'))).toBe('avx');
    expect(vectorInstructions('x64', flags('sse4_2'))).toBe('sse2');
    expect(vectorInstructions('arm64', flags('asimd', 'sve'))).toBe('sve');
    expect(vectorInstructions('arm64', flags('asimd'))).toBe('neon');
  });

  test('has the name of its processor for that where the system does not tell', () => {
    expect(vectorInstructions('arm64', null)).not.toBe('');
  });
});
