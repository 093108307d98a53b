/**
 * A policy as artefacts of a store: the architecture (the model folder's texts: config.json, tokenizer.json, …) once, and the
 * weights once per version, as a safetensors file whose metadata names the architecture. A reference to the weights is thus
 * enough to run the policy, and any safetensors reader opens it. A policy that LoRA trains is its adapters alone, whose metadata names
 * the base by hash too: whoever loads it gets merged weights, and a step keeps a small file. It does not know which store: only that it
 * keeps bytes by hash.
 */
import { type ArtefactRef, canonicalJson } from '@evenkeel/core';
import * as z from 'zod';
import type { ChatTemplate } from './chat-template.ts';
import { chatTemplateOf } from './chat-template-files.ts';
import { type ModelTokens, readConfigJson, readModelTokens } from './config-json.ts';
import { PolicyError } from './errors.ts';
import { type Lora, type LoraAdapter, loraShapes, mergeLora } from './lora.ts';
import { type ModelConfig, type ParameterShape, parameterShapes } from './model-config.ts';
import { loadModelDirectory, type ModelFiles, saveModelDirectory } from './model-directory.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { policyHash } from './policy-hash.ts';
import { elementCount } from './safetensors.ts';
import { type Tokenizer, tokenizerFromJson } from './tokenizer.ts';

/** What this module needs of a store. */
export interface ArtefactAccess {
  get(ref: ArtefactRef): Promise<Uint8Array>;
  /** Fills the parts, which together have the artefact's size, with its bytes. */
  getInto(ref: ArtefactRef, into: readonly Uint8Array[]): Promise<void>;
  /** The bytes `from` … `to − 1`, fewer where it ends before; they need not be proved by the hash. */
  getStretch(ref: ArtefactRef, from: number, to: number): Promise<Uint8Array>;
  /** Keeps bytes, in parts that follow each other. */
  put(kind: string, parts: readonly Uint8Array[]): Promise<ArtefactRef>;
}

/** All of a model but its weights. */
export interface Architecture {
  readonly ref: ArtefactRef;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly tokens: ModelTokens;
  readonly chatTemplate: ChatTemplate | undefined;
  readonly files: ModelFiles;
}

export interface LoadedPolicy {
  readonly architecture: Architecture;
  readonly parameters: ParameterBuffer;
}

/** A policy that LoRA trains, apart: the base's weights, and what stands beside them. */
export interface LoadedAdapter extends LoadedPolicy {
  /** The base, whose weights `parameters` are. */
  readonly base: ArtefactRef;
  readonly adapter: LoraAdapter;
}

const refSchema = z.strictObject({ kind: z.string(), sha256: z.string(), bytes: z.number() });
const loraSchema = z.strictObject({ rank: z.number(), alpha: z.number(), targets: z.array(z.string()) });
const headerSchema = z.looseObject({
  __metadata__: z.looseObject({
    'evenkeel.architecture': z.string(),
    'evenkeel.base': z.string().optional(),
    'evenkeel.lora': z.string().optional(),
  }),
});
const filesSchema = z.record(z.string(), z.string());
const HEADER_LENGTH_BYTES = 8;
const LONGEST_HEADER_BYTES = 64 * 1024 * 1024;

/** What an artefact names as that which its tensors stand beside. */
interface Beside {
  readonly base: ArtefactRef;
  readonly lora: Lora;
}

function refText({ kind, sha256, bytes }: ArtefactRef): string {
  return canonicalJson({ kind, sha256, bytes });
}

/** The safetensors header: tensors in canonical order, padded with spaces to eight bytes. */
function headerOf(shapes: readonly ParameterShape[], architecture: ArtefactRef, beside?: Beside): Uint8Array {
  let start = 0;
  const tensors = shapes.map(({ name, shape }) => {
    const end = start + 4 * elementCount(shape);
    const entry = [name, { dtype: 'F32', shape, data_offsets: [start, end] }];
    start = end;
    return entry;
  });
  const metadata = {
    ...{ format: 'pt', 'evenkeel.architecture': refText(architecture) },
    ...(beside === undefined
      ? {}
      : { 'evenkeel.base': refText(beside.base), 'evenkeel.lora': canonicalJson(loraSchema.parse(beside.lora)) }),
  };
  const text = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(tensors) });
  return new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8, ' '));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Keeps one version of the weights. The same weights are the same artefact. */
export async function putPolicy(
  store: ArtefactAccess,
  architecture: Pick<Architecture, 'ref' | 'config'>,
  parameters: Float32Array,
): Promise<ArtefactRef> {
  return await putTensors(store, headerOf(parameterShapes(architecture.config), architecture.ref), parameters);
}

/** Keeps one version of a policy that LoRA trains: its adapters, and the base's name. */
export async function putAdapter(
  store: ArtefactAccess,
  architecture: Pick<Architecture, 'ref' | 'config'>,
  base: ArtefactRef,
  { lora, parameters }: LoraAdapter,
): Promise<ArtefactRef> {
  const header = headerOf(loraShapes(architecture.config, lora), architecture.ref, { base, lora });
  return await putTensors(store, header, parameters.flat);
}

async function putTensors(store: ArtefactAccess, header: Uint8Array, flat: Float32Array): Promise<ArtefactRef> {
  const length = new DataView(new ArrayBuffer(HEADER_LENGTH_BYTES));
  length.setBigUint64(0, BigInt(header.length), true);
  return await store.put('policy', [new Uint8Array(length.buffer), header, bytesOf(flat)]);
}

/** Takes a model folder into the store. @throws {PolicyError} as `loadModelDirectory` */
export async function importModel(store: ArtefactAccess, folder: string): Promise<ArtefactRef> {
  const { config, files, parameters } = await loadModelDirectory(folder);
  const ref = await store.put('architecture', [new TextEncoder().encode(canonicalJson(Object.fromEntries(files)))]);
  return await putPolicy(store, { ref, config }, parameters.flat);
}

/** Writes a policy as a model folder, in place of an older one. @returns the weights' hash */
export async function exportModel(store: ArtefactAccess, ref: ArtefactRef, folder: string): Promise<string> {
  const { architecture, parameters } = await loadPolicy(store, ref);
  await saveModelDirectory(folder, { parameters, files: architecture.files }, { replace: true });
  return policyHash(parameters.flat, architecture.config);
}

interface PolicyHead {
  readonly header: string;
  readonly architecture: ArtefactRef;
  readonly beside: Beside | undefined;
  /** Where the tensors begin. */
  readonly start: number;
}

function splitPolicy(bytes: Uint8Array): PolicyHead {
  const refuse = (state: string): never => {
    throw new PolicyError(`Cannot read policy artefact: ${state}, expected one that this store wrote`, {
      code: 'policy-invalid',
    });
  };
  if (bytes.length < HEADER_LENGTH_BYTES) refuse(`it has ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true));
  const start = HEADER_LENGTH_BYTES + length;
  if (start > bytes.length) refuse('its header is cut off');
  const header = new TextDecoder().decode(bytes.subarray(HEADER_LENGTH_BYTES, start));
  try {
    const { __metadata__: metadata } = headerSchema.parse(JSON.parse(header));
    const { 'evenkeel.architecture': architecture, 'evenkeel.base': base, 'evenkeel.lora': lora } = metadata;
    const beside =
      base === undefined || lora === undefined
        ? undefined
        : { base: refSchema.parse(JSON.parse(base)), lora: loraSchema.parse(JSON.parse(lora)) };
    return { header, architecture: refSchema.parse(JSON.parse(architecture)), beside, start };
  } catch (cause) {
    throw new PolicyError('Cannot read policy artefact: its header is not valid, expected one that this store wrote', {
      code: 'policy-invalid',
      cause,
    });
  }
}

function readFiles(bytes: Uint8Array): Readonly<Record<string, string>> {
  try {
    return filesSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new PolicyError('Cannot read architecture artefact: it is not valid, expected the texts of a model folder', {
      code: 'policy-invalid',
      cause,
    });
  }
}

async function readArchitecture(store: ArtefactAccess, ref: ArtefactRef): Promise<Architecture> {
  const files = readFiles(await store.get(ref));
  const json = (name: string): unknown => (files[name] === undefined ? {} : JSON.parse(files[name]));
  const texts = new Map(Object.entries(files));
  return {
    ref,
    config: readConfigJson(json('config.json'), 'config.json'),
    tokenizer: tokenizerFromJson(json('tokenizer.json'), 'tokenizer.json'),
    tokens: readModelTokens(json('generation_config.json'), json('config.json')),
    chatTemplate: chatTemplateOf(texts),
    files: texts,
  };
}

/** Architectures are few and never change: each is read once per process. */
const architectures = new Map<string, Promise<Architecture>>();

/** A policy's header, from the beginning of its bytes alone. @throws {PolicyError} `policy-invalid` */
async function headOf(read: (from: number, to: number) => Promise<Uint8Array>): Promise<PolicyHead> {
  const first = await read(0, HEADER_LENGTH_BYTES);
  if (first.length < HEADER_LENGTH_BYTES) return splitPolicy(first);
  const length = Number(new DataView(first.buffer, first.byteOffset, first.byteLength).getBigUint64(0, true));
  return splitPolicy(await read(0, HEADER_LENGTH_BYTES + Math.min(length, LONGEST_HEADER_BYTES)));
}

/**
 * Where a policy's architecture lies, and where it is adapters alone, its base: from the beginning of its bytes.
 *
 * @param read the bytes `from` … `to − 1` of the policy's artefact
 * @throws {PolicyError} `policy-invalid`
 */
export async function namedByPolicy(
  read: (from: number, to: number) => Promise<Uint8Array>,
): Promise<{ readonly architecture: ArtefactRef; readonly base: ArtefactRef | null }> {
  const { architecture, beside } = await headOf(read);
  return { architecture, base: beside?.base ?? null };
}

/** The header of a policy in the store. Where it cannot be read, and the bytes are not what they were, the store says so. */
async function headIn(store: ArtefactAccess, policy: ArtefactRef): Promise<PolicyHead> {
  try {
    return await headOf((from, to) => store.getStretch(policy, from, to));
  } catch (error) {
    if (error instanceof PolicyError) await store.get(policy);
    throw error;
  }
}

/** The architecture of a policy: its configuration and tokenizer. Of its bytes only the beginning is read. */
export async function loadArchitecture(store: ArtefactAccess, policy: ArtefactRef): Promise<Architecture> {
  return await architectureOf(store, (await headIn(store, policy)).architecture);
}

function architectureOf(store: ArtefactAccess, ref: ArtefactRef): Promise<Architecture> {
  let architecture = architectures.get(ref.sha256);
  if (architecture === undefined) {
    architecture = readArchitecture(store, ref);
    architecture.catch(() => architectures.delete(ref.sha256));
    architectures.set(ref.sha256, architecture);
  }
  return architecture;
}

/**
 * A policy with its weights, which are read to where they stay; adapters are merged into the base's.
 *
 * @throws {PolicyError} `policy-invalid` where weights and architecture do not fit together
 */
export async function loadPolicy(store: ArtefactAccess, ref: ArtefactRef): Promise<LoadedPolicy> {
  const head = await headIn(store, ref);
  if (head.beside !== undefined) {
    const { architecture, parameters, adapter } = await loadBeside(store, ref, head, head.beside);
    mergeLora(parameters, adapter);
    return { architecture, parameters };
  }
  const architecture = await architectureOf(store, head.architecture);
  const shapes = parameterShapes(architecture.config);
  return { architecture, parameters: await readTensors(store, ref, head, shapes) };
}

/**
 * A policy that LoRA trains, its adapters apart from the base's weights.
 *
 * @throws {PolicyError} `policy-invalid` where it has no adapters, or they do not fit
 */
export async function loadAdapter(store: ArtefactAccess, ref: ArtefactRef): Promise<LoadedAdapter> {
  const head = await headIn(store, ref);
  if (head.beside === undefined) refuse('it has no adapters', 'one that LoRA trained');
  return await loadBeside(store, ref, head, head.beside);
}

function refuse(state: string, wish: string): never {
  throw new PolicyError(`Cannot read policy artefact: ${state}, expected ${wish}`, { code: 'policy-invalid' });
}

async function loadBeside(
  store: ArtefactAccess,
  ref: ArtefactRef,
  head: PolicyHead,
  { base, lora }: Beside,
): Promise<LoadedAdapter> {
  const { architecture, parameters } = await loadPolicy(store, base);
  if (architecture.ref.sha256 !== head.architecture.sha256) refuse('its base is of another architecture', 'the same');
  const flat = await readTensors(store, ref, head, loraShapes(architecture.config, lora));
  return { architecture, parameters, base, adapter: { lora, parameters: flat } };
}

/** The tensors of an artefact, which must be these. */
async function readTensors(
  store: ArtefactAccess,
  ref: ArtefactRef,
  { header, architecture, beside, start }: PolicyHead,
  shapes: readonly ParameterShape[],
): Promise<ParameterBuffer> {
  const expected = new TextDecoder().decode(headerOf(shapes, architecture, beside));
  const others = 'its tensors are not those of its architecture';
  if (header !== expected) refuse(others, 'equal names and shapes');
  const parameters = new ParameterBuffer(shapes);
  const weights = bytesOf(parameters.flat);
  if (ref.bytes - start !== weights.length) refuse(`${ref.bytes - start} bytes of weights`, `${weights.length}`);
  const proved = new Uint8Array(start);
  await store.getInto(ref, [proved, weights]);
  if (new TextDecoder().decode(proved.subarray(HEADER_LENGTH_BYTES)) !== expected)
    refuse(others, 'equal names and shapes');
  return parameters;
}
