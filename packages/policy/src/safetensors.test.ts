import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openSafetensors, writeSafetensors } from './safetensors.ts';

const golden: { readonly file: string; readonly expected: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(new URL('../../../test/golden/policy-safetensors.golden.json', import.meta.url), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function written(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

function fileOf(header: Header, dataBytes: number): string {
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return written(Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]));
}

async function readAll(path: string): Promise<Map<string, Float32Array>> {
  const file = await openSafetensors(path, 'model.safetensors');
  const tensors = new Map<string, Float32Array>();
  for (const [name, { shape }] of file.entries) {
    const into = new Float32Array(shape.reduce((product, size) => product * size, 1));
    await file.read(name, into);
    tensors.set(name, into);
  }
  await file.close();
  return tensors;
}

describe('openSafetensors()', () => {
  const bytes = Buffer.from(golden.file, 'base64');

  test('reads F32, BF16 and F16 as the safetensors library does, bit for bit', async () => {
    const tensors = await readAll(written(bytes));
    for (const [name, expected] of Object.entries(golden.expected)) {
      expect(Buffer.from(tensors.get(name)!.buffer).toString('base64')).toBe(expected);
    }
  });

  test('refuses a file cut off anywhere', async () => {
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(openSafetensors(written(bytes.subarray(0, length)), 'model.safetensors')).rejects.toThrow(
        /^Cannot read model\.safetensors: .*fetch it again$/,
      );
    }
  });

  const f32 = (from: number, to: number) => ({
    dtype: 'F32',
    shape: [2],
    data_offsets: [from, to] as [number, number],
  });

  test.each<[string, Header, number]>([
    ['tensor b overlaps another, expected tensors side by side', { a: f32(0, 8), b: f32(4, 12) }, 12],
    ['4 bytes before tensor b belong to none, expected no gap', { a: f32(0, 8), b: f32(12, 20) }, 20],
    ['4 bytes at its end belong to no tensor, expected no gap', { a: f32(0, 8) }, 12],
    ['tensor a of shape [2] has 4 bytes, expected 8', { a: f32(0, 4) }, 4],
    ['tensor a has type I64, expected F32, BF16 or F16', { a: { ...f32(0, 16), dtype: 'I64' } }, 16],
    ['tensor a ends at byte', { a: f32(0, 8) }, 4],
    ['tensor a has no valid dtype', { a: { ...f32(0, 8), shape: [-2] } }, 8],
  ])('refuses: %s', async (message, header, dataBytes) => {
    await expect(openSafetensors(fileOf(header, dataBytes), 'model.safetensors')).rejects.toThrow(
      `Cannot read model.safetensors: ${message}`,
    );
  });
});

describe('writeSafetensors()', () => {
  test('writes what openSafetensors() reads', async () => {
    const path = join(folder, 'round-trip.safetensors');
    const tensors = [
      { name: 'b', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) },
      { name: 'a', shape: [1], data: Float32Array.of(0.1) },
      { name: 'scalar', shape: [], data: Float32Array.of(7) },
    ];
    await writeSafetensors(path, tensors);
    expect([...(await readAll(path))]).toEqual(tensors.map(({ name, data }) => [name, data]));
  });

  test('refuses values that do not fit their shape', async () => {
    const tensor = { name: 'a', shape: [3], data: new Float32Array(2) };
    await expect(writeSafetensors(join(folder, 'never.safetensors'), [tensor])).rejects.toThrow(
      'Cannot write tensor a: 2 values, expected 3 for shape [3]',
    );
  });

  test('rounds to bfloat16 and float16 to nearest, ties to even', async () => {
    // Halfway between two neighbours of a type of 8 and of 11 bits, then just above halfway.
    const data = Float32Array.of(
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      1 + 2 ** -8 + 2 ** -20,
      1 + 2 ** -11,
      -65504,
      2 ** -24,
      0,
    );
    const tensors = [{ name: 'a', shape: [7], data }];
    const bf16 = join(folder, 'bf16.safetensors');
    await writeSafetensors(bf16, tensors, 'bfloat16');
    expect((await readAll(bf16)).get('a')).toEqual(
      Float32Array.of(1, 1 + 2 ** -6, 1 + 2 ** -7, 1, -65536, 2 ** -24, 0),
    );
    const f16 = join(folder, 'f16.safetensors');
    await writeSafetensors(f16, tensors, 'float16');
    expect((await readAll(f16)).get('a')).toEqual(
      Float32Array.of(...[1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8, 1], -65504, 2 ** -24, 0),
    );
  });

  test('refuses by name what a type cannot hold', async () => {
    const tensors = [{ name: 'a', shape: [2], data: Float32Array.of(1, 7e4) }];
    await expect(writeSafetensors(join(folder, 'over.safetensors'), tensors, 'float16')).rejects.toThrow(
      'Cannot write tensor a as float16: element 1 is 70000, which it cannot hold, expected at most 65504; write bfloat16 or float32',
    );
    const largest = [{ name: 'a', shape: [1], data: Float32Array.of(3.4e38) }];
    await expect(writeSafetensors(join(folder, 'over-too.safetensors'), largest, 'bfloat16')).rejects.toThrow(
      /element 0 is 3\.3\d+e\+38, which it cannot hold, expected less; write float32$/,
    );
  });
});
