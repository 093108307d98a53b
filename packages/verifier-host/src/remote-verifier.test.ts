/** A real HTTP server in this process, well-behaved or not in the ways that servers are not. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Submission, Verdict } from '@evenkeel/verifier';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { wordsManifest } from '../test-fixtures/words.ts';
import type { VerifierPackage } from './discover.ts';
import { missingPermissions, noGrants } from './grants.ts';
import type { OpenVerifier } from './open-verifier.ts';
import { readRemoteSpec } from './remote-spec.ts';
import { openRemoteVerifier, type RemoteVerifierOptions } from './remote-verifier.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
  readonly items: readonly Submission[];
}

/** What a request gets; undefined for what a good server says. */
type Reply = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly text?: string;
};
type Behaviour = (
  asked: Asked,
  response: ServerResponse,
) => Reply | undefined | 'done' | Promise<Reply | undefined | 'done'>;

const manifest = wordsManifest();
const running: Server[] = [];
const open: OpenVerifier[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((verifier) => verifier.close()));
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** 1 for the word, 0.1 for another, 0 for none. */
function verdictOf({ groundTruth, completion }: Submission): Verdict {
  const { target } = groundTruth as { target: string };
  const reward = completion === '' ? 0 : completion === target ? 1 : 0.1;
  const answer = completion === '' ? null : completion.slice(0, 200);
  const reason = ['none', 'wrong', 'correct'][Math.ceil(reward * 2)]!;
  return { kind: 'scored', reward, correct: reward === 1, formatted: reward > 0, answer, reason };
}

async function startServer(behave: Behaviour = () => undefined, port = 0) {
  const log: Asked[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const parsed = body === '' ? {} : JSON.parse(body);
    const asked: Asked = {
      method: request.method!,
      path: request.url!,
      key: request.headers['idempotency-key'] as string | undefined,
      authorization: request.headers.authorization,
      body,
      items: parsed.items ?? [],
    };
    log.push(asked);
    const reply = await behave(asked, response);
    if (reply === 'done') return;
    const { status = 200, headers = {}, json = good(asked, parsed), text = JSON.stringify(json) } = reply ?? {};
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };
  server.listen(port, '127.0.0.1');
  running.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, log, server };
}

function good({ path, items }: Asked, body: { queries?: { level: string; index: number }[]; gold?: number }): unknown {
  if (path.endsWith('/score-batch')) return { verdicts: items.map(verdictOf) };
  if (!path.endsWith('/draw')) return manifest;
  const puzzles = body.queries!.map(({ level, index }) => ({
    puzzle: { id: `word-${index}`, level, data: { index }, groundTruth: { target: `${index}` } },
    prompt: `Say ${index}.`,
    ...(body.gold === undefined ? {} : { gold: `${index}` }),
  }));
  return { puzzles };
}

const pauses: number[] = [];
/** No test waits for pauses: it sees how long they would have been. */
const patience = {
  pause: async (ms: number) => {
    pauses.push(ms);
  },
};

async function openAt(url: string, fields: object = {}, options: RemoteVerifierOptions = {}): Promise<OpenVerifier> {
  pauses.length = 0;
  const remote = readRemoteSpec({ url, id: 'words', timeoutMs: 5000, manifest, ...fields });
  const found: VerifierPackage = { id: 'words', version: '1.0.0', folder: '/', entry: null, origin: 'folder', remote };
  const grants = { granted: () => remote.manifest.permissions };
  const verifier = await openRemoteVerifier(found, { grants, spotCheckEvery: 0, patience, ...options });
  open.push(verifier);
  return verifier;
}

const submissions = (count: number, completion = (at: number) => `${at % 3 === 0 ? at : ''}`): Submission[] =>
  Array.from({ length: count }, (_, at) => ({ groundTruth: { target: `${at}` }, completion: completion(at) }));

const failures = (verdicts: readonly Verdict[]) =>
  verdicts.map((verdict) => (verdict.kind === 'failed' ? verdict.error.code : verdict.kind));

const isScore = ({ path }: Asked) => path.endsWith('/score-batch');

describe('openRemoteVerifier()', () => {
  test('scores in batches, in order, each request with the hash of its body as its key', async () => {
    const { url, log } = await startServer();
    const verifier = await openAt(url, { batch: 32 });
    const asked = submissions(1000);
    expect(await verifier.score(asked)).toEqual(asked.map(verdictOf));
    const requests = log.filter(isScore);
    expect(requests.map(({ items }) => items.length).sort((a, b) => b - a)).toEqual([...Array(31).fill(32), 8]);
    for (const { key, body } of requests) expect(key).toBe(createHash('sha256').update(body).digest('hex'));
    expect(log.filter(({ path }) => path === '/v1/verifiers/words')).toHaveLength(1);
    expect(verifier.counts()).toMatchObject({ scored: 1000, abstained: 0, retried: 0 });
    expect(verifier.identity).toEqual({
      id: 'words',
      version: '1.0.0',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await verifier.score([])).toEqual([]);
  });

  test('has no more requests under way than it may, calls side by side included', async () => {
    let [now, most] = [0, 0];
    const { url } = await startServer(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return undefined;
    });
    const verifier = await openAt(url, { batch: 4, concurrency: 3 });
    await Promise.all([verifier.score(submissions(40)), verifier.score(submissions(40))]);
    expect(most).toBe(3);
  });

  test('takes abstained and failed verdicts as they are, and any ground truth', async () => {
    const verdicts = [
      { kind: 'abstained', reason: 'no opinion' },
      { kind: 'failed', error: { code: 'ground-truth', message: 'no target' } },
    ];
    const { url, log } = await startServer((asked) => (isScore(asked) ? { json: { verdicts } } : undefined));
    const verifier = await openAt(url);
    const odd = [
      { groundTruth: null, completion: 'a\ud800b' },
      { groundTruth: [1, { a: 'é' }], completion: '\u0000' },
    ];
    expect(await verifier.score(odd)).toEqual(verdicts);
    expect(log.filter(isScore)[0]!.items).toEqual(odd);
    expect(verifier.counts()).toMatchObject({ abstained: 1, failed: { 'ground-truth': 1 } });
  });

  test('sends the token from its variable, and says nowhere what it is', async () => {
    const { url, log } = await startServer((asked) =>
      isScore(asked)
        ? { status: 401, json: { error: { code: 'unauthorized', message: `bad: ${asked.authorization}` } } }
        : undefined,
    );
    vi.stubEnv('WORDS_TOKEN', 's3cret');
    const verifier = await openAt(url, { tokenEnv: 'WORDS_TOKEN' });
    expect(log[0]!.authorization).toBe('Bearer s3cret');
    await expect(verifier.score(submissions(1))).rejects.toMatchObject({
      code: 'verifier-remote',
      retryable: false,
      message: `Cannot ask verifier "words" at ${url}: it answered with status 401: bad: Bearer …, expected the token in WORDS_TOKEN to be right`,
    });
    vi.stubEnv('WORDS_TOKEN', undefined);
    await expect(openAt(url, { tokenEnv: 'WORDS_TOKEN' })).rejects.toThrow(
      `the variable WORDS_TOKEN is not set, expected the token of ${url} in it`,
    );
  });

  test('asks nobody before its origin and its token are granted', async () => {
    const { url, log } = await startServer();
    await expect(openAt(url, { tokenEnv: 'WORDS_TOKEN' }, { grants: noGrants })).rejects.toMatchObject({
      code: 'verifier-permission',
      message: `Cannot open verifier "words": it asks for net (${url}), env (WORDS_TOKEN) without a grant, expected one: evenkeel verifier grant words@1.0.0`,
      missing: missingPermissions({ net: [url], read: [], env: ['WORDS_TOKEN'] }, noGrants.granted('', '')),
    });
    expect(log).toEqual([]);
  });

  test('an endpoint that says it is another version, task or scale is refused', async () => {
    for (const changed of [{ version: '1.0.1' }, { id: 'letters' }, { rewards: [1, 0] }, { components: ['length'] }]) {
      const { url } = await startServer(() => ({ json: { ...manifest, ...changed } }));
      const [field] = Object.keys(changed);
      await expect(openAt(url)).rejects.toMatchObject({
        code: 'verifier-changed',
        message: expect.stringContaining(`the manifest at ${url} has the ${field} `),
      });
    }
    const { url } = await startServer(() => ({ json: { hello: 'world' } }));
    await expect(openAt(url)).rejects.toThrow(/its manifest is none \(.*\), expected one$/);
  });

  test('an endpoint that is not there is told as that, and may be tried again', async () => {
    const { url, server } = await startServer();
    await new Promise((resolve) => server.close(resolve));
    await expect(openAt(url)).rejects.toMatchObject({
      code: 'verifier-remote',
      retryable: true,
      message: `Cannot ask verifier "words" at ${url}: it cannot be reached (ECONNREFUSED), expected it to be running`,
    });
    expect(pauses.slice(0, 7)).toEqual([100, 200, 400, 800, 1600, 3200, 3200]);
    expect(pauses.reduce((sum, ms) => sum + ms)).toBe(10_000);
  });
});

describe('an endpoint in trouble', () => {
  test('is asked again under the same key where it is busy, stopping or failing, and nothing is lost', async () => {
    const troubles: Reply[] = [
      { status: 429, headers: { 'retry-after': '2' }, json: { error: { code: 'busy', message: 'queue full' } } },
      { status: 503, headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, json: {} },
      { status: 500, text: 'oops' },
      { status: 502, text: '<html>' },
    ];
    const { url, log } = await startServer((asked) => (isScore(asked) ? troubles.shift() : undefined));
    const verifier = await openAt(url);
    const asked = submissions(5);
    expect(await verifier.score(asked)).toEqual(asked.map(verdictOf));
    const keys = log.filter(isScore).map(({ key }) => key);
    expect(keys).toHaveLength(5);
    expect(new Set(keys).size).toBe(1);
    expect(pauses[0]).toBe(2000);
    expect(pauses[1]).toBeGreaterThan(50_000);
    expect(pauses).toHaveLength(4);
  });

  test('that stays busy gives unreachable; the next call asks again', async () => {
    let busy = true;
    const { url, log } = await startServer((asked) => (isScore(asked) && busy ? { status: 429, json: {} } : undefined));
    const verifier = await openAt(url, { batch: 2, concurrency: 1 });
    expect(failures(await verifier.score(submissions(6)))).toEqual(Array(6).fill('unreachable'));
    expect(pauses.reduce((sum, ms) => sum + ms)).toBe(60_000);
    // The other batches of the call were not asked: it was given up.
    expect(new Set(log.filter(isScore).map(({ key }) => key)).size).toBe(1);
    busy = false;
    expect(failures(await verifier.score(submissions(6)))).toEqual(Array(6).fill('scored'));
    expect(verifier.counts()).toMatchObject({ scored: 6, failed: { unreachable: 6 } });
  });

  test('that went away and comes back as another version gives no verdict', async () => {
    let version = '1.0.0';
    const { url } = await startServer((asked, response) => {
      if (!isScore(asked)) return { json: { ...manifest, version } };
      if (version !== '1.0.0') return undefined;
      version = '1.0.1';
      response.destroy();
      return 'done';
    });
    const verifier = await openAt(url);
    await expect(verifier.score(submissions(3))).rejects.toMatchObject({
      code: 'verifier-changed',
      message: expect.stringContaining('has the version "1.0.1", expected "1.0.0" as in its package'),
    });
  });

  test('that breaks connections and answers half a body is asked again', async () => {
    const whole = JSON.stringify({ verdicts: submissions(3).map(verdictOf) });
    const troubles: ((response: ServerResponse) => Reply | 'done')[] = [
      (response) => {
        response.destroy();
        return 'done';
      },
      (response) => {
        response.writeHead(200, { 'content-length': whole.length });
        response.write(whole.slice(0, 40), () => response.destroy());
        return 'done';
      },
      () => ({ text: whole.slice(0, 40) }),
    ];
    const { url, log } = await startServer((asked, response) =>
      isScore(asked) ? troubles.shift()?.(response) : undefined,
    );
    const verifier = await openAt(url);
    expect(failures(await verifier.score(submissions(3)))).toEqual(Array(3).fill('scored'));
    expect(new Set(log.filter(isScore).map(({ key }) => key)).size).toBe(1);
  });

  test('that hangs at one item loses that one alone', async () => {
    const { url } = await startServer((asked) =>
      asked.items.some(({ completion }) => completion === 'hang') ? new Promise(() => {}) : undefined,
    );
    const verifier = await openAt(url, { timeoutMs: 60, batch: 8 });
    const verdicts = await verifier.score(submissions(10, (at) => (at === 4 ? 'hang' : `${at}`)));
    expect(failures(verdicts)).toEqual([...Array(4).fill('scored'), 'timeout', ...Array(5).fill('scored')]);
    expect(verdicts[4]).toMatchObject({ error: { message: 'it did not answer within 60 ms' } });
    expect(verifier.counts()).toMatchObject({ scored: 9, failed: { timeout: 1 }, retried: 7 });
  });

  test('that hangs at everything is given up, not waited for item by item', async () => {
    const { url, log } = await startServer((asked) => (isScore(asked) ? new Promise(() => {}) : undefined));
    const verifier = await openAt(url, { timeoutMs: 30, batch: 8, concurrency: 1 });
    const verdicts = failures(await verifier.score(submissions(24)));
    expect(verdicts.slice(0, 8)).toEqual(Array(8).fill('timeout'));
    expect(new Set(verdicts)).toEqual(new Set(['timeout', 'unreachable']));
    expect(log.filter(isScore).length).toBeLessThan(24);
    const dead = await startServer();
    const deaf = await openAt(dead.url, { timeoutMs: 30, batch: 8, concurrency: 1 });
    dead.server.removeAllListeners('request');
    expect(failures(await deaf.score(submissions(24)))).toEqual(Array(24).fill('unreachable'));
  });

  test('that refuses or crashes at one item loses that one alone; a refusal is not repeated', async () => {
    const { url, log } = await startServer(({ items }) => {
      if (items.some(({ completion }) => completion === 'long')) {
        return { status: 413, json: { error: { code: 'too-large', message: 'too long for me' } } };
      }
      return items.some(({ completion }) => completion === 'crash') ? { status: 500, json: {} } : undefined;
    });
    const verifier = await openAt(url, { batch: 4 });
    const odd = ['0', 'long', '2', '3', '4', '5', 'crash', '7'];
    const retried: number[] = [];
    const asked = submissions(8, (at) => odd[at]!);
    const verdicts = await verifier.score(asked, { onRetried: (position) => void retried.push(position) });
    expect(failures(verdicts).map((code, at) => (code === 'scored' ? verdicts[at] : code))).toEqual([
      ...asked.slice(0, 1).map(verdictOf),
      'contract',
      ...asked.slice(2, 6).map(verdictOf),
      'crash',
      ...asked.slice(7).map(verdictOf),
    ]);
    expect(verdicts[1]).toMatchObject({ error: { message: 'it answered with status 413: too long for me' } });
    expect(retried.sort()).toEqual([0, 2, 3, 4, 5, 7]);
    const refused = log.filter(({ items }) => items.some(({ completion }) => completion === 'long'));
    expect(refused.map(({ items }) => items.length)).toEqual([4, 1]);
  });
});

describe('an endpoint that lies', () => {
  const says = async (json: (asked: Asked) => unknown, count = 4) => {
    const { url, log } = await startServer((asked) => (isScore(asked) ? { json: json(asked) } : undefined));
    const verdicts = await (await openAt(url)).score(submissions(count));
    return { verdicts, requests: log.filter(isScore).length };
  };

  test.each<[string, (good: Verdict) => unknown, RegExp]>([
    ['a reward outside the scale', (verdict) => ({ ...verdict, reward: 0.5 }), /reward/],
    ['a correct answer with a small reward', (verdict) => ({ ...verdict, reward: 0.1 }), /does not agree/],
    ['components that it does not name', (verdict) => ({ ...verdict, components: { length: 1 } }), /components/],
    ['unknown fields', (verdict) => ({ ...verdict, trust: 'me' }), /trust/],
    ['null', () => null, /expected/],
    ['a failure of its own making', () => ({ kind: 'failed', error: { code: 'tired', message: '' } }), /code/],
  ])('gives a failed verdict for %s, and the others stand', async (_, lie, message) => {
    const { verdicts, requests } = await says(({ items }) => ({
      verdicts: items.map((item, at) => (at === 0 ? lie(verdictOf(item)) : verdictOf(item))),
    }));
    expect(failures(verdicts)).toEqual(['contract', 'scored', 'scored', 'scored']);
    expect(verdicts[0]).toMatchObject({ error: { message: expect.stringMatching(message) } });
    expect(requests).toBe(1);
  });

  test.each<[string, (asked: Asked) => unknown, string]>([
    [
      'too few verdicts',
      ({ items }) => ({ verdicts: items.slice(1).map(verdictOf) }),
      'it gave 3 verdicts, expected 4: one per item',
    ],
    [
      'too many verdicts',
      ({ items }) => ({ verdicts: [...items, items[0]!].map(verdictOf) }),
      'it gave 5 verdicts, expected 4: one per item',
    ],
    ['no verdicts', () => ({ scores: [1, 1, 1, 1] }), 'its answer is none'],
    ['a list', () => [1, 1, 1, 1], 'its answer is none'],
  ])('fails the batch where it gives %s', async (_, json, message) => {
    const { verdicts, requests } = await says(json);
    expect(failures(verdicts)).toEqual(Array(4).fill('contract'));
    expect(verdicts[0]).toMatchObject({ error: { message: expect.stringContaining(message) } });
    expect(requests).toBe(1);
  });

  test('is not read on when it answers 10 MB, with or without saying so', async () => {
    for (const headers of [{}, { 'content-length': '10000000' }]) {
      let sent = 0;
      const { url } = await startServer((asked, response) => {
        if (!isScore(asked)) return undefined;
        response.writeHead(200, headers);
        const chunk = Buffer.alloc(100_000, 'a');
        const pour = (): void => {
          while (sent < 10_000_000 && !response.destroyed) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', pour);
          }
          response.end();
        };
        pour();
        return 'done';
      });
      const verdicts = await (await openAt(url)).score(submissions(2));
      expect(failures(verdicts)).toEqual(['contract', 'contract']);
      expect(verdicts[0]).toMatchObject({ error: { message: 'it answered with more than 49152 bytes' } });
      expect(sent).toBeLessThan(10_000_000);
    }
  });

  test('about the order of a batch is found out by asking again in another order', async () => {
    const { url } = await startServer((asked) =>
      isScore(asked) ? { json: { verdicts: asked.items.map(verdictOf).reverse() } } : undefined,
    );
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => void warnings.push(message), error() {} };
    const verifier = await openAt(url, { batch: 16 }, { spotCheckEvery: 4, logger });
    const verdicts = await verifier.score(submissions(16));
    expect(failures(verdicts)).toEqual(Array(16).fill('contract'));
    expect(verdicts[0]).toMatchObject({
      error: { message: 'its verdicts are in another order than the items of the batch' },
    });
    expect(warnings).toEqual(['Verifier gives verdicts in another order than items: the same item got two verdicts']);
    expect(verifier.counts().spotChecked).toBeGreaterThan(0);
  });

  test('that changes its mind is found out where an item is asked twice', async () => {
    let asked = 0;
    const { url } = await startServer((request) => {
      if (!isScore(request)) return undefined;
      const completion = `${asked++ % 2 === 0 ? 'x' : ''}`;
      return { json: { verdicts: request.items.map((item) => verdictOf({ ...item, completion })) } };
    });
    const verifier = await openAt(url, { batch: 64 }, { spotCheckEvery: 4 });
    const verdicts = await verifier.score(submissions(32));
    const { spotChecked, failed, scored } = verifier.counts();
    expect(spotChecked).toBeGreaterThan(0);
    expect(failed.nondeterministic).toBe(spotChecked);
    expect(scored).toBe(32 - spotChecked);
    expect(verdicts.find(({ kind }) => kind === 'failed')).toMatchObject({
      error: { message: 'asked twice, it gave 0.1 (wrong) and 0 (none)' },
    });
  });

  test('is not followed to where it redirects', async () => {
    const elsewhere = await startServer();
    const { url } = await startServer((asked) =>
      isScore(asked) ? { status: 307, headers: { location: `${elsewhere.url}${asked.path}` }, text: '' } : undefined,
    );
    await expect((await openAt(url)).score(submissions(2))).rejects.toThrow(
      /it answered with status 307, a redirect, expected its package\.json to name the address itself$/,
    );
    expect(elsewhere.log).toEqual([]);
  });
});

describe('draw() at an endpoint', () => {
  const queries = Array.from({ length: 5 }, (_, index) => ({ seed: 1, index, level: 'easy', split: 'train' as const }));

  test('gives puzzles in the order of the queries, with what was asked for', async () => {
    const { url, log } = await startServer();
    const verifier = await openAt(url, { batch: 2 });
    const drawn = await verifier.draw(queries, { style: 'chat', gold: 0 });
    expect(drawn.map(({ prompt, gold }) => `${prompt} ${gold}`)).toEqual([0, 1, 2, 3, 4].map((n) => `Say ${n}. ${n}`));
    expect(log.filter(({ path }) => path.endsWith('/draw'))).toHaveLength(3);
    await expect(verifier.draw([{ ...queries[0]!, level: 'huge' }], { style: 'chat' })).rejects.toMatchObject({
      code: 'level-unknown',
      message: 'Cannot draw puzzles: "words" has no level "huge", expected one of: easy, hard',
    });
  });

  test.each<[string, Reply, RegExp]>([
    ['offers none', { status: 404, json: {} }, /it offers none: take its prompts from a prompt set, expected puzzles$/],
    ['gives too few', { json: { puzzles: [] } }, /it gave 0 for 5 queries/],
    ['gives something else', { json: { puzzles: [1, 2, 3, 4, 5] } }, /its puzzle for \{"index":0.* is none/],
    ['is away', { status: 503, json: {} }, /it answered with status 503/],
  ])('says so where it %s', async (_, reply, message) => {
    const { url } = await startServer(({ path }) => (path.endsWith('/draw') ? reply : undefined));
    const drawing = (await openAt(url)).draw(queries, { style: 'chat' });
    await expect(drawing).rejects.toMatchObject({
      code: 'verifier-draw',
      message: expect.stringMatching(message),
      retryable: reply.status === 503,
    });
  });
});

describe('close()', () => {
  test('lets what was asked before come to its end, and takes nothing after', async () => {
    const { url } = await startServer(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return undefined;
    });
    const verifier = await openAt(url);
    const scoring = verifier.score(submissions(3));
    await verifier.close();
    expect(failures(await scoring)).toEqual(Array(3).fill('scored'));
    await expect(verifier.score(submissions(1))).rejects.toMatchObject({ code: 'verifier-closed' });
  });
});
