/**
 * The part of the sandbox that shares a realm with the verifier: bundled before it, evaluated before it. It turns JSON text into
 * calls and what comes of them into JSON text, so that nothing but strings crosses the border of vm2. It knows no item's meaning.
 *
 * Invariants: it holds its own references to what it uses, taken before the verifier's code runs; it returns a string or lets the
 * runtime's termination through; it takes away what would make a verdict depend on more than its input, or wait.
 */
import { hardenRealm } from './harden-realm.ts';
import { stopClock } from './still-clock.ts';

const { parse, stringify } = JSON;

/** Answers a method call: `=` and the value as JSON, `!` and `{ code, message }`, or `?` and a request that is to be performed first. */
export type Dispatch = (method: string, payload: string) => string;

interface Callable {
  readonly [method: string]: (...args: unknown[]) => unknown;
}

const realm = globalThis as unknown as Record<string, unknown>;
for (const name of [
  'SharedArrayBuffer',
  'Atomics',
  'WebAssembly',
  'Buffer',
  'FinalizationRegistry',
  'WeakRef',
  'console',
]) {
  delete realm[name];
}
stopClock();
Math.random = () => {
  throw new Error('Math.random is not there for verifiers: draw with keyedRandom');
};
realm.TextEncoder ??= class TextEncoder {
  readonly encoding = 'utf-8';

  encode(text = ''): Uint8Array {
    const bytes: number[] = [];
    for (const character of String(text).toWellFormed()) {
      const code = character.codePointAt(0)!;
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return Uint8Array.from(bytes);
  }
};

/** What was granted, as text: `context` of `VerifierContext` is made of it. */
export interface HandedOver {
  /** By the name in the manifest. */
  readonly files: Readonly<Record<string, string>>;
  /** By name; null where it is not set. */
  readonly variables: Readonly<Record<string, string | null>>;
  readonly origins: readonly string[];
}

/** A request that the host answered, and the answer: as text both, so that the request can be compared. */
export interface Answered {
  readonly request: string;
  readonly response: string;
}

const nothing: HandedOver = { files: {}, variables: {}, origins: [] };
const { freeze, hasOwn } = Object;
const MOST_REQUESTS = 16;

/**
 * `context.fetch` without a function of the host's in here: the call ends with the request as its answer (`?`), the host performs it
 * and asks the same call again with the response, which `fetch` then returns. So whatever asks must ask the same each time.
 */
class Conversation {
  #handed = nothing;
  #answered: readonly Answered[] = [];
  #next = 0;
  /** The request that is to be performed. */
  pending: string | null = null;
  /** Asked something else than the last time. */
  strayed = false;

  begin(answered: readonly Answered[]): void {
    this.#answered = answered;
    this.#next = 0;
    this.pending = null;
    this.strayed = false;
  }

  hand(handed: HandedOver): void {
    this.#handed = handed;
  }

  read(path: string): string {
    const { files } = this.#handed;
    if (!hasOwn(files, path)) throw new RangeError(`Cannot read "${path}": the manifest names no such file`);
    return files[path]!;
  }

  env(name: string): string | undefined {
    const { variables } = this.#handed;
    if (!hasOwn(variables, name)) throw new RangeError(`Cannot read ${name}: the manifest names no such variable`);
    return variables[name] ?? undefined;
  }

  fetch(url: string, request: Readonly<Record<string, unknown>> = {}): unknown {
    const text = `${url}`;
    // Said here so that the author sees it; the host, which performs it, looks for itself.
    if (!this.#handed.origins.some((origin) => text === origin || text.startsWith(`${origin}/`))) {
      throw new RangeError(`Cannot fetch ${text}: the manifest names no such origin`);
    }
    const { method, headers, body } = request;
    const asked = stringify({ url: text, method, headers, body });
    const answered = this.#answered[this.#next++];
    if (answered === undefined) {
      if (this.#next > MOST_REQUESTS) throw new RangeError(`Cannot fetch ${text}: more than ${MOST_REQUESTS} requests`);
      this.pending ??= asked;
      throw new Error('The request is under way: the call is made again with its response');
    }
    if (answered.request !== asked) {
      this.strayed = true;
      throw new Error('Another request than the last time');
    }
    return parse(answered.response);
  }
}

/** The dispatcher of one verifier, as its module exports it (`default`). */
export function serve(verifier: unknown): Dispatch {
  hardenRealm();
  const task = verifier as Callable & { readonly manifest: unknown };
  const conversation = new Conversation();
  const context = freeze({
    read: (path: string) => conversation.read(path),
    env: (name: string) => conversation.env(name),
    fetch: (url: string, request?: Readonly<Record<string, unknown>>) => conversation.fetch(url, request),
  });
  return (method, payload) => {
    let answer: string;
    try {
      const asked = parse(payload) as Readonly<Record<string, unknown>>;
      if (method === 'context') {
        conversation.hand(asked as unknown as HandedOver);
        return '=null';
      }
      conversation.begin((asked?.answered as readonly Answered[] | undefined) ?? []);
      answer = `=${stringify(call(task, method, asked, context))}`;
    } catch (thrown) {
      answer = `!${stringify({ code: 'crash', message: describe(thrown) })}`;
    }
    // Whatever the verifier made of what `fetch` threw.
    if (conversation.strayed) {
      return '!{"code":"nondeterministic","message":"asked for something else when it was called again"}';
    }
    return conversation.pending === null ? answer : `?${conversation.pending}`;
  };
}

function call(
  task: Callable & { readonly manifest: unknown },
  method: string,
  asked: Readonly<Record<string, unknown>>,
  context: unknown,
): unknown {
  if (method === 'score') return task.score!(asked.item, context);
  if (method === 'manifest') return task.manifest;
  const { query, style, gold, decoy } = asked.item as Record<string, unknown>;
  const puzzle = task.generate!(query, context);
  return {
    puzzle,
    prompt: task.prompt!(puzzle, style),
    ...(gold === undefined ? {} : { gold: task.gold!(puzzle, style, gold) }),
    ...(decoy === undefined ? {} : { decoy: task.decoy!(puzzle, style, decoy) }),
  };
}

/** What was thrown, in at most 300 characters; it may be anything, with traps. */
function describe(thrown: unknown): string {
  try {
    const message = typeof thrown === 'object' && thrown !== null && 'message' in thrown ? thrown.message : thrown;
    return typeof message === 'string' ? message.slice(0, 300) : `threw a ${typeof message}`;
  } catch {
    return 'threw something that cannot be described';
  }
}
