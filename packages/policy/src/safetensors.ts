/**
 * The safetensors file format: a JSON header of names, types, shapes and offsets, then the raw bytes. Reads F32, BF16
 * and F16 into float32, writes any of the three. A file that is cut off, overlaps itself or lies about a size is refused by the name
 * of the tensor and of the file, before a weight is used.
 *
 * Source: the format's description in the safetensors repository, by its definition. Invariant: offsets cover the data
 * exactly, in order, without a gap.
 */
import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod';
import { PolicyError } from './errors.ts';

const PREFIX_BYTES = 8;
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = { F32: 4, BF16: 2, F16: 2 };
const CHUNK_BYTES = 1 << 24;

/** How weights are kept in a file; in memory they are float32. Named as `transformers` and torch name them. */
export const WEIGHT_TYPES = ['float32', 'bfloat16', 'float16'] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];
const FORMAT_NAMES: Readonly<Record<WeightType, string>> = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' };

/** A tensor's name and shape. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor with its values, row by row. */
export interface NamedTensor extends TensorShape {
  readonly data: Float32Array;
}

/** Where a tensor lies in its file: absolute byte offsets [start, end). */
export interface TensorEntry extends TensorShape {
  readonly dtype: string;
  readonly start: number;
  readonly end: number;
}

const headerEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

function refuse(file: string, state: string, wish: string): never {
  throw new PolicyError(`Cannot read ${file}: ${state}, expected ${wish}`, { code: 'weights-invalid' });
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A file that is open for reading tensors. Close it. */
export interface SafetensorsFile {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Reads a tensor as float32 into `into`, which has its number of elements. */
  read(name: string, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file and checks its header against its size.
 *
 * @param path where it lies
 * @param file what error messages call it
 * @throws {PolicyError} `weights-invalid`, naming the tensor and the file
 */
export async function openSafetensors(path: string, file = path): Promise<SafetensorsFile> {
  const handle = await open(path, 'r');
  try {
    const entries = await readEntries(handle, file);
    return {
      entries,
      close: () => handle.close(),
      read: async (name, into) => {
        const entry = entries.get(name) ?? refuse(file, `tensor ${name} is missing`, 'a file that has it');
        await readTensor(handle, entry, into, file);
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readEntries(handle: FileHandle, file: string): Promise<Map<string, TensorEntry>> {
  const { size } = await handle.stat();
  const prefix = new DataView(new ArrayBuffer(PREFIX_BYTES));
  if (size >= PREFIX_BYTES) await handle.read(new Uint8Array(prefix.buffer), 0, PREFIX_BYTES, 0);
  const headerBytes = Number(prefix.getBigUint64(0, true));
  if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || PREFIX_BYTES + headerBytes > size) {
    refuse(file, `its ${size} bytes end within the header or hold none`, 'a whole safetensors file; fetch it again');
  }
  const header = Buffer.alloc(headerBytes);
  await handle.read(header, 0, headerBytes, PREFIX_BYTES);
  return parseHeader(header.toString('utf8'), PREFIX_BYTES + headerBytes, size, file);
}

/** The header's tensors, checked: each by itself, and all together against the file's size. */
function parseHeader(text: string, dataStart: number, size: number, file: string): Map<string, TensorEntry> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    refuse(file, 'its header is not JSON', 'a safetensors file');
  }
  if (typeof header !== 'object' || header === null) refuse(file, 'its header is no object', 'a safetensors file');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value, dataStart, file))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = dataStart;
  for (const { name, start, end } of entries) {
    if (start < covered) refuse(file, `tensor ${name} overlaps another`, 'tensors side by side');
    if (start > covered) refuse(file, `${start - covered} bytes before tensor ${name} belong to none`, 'no gap');
    if (end > size)
      refuse(file, `tensor ${name} ends at byte ${end}, beyond the file's ${size}`, 'a whole file; fetch it again');
    covered = end;
  }
  if (covered !== size) refuse(file, `${size - covered} bytes at its end belong to no tensor`, 'no gap');
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function parseEntry(name: string, value: unknown, dataStart: number, file: string): TensorEntry {
  const parsed = headerEntry.safeParse(value);
  if (!parsed.success) refuse(file, `tensor ${name} has no valid dtype, shape and data_offsets`, 'a safetensors file');
  const { dtype, shape, data_offsets } = parsed.data;
  const width = BYTES_PER_ELEMENT[dtype] ?? refuse(file, `tensor ${name} has type ${dtype}`, 'F32, BF16 or F16');
  const [start, end] = data_offsets;
  const expected = elementCount(shape) * width;
  if (end - start !== expected) {
    refuse(file, `tensor ${name} of shape [${shape}] has ${end - start} bytes`, `${expected}`);
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

async function readTensor(handle: FileHandle, entry: TensorEntry, into: Float32Array, file: string): Promise<void> {
  const width = BYTES_PER_ELEMENT[entry.dtype]!;
  if (into.length * width !== entry.end - entry.start) {
    throw new RangeError(
      `Cannot read tensor ${entry.name}: target has ${into.length} elements, expected ${elementCount(entry.shape)}`,
    );
  }
  if (entry.dtype === 'F32') {
    await readBytes(handle, new Uint8Array(into.buffer, into.byteOffset, into.byteLength), entry, entry.start, file);
    return;
  }
  const widen = entry.dtype === 'BF16' ? widenBf16 : widenF16;
  for (let at = 0; at < into.length; at += CHUNK_BYTES / width) {
    const halves = new Uint16Array(Math.min(CHUNK_BYTES / width, into.length - at));
    await readBytes(handle, new Uint8Array(halves.buffer), entry, entry.start + at * width, file);
    widen(halves, into.subarray(at, at + halves.length));
  }
}

async function readBytes(handle: FileHandle, into: Uint8Array, entry: TensorEntry, position: number, file: string) {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, Math.min(CHUNK_BYTES, into.length - done), position + done);
    if (bytesRead === 0) refuse(file, `tensor ${entry.name} is cut off`, 'a whole file; fetch it again');
    done += bytesRead;
  }
}

function widenBf16(halves: Uint16Array, into: Float32Array): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let index = 0; index < halves.length; index++) words[index] = halves[index]! << 16;
}

function widenF16(halves: Uint16Array, into: Float32Array): void {
  into.set(new Float16Array(halves.buffer, halves.byteOffset, halves.length));
}

/** The header of a file with these tensors, padded so that the data is aligned to 8 bytes. */
function headerOf(tensors: readonly NamedTensor[], dtype: string): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    if (data.length !== elementCount(shape)) {
      throw new RangeError(
        `Cannot write tensor ${name}: ${data.length} values, expected ${elementCount(shape)} for shape [${shape}]`,
      );
    }
    const bytes = data.length * BYTES_PER_ELEMENT[dtype]!;
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(PREFIX_BYTES + Math.ceil(text.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - PREFIX_BYTES), 0);
  text.copy(padded, PREFIX_BYTES);
  return padded;
}

/**
 * Writes tensors in the order given, and waits until they are on the disk.
 *
 * @param type float32 by default; the others round to nearest, ties to even, as torch does
 * @throws {RangeError} if a tensor's values do not fit its shape
 * @throws {PolicyError} `weights-invalid` where a value is beyond what the type can hold, naming the tensor
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  type: WeightType = 'float32',
): Promise<void> {
  const header = headerOf(tensors, FORMAT_NAMES[type]);
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(header);
    for (const tensor of tensors) {
      for (const bytes of encodedChunks(tensor, type)) await writeBytes(handle, bytes);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A tensor's values as bytes of a type, piece by piece. */
function* encodedChunks({ name, data }: NamedTensor, type: WeightType): Generator<Uint8Array> {
  if (type === 'float32') {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return;
  }
  const narrow = type === 'bfloat16' ? narrowToBf16 : narrowToF16;
  const step = CHUNK_BYTES / Uint16Array.BYTES_PER_ELEMENT;
  for (let at = 0; at < data.length; at += step) {
    const values = data.subarray(at, at + step);
    const halves = narrow(values);
    const over = halves.findIndex((half, index) => isInfinite(half, type) && Number.isFinite(values[index]));
    if (over >= 0) {
      throw new PolicyError(
        `Cannot write tensor ${name} as ${type}: element ${at + over} is ${values[over]}, which it cannot hold, expected ${type === 'float16' ? 'at most 65504; write bfloat16 or float32' : 'less; write float32'}`,
        { code: 'weights-invalid' },
      );
    }
    yield new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
  }
}

function isInfinite(half: number, type: WeightType): boolean {
  return (half & 0x7fff) === (type === 'bfloat16' ? 0x7f80 : 0x7c00);
}

/** The upper half of each float32, rounded to nearest, ties to even. Of finite values. */
function narrowToBf16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < halves.length; index++) {
    const word = words[index]!;
    halves[index] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function narrowToF16(values: Float32Array): Uint16Array {
  const halves = new Float16Array(values);
  return new Uint16Array(halves.buffer, halves.byteOffset, halves.length);
}

async function writeBytes(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CHUNK_BYTES, bytes.length - done));
    done += bytesWritten;
  }
}
