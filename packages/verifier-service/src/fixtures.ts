/**
 * For tests: asks a service over real sockets and holds every answer against the service's own OpenAPI document.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { startVerifierService, type VerifierService } from './service.ts';
import type { VerifierServiceOptions } from './service-options.ts';

export const spinner = join(import.meta.dirname, '../test-fixtures/spinner');
export const hostile = join(import.meta.dirname, '../../verifier-host/test-fixtures/hostile');

export const truth = { target: 6, numbers: [2, 4] };
export const right = { groundTruth: truth, completion: 'Well, \\boxed{2+4}' };
export const wrong = { groundTruth: truth, completion: '\\boxed{4-2}' };
export const formless = { groundTruth: truth, completion: '6' };

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests look at
  readonly json: any;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, with no Content-Type of its own. */
  readonly raw?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

interface Operation {
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, { readonly required?: boolean; readonly schema: JsonSchema }>>;
        readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
      }
    >
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** A running service, and how to ask it. */
export class TestService {
  readonly service: VerifierService;
  readonly document: Document;
  #token: string | undefined;
  #schemas = new Map<unknown, z.ZodType>();

  private constructor(service: VerifierService, document: Document, token: string | undefined) {
    this.service = service;
    this.document = document;
    this.#token = token;
  }

  static async start(options: VerifierServiceOptions): Promise<TestService> {
    const service = await startVerifierService(options);
    const answer = await fetch(`${service.url}/openapi.json`, { headers: bearer(options.token) });
    return new TestService(service, (await answer.json()) as Document, options.token);
  }

  get url(): string {
    return this.service.url;
  }

  get port(): number {
    return this.service.port;
  }

  get(path: string, options: AskOptions = {}): Promise<Asked> {
    return this.ask(path, { method: 'GET', ...options });
  }

  post(path: string, body: unknown, { headers = {}, ...options }: AskOptions = {}): Promise<Asked> {
    return this.ask(path, {
      method: 'POST',
      raw: JSON.stringify(body),
      ...options,
      headers: { 'Content-Type': 'application/json', ...headers },
    });
  }

  /** Asks, and checks the answer. */
  async ask(path: string, { method = 'GET', headers = {}, raw, signal }: AskOptions = {}): Promise<Asked> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { ...bearer(this.#token), ...headers },
      ...(raw === undefined ? {} : { body: raw as never }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await answer.text();
    const type = answer.headers.get('content-type') ?? '';
    const json = type.startsWith('application/json') ? JSON.parse(text) : undefined;
    const asked = { status: answer.status, headers: answer.headers, text, json };
    this.check(method, path, asked);
    return asked;
  }

  async close(deadlineMs?: number): Promise<number> {
    return await this.service.close(deadlineMs);
  }

  /** The sum of a metric's samples whose labels hold all of these texts. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const { text } = await this.get('/metrics');
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Where the document knows the operation, the answer is one of those that it names; elsewhere it is an error's body. */
  check(method: string, path: string, { status, headers, text, json }: Asked): void {
    const what = `${method} ${path} → ${status} ${text.slice(0, 300)}`;
    const operation = this.#operation(method, path);
    if (operation === undefined) {
      expect([401, 404, 405, 503], what).toContain(status);
      expect(this.#schema({ $ref: '#/components/schemas/Error' }).safeParse(json).error, what).toBeUndefined();
      return;
    }
    const response = operation.responses[status];
    expect(response, `${what}: not in the document`).toBeDefined();
    for (const [name, { required = false, schema }] of Object.entries(response!.headers ?? {})) {
      const value = headers.get(name);
      if (value === null) expect(required, `${what}: no header ${name}`).toBe(false);
      else expect(this.#schema(schema).safeParse(fromHeader(value, schema)).error, `${what}: ${name}`).toBeUndefined();
    }
    const type = (headers.get('content-type') ?? '').split(';')[0]!;
    expect(Object.keys(response!.content), what).toContain(type);
    const checked = this.#schema(response!.content[type]!.schema).safeParse(json ?? text);
    expect(checked.error, what).toBeUndefined();
  }

  #operation(method: string, path: string): Operation | undefined {
    const pathname = path.split('?')[0]!;
    const found = Object.keys(this.document.paths).find((pattern) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
    );
    return found === undefined ? undefined : this.document.paths[found]![method.toLowerCase()];
  }

  #schema(schema: JsonSchema): z.ZodType {
    const known = this.#schemas.get(schema);
    if (known !== undefined) return known;
    const made = z.fromJSONSchema(this.#inlined(schema) as JsonSchema);
    this.#schemas.set(schema, made);
    return made;
  }

  #inlined(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((part) => this.#inlined(part));
    if (typeof schema !== 'object' || schema === null) return schema;
    const ref = (schema as { readonly $ref?: unknown }).$ref;
    if (typeof ref === 'string') return this.#inlined(this.document.components.schemas[ref.split('/').at(-1)!]);
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#inlined(value)]));
  }
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

function fromHeader(value: string, schema: JsonSchema): unknown {
  return typeof schema === 'object' && schema.type === 'integer' ? Number(value) : value;
}
