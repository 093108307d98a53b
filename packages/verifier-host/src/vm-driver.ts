/**
 * The part of the sandbox that shares a realm with the verifier: bundled before it, evaluated before it. It turns JSON text into
 * calls and what comes of them into JSON text, so that nothing but strings crosses the border of vm2. It knows no item's meaning.
 *
 * Invariants: it holds its own references to what it uses, taken before the verifier's code runs; it returns a string or lets the
 * runtime's termination through; it takes away what would make a verdict depend on more than its input, or wait.
 */
const { parse, stringify } = JSON;

/** Answers a method call: `=` and the value as JSON, or `!` and `{ code, message }`. */
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

/** The dispatcher of one verifier, as its module exports it (`default`). */
export function serve(verifier: unknown): Dispatch {
  const task = verifier as Callable & { readonly manifest: unknown };
  return (method, payload) => {
    try {
      return `=${stringify(call(task, method, parse(payload)))}`;
    } catch (thrown) {
      return `!${stringify({ code: 'crash', message: describe(thrown) })}`;
    }
  };
}

function call(task: Callable & { readonly manifest: unknown }, method: string, payload: unknown): unknown {
  if (method === 'score') return task.score!(payload);
  if (method === 'manifest') return task.manifest;
  const { query, style, gold, decoy } = payload as Record<string, unknown>;
  const puzzle = task.generate!(query);
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
