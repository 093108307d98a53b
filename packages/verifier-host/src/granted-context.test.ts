/** What a verifier is granted reaches it as text; what it is not granted, or what is not there, is refused by name. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Submission, Verdict, VerifierPermissions } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFickle } from '../test-fixtures/fickle.ts';
import type { Grants } from './grants.ts';
import { type OpenVerifier, openVerifier } from './open-verifier.ts';

let folder: string;
let server: Server;
let origin: string;
let requests: { url: string; method: string; body: string; headers: Record<string, unknown> }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-granted-'));
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push({ url: request.url!, method: request.method!, body, headers: request.headers });
      if (request.url === '/elsewhere') response.writeHead(302, { location: 'http://example.org/' }).end();
      else if (request.url === '/huge') response.end('x'.repeat(1_100_000));
      else if (request.url === '/cut') response.socket!.destroy();
      else response.writeHead(201, { 'x-kind': 'answer' }).end(`${request.method} ${request.url} ${body}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  server.close();
});

const nothing: VerifierPermissions = { net: [], read: [], env: [] };

function granting(permissions: Partial<VerifierPermissions>): Grants {
  return {
    granted: (id, version) => (`${id}@${version}` === 'fickle@1.0.0' ? { ...nothing, ...permissions } : nothing),
  };
}

let packages = 0;
/** A package that asks for these permissions, with all of them granted, opened while it is asked. */
async function asking<T>(
  permissions: Partial<VerifierPermissions>,
  score: string,
  act: (verifier: OpenVerifier) => Promise<T>,
  more: {
    readonly generate?: string;
    readonly files?: Readonly<Record<string, string | Buffer>>;
    readonly at?: string;
  } = {},
): Promise<T> {
  const at = more.at ?? join(folder, `package-${packages++}`);
  const changes = more.generate === undefined ? {} : { generate: more.generate };
  writeFickle(at, score, { permissions: { ...nothing, ...permissions }, ...changes });
  for (const [name, content] of Object.entries(more.files ?? {})) writeFileSync(join(at, name), content);
  const verifier = await openVerifier({ verifier: at, grants: granting(permissions), spotCheckEvery: 0 });
  try {
    return await act(verifier);
  } finally {
    await verifier.close();
  }
}

function items(...completions: string[]): Submission[] {
  return completions.map((completion) => ({ groundTruth: null, completion }));
}

function answers(verdicts: readonly Verdict[]): (string | null)[] {
  return verdicts.map((verdict) =>
    verdict.kind === 'scored'
      ? verdict.answer
      : verdict.kind === 'failed'
        ? `${verdict.error.code}: ${verdict.error.message}`
        : null,
  );
}

const say = (expression: string) => `return scored(1, { answer: String(${expression}).slice(0, 200) });`;

describe('grants', () => {
  test('what is not granted is refused before anything is handed over, with what to type', async () => {
    const at = writeFickle(join(folder, 'refused'), say('1'), {
      permissions: { net: [origin], read: ['words.txt'], env: ['HOME'] },
    });
    const grants = granting({ read: ['words.txt'], net: ['https://other.example'] });
    await expect(openVerifier({ verifier: at, grants })).rejects.toMatchObject({
      code: 'verifier-permission',
      message: expect.stringMatching(
        /asks for net \(http:\/\/127\.0\.0\.1:\d+\), env \(HOME\) .*evenkeel verifier grant fickle/,
      ),
    });
    await expect(openVerifier({ verifier: at })).rejects.toMatchObject({ code: 'verifier-permission' });
  });

  test('files are read by the host when the verifier is opened, for score and for generate', async () => {
    await asking(
      { read: ['words.txt', join(folder, 'absolute.txt')] },
      say(`context.read('words.txt') + '|' + context.read(completion)`),
      async (verifier) => {
        const absolute = join(folder, 'absolute.txt');
        const verdicts = await verifier.score(items(absolute, 'other.txt'));
        expect(answers(verdicts)).toEqual([
          'pebble ß|elsewhere',
          'crash: Cannot read "other.txt": the manifest names no such file',
        ]);
        const [drawn] = await verifier.draw([{ seed: 1, index: 0, level: 'easy', split: 'train' }], { style: 'chat' });
        expect(drawn!.prompt).toBe('puzzle pebble ß');
      },
      {
        generate: `context.read('words.txt')`,
        files: { 'words.txt': 'pebble ß', '../absolute.txt': 'elsewhere' },
      },
    );
  });

  test('the identity is that of the code where nothing is read, and covers the content of what is', async () => {
    const identity = (at: string, words: string) =>
      asking({ read: ['words.txt'] }, say('1'), async (verifier) => verifier.identity, {
        at: join(folder, at),
        files: { 'words.txt': words },
      });
    const first = await identity('identity', 'one');
    expect(first).toMatchObject({ id: 'fickle', version: '1.0.0', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await identity('identity', 'one')).toEqual(first);
    expect((await identity('identity', 'two')).sha256).not.toBe(first.sha256);
  });

  test.each([
    ['a file that is not there', 'gone.txt', () => {}, /"gone\.txt" .*there is no such file \(ENOENT\)/],
    ['a folder', 'sub', (at: string) => mkdirSync(join(at, 'sub')), /it is no regular file/],
    [
      'what is no text',
      'bytes',
      (at: string) => writeFileSync(join(at, 'bytes'), Buffer.from([255, 254])),
      /it is not UTF-8/,
    ],
    [
      'a link that leads out',
      'link',
      (at: string) => symlinkSync('/etc/passwd', join(at, 'link')),
      /leads out of the package/,
    ],
    ['a path that leads out', '../identity/words.txt', () => {}, /leads out of the package/],
    ['an endless file', '/dev/zero', () => {}, /it is no regular file/],
    ['too much', 'big', (at: string) => writeFileSync(join(at, 'big'), Buffer.alloc(17_000_000, 'x')), /at most 16 MB/],
  ])('%s is refused by name', async (_name, path, make, message) => {
    const permissions = { read: [path] };
    const at = writeFickle(join(folder, `read-${packages++}`), say('1'), {
      permissions: { ...nothing, ...permissions },
    });
    make(at);
    await expect(openVerifier({ verifier: at, grants: granting(permissions) })).rejects.toMatchObject({
      code: 'verifier-permission',
      message: expect.stringMatching(message),
    });
  });

  test('sixteen megabytes fit beside the memory that the manifest asks for', async () => {
    await asking(
      { read: ['big.txt'] },
      say(`context.read('big.txt').length`),
      async (verifier) => expect(answers(await verifier.score(items('x')))).toEqual(['15900001']),
      // One character beyond Latin-1: two bytes each in memory.
      { files: { 'big.txt': `${'x'.repeat(15_900_000)}✓` } },
    );
  });

  test('variables that are granted are handed over, and no others', async () => {
    process.env.EVENKEEL_TEST_GRANTED = 'granted';
    process.env.EVENKEEL_TEST_OTHER = 'other';
    try {
      await asking(
        { env: ['EVENKEEL_TEST_GRANTED', 'EVENKEEL_TEST_UNSET'] },
        say('context.env(completion)'),
        async (verifier) => {
          const asked = items('EVENKEEL_TEST_GRANTED', 'EVENKEEL_TEST_UNSET', 'EVENKEEL_TEST_OTHER', 'toString');
          expect(answers(await verifier.score(asked))).toEqual([
            'granted',
            'undefined',
            'crash: Cannot read EVENKEEL_TEST_OTHER: the manifest names no such variable',
            'crash: Cannot read toString: the manifest names no such variable',
          ]);
        },
      );
    } finally {
      delete process.env.EVENKEEL_TEST_GRANTED;
      delete process.env.EVENKEEL_TEST_OTHER;
    }
  });
});

describe('context.fetch()', () => {
  test('asks the granted origin, and returns the answer where it was called', async () => {
    requests = [];
    const score = `
      const first = context.fetch('${origin}/a', { method: 'POST', headers: { 'x-token': 't' }, body: completion });
      const second = context.fetch('${origin}/b');
      return scored(1, { answer: [first.status, first.headers['x-kind'], first.body, second.body].join() });`;
    await asking({ net: [origin] }, score, async (verifier) => {
      const asked = items(...Array.from({ length: 20 }, (_, at) => `c${at}`));
      expect(answers(await verifier.score(asked))).toEqual(
        asked.map(({ completion }) => `201,answer,POST /a ${completion},GET /b `),
      );
    });
    expect(requests.length).toBe(40);
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/a', headers: { 'x-token': 't' } });
  });

  test('generate may ask as well', async () => {
    const query = { seed: 1, index: 0, level: 'easy', split: 'train' } as const;
    await asking(
      { net: [origin] },
      say('1'),
      async (verifier) =>
        expect((await verifier.draw([query], { style: 'chat' }))[0]!.prompt).toBe('puzzle GET /puzzle '),
      { generate: `context.fetch('${origin}/puzzle').body` },
    );
  });

  test('what cannot be asked, or is not answered, is a failure with its reason', async () => {
    const wrong: Record<string, RegExp> = {
      "context.fetch('http://example.org/')": /^crash: .*the manifest names no such origin/,
      [`context.fetch('${origin}.example.org/')`]: /^crash: .*names no such origin/,
      [`context.fetch('${origin}@example.org/')`]: /^crash: .*names no such origin/,
      [`context.fetch('${origin}/', { method: 7 })`]: /^contract: its request is none: method/,
      [`context.fetch('${origin}/', { headers: { Host: 'x' } })`]: /^contract: .*expected none of host/,
      [`(() => { for (let at = 0; ; at++) context.fetch('${origin}/' + at); })()`]: /^crash: .*more than 16 requests/,
      [`context.fetch('${origin}/huge')`]: /^unreachable: .*more than 1048576 bytes/,
      [`context.fetch('${origin}/cut')`]: /^unreachable: .*did not answer/,
      [`context.fetch('${origin}/' + calls)`]: /^nondeterministic: asked for something else/,
    };
    const cases = Object.keys(wrong).map((expression) => `${JSON.stringify(expression)}: () => ${expression}`);
    await asking({ net: [origin] }, say(`({ ${cases.join(', ')} })[completion]()`), async (verifier) => {
      const given = answers(await verifier.score(items(...Object.keys(wrong))));
      for (const [at, message] of Object.values(wrong).entries()) expect(given[at]).toMatch(message);
    });
  });

  test('a redirect is not followed but handed back', async () => {
    await asking({ net: [origin] }, say(`JSON.stringify(context.fetch('${origin}/elsewhere'))`), async (verifier) => {
      const [answer] = answers(await verifier.score(items('x')));
      expect(JSON.parse(answer!)).toMatchObject({
        status: 302,
        headers: { location: 'http://example.org/' },
        body: '',
      });
    });
  });

  test('a verifier that catches what fetch throws is asked again all the same', async () => {
    const score = `let body = 'nothing'; try { body = context.fetch('${origin}/caught').body; } catch {} ${say('body')}`;
    await asking({ net: [origin] }, score, async (verifier) => {
      expect(answers(await verifier.score(items('x')))).toEqual(['GET /caught ']);
    });
  });
});
