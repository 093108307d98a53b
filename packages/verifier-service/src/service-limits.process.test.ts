/** What a service does at its limits: tokens, full queues, clients that are gone or slow, and stopping. */
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { right, spinner, TestService } from './fixtures.ts';
import { type RequestRecord, startVerifierService, type VerifierServiceOptions } from './index.ts';

const opened: TestService[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((service) => service.close(0)));
});

async function open(options: Partial<VerifierServiceOptions> = {}): Promise<TestService> {
  const service = await TestService.start({ verifiers: [spinner], ...options });
  opened.push(service);
  return service;
}

const score = '/v1/verifiers/spinner/score';
const batch = '/v1/verifiers/spinner/score-batch';
const spin = (turns: number) => ({ groundTruth: null, completion: `spin ${turns}` });
const spins = (count: number, turns: number) => ({ items: Array.from({ length: count }, () => spin(turns)) });

/** Waits until something is so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it never came to be so');
}

const queued = (service: TestService, count: number) => () =>
  service.metric('evenkeel_queue_items').then((items) => items === count);

describe('a token', () => {
  const token = 'a-token-of-a-fair-length';

  test('is asked for everywhere but where the process is watched', async () => {
    const service = await open({ token });
    const none = { headers: { Authorization: '' } };
    for (const given of [
      '',
      'Bearer',
      'Bearer ',
      `Bearer ${token}x`,
      `Basic ${token}`,
      token,
      `Bearer ${token.toUpperCase()}`,
    ]) {
      const { status, headers, json } = await service.post(score, spin(0), { headers: { Authorization: given } });
      expect([given, status, headers.get('www-authenticate'), json.error.code]).toEqual([
        given,
        401,
        'Bearer',
        'unauthorized',
      ]);
      expect(json.error.message).not.toContain(token);
    }
    for (const path of ['/v1/verifiers', '/v1/verifiers/spinner', '/metrics', '/openapi.json', '/elsewhere']) {
      expect((await service.get(path, none)).status).toBe(401);
      expect((await service.get(path)).status).toBe(path === '/elsewhere' ? 404 : 200);
    }
    for (const path of ['/healthz', '/readyz']) expect((await service.get(path, none)).status).toBe(200);
    expect((await service.post(score, spin(0))).status).toBe(200);
    expect((await service.post(score, spin(0), { headers: { Authorization: `bearer ${token}` } })).status).toBe(200);
    expect(service.document.paths['/metrics']!.get).toMatchObject({ security: [{ bearer: [] }] });
  });

  test('is not spoken of where there is none', async () => {
    const service = await open();
    expect(service.document.paths['/metrics']!.get).toMatchObject({ security: [] });
    expect((await service.get('/v1/verifiers', { headers: { Authorization: 'Bearer whatever' } })).status).toBe(200);
  });
});

describe('a service that cannot start', () => {
  const refusal = (options: Partial<VerifierServiceOptions>) =>
    startVerifierService({ verifiers: [spinner], ...options }).then(
      async (service) => `it listens on ${service.url}${await service.close(0)}`,
      (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
    );

  test('says what is wrong and what to do', async () => {
    const start = 'Cannot start verifier service:';
    expect(await refusal({ verifiers: [] })).toBe(
      `option-invalid: ${start} no verifier is named, expected at least one`,
    );
    expect(await refusal({ host: '0.0.0.0' })).toBe(
      `token-required: ${start} it would listen on 0.0.0.0 without a token, expected a token, or a loopback address`,
    );
    expect(await refusal({ token: 'short' })).toBe(
      `option-invalid: ${start} its token has 5 characters, expected at least 16`,
    );
    expect(await refusal({ token: 'a token with blanks in it' })).toBe(
      `option-invalid: ${start} its token has characters that a header cannot carry, expected visible ASCII`,
    );
    expect(await refusal({ maxQueuedItems: 0 })).toBe(
      `option-invalid: ${start} maxQueuedItems is 0, expected a whole number of at least 1`,
    );
    expect(await refusal({ verifiers: [spinner, spinner] })).toBe(
      `option-invalid: ${start} spinner@1.0.0 is named twice, expected each verifier once`,
    );
    expect(await refusal({ verifiers: [spinner, 'nonesuch'] })).toMatch(/^verifier-unknown: Cannot find verifier: /);
  });

  test('leaves a port alone that is in use', async () => {
    const { port } = await open();
    expect(await refusal({ port })).toBe(
      `address-unavailable: Cannot start verifier service: 127.0.0.1:${port} is in use, expected a free port: name another one`,
    );
  });

  test('listens anywhere without a token only where it is told to', async () => {
    const service = await open({ host: '0.0.0.0', insecure: true });
    expect((await fetch(`http://127.0.0.1:${service.port}/readyz`)).status).toBe(200);
  });
});

test('while the verifiers are being opened, requests are asked to come again', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let ready = false;
  const starting = TestService.start({ verifiers: [spinner, 'countdown'], port }).finally(() => {
    ready = true;
  });
  const seen: [string, number, string | null][] = [];
  while (!ready && seen.length < 3) {
    for (const path of ['/healthz', '/readyz', '/v1/verifiers']) {
      const answer = await fetch(url + path).catch(() => null);
      if (answer === null || ready) break;
      await answer.text();
      seen.push([path, answer.status, answer.headers.get('retry-after')]);
    }
  }
  opened.push(await starting);
  expect(seen.slice(0, 3)).toEqual([
    ['/healthz', 200, null],
    ['/readyz', 503, '1'],
    ['/v1/verifiers', 503, '1'],
  ]);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

describe('a full queue', () => {
  test('turns requests away with the time to come again, and takes them when there is room', async () => {
    const service = await open({ maxQueuedItems: 6 });
    const first = service.post(batch, spins(5, 20));
    await until(queued(service, 5));
    const refused = await service.post(batch, spins(2, 0));
    expect([refused.status, refused.json.error]).toEqual([
      429,
      { code: 'busy', message: 'Cannot take 2 items: 5 are waiting, expected at most 6: ask again in 1 s' },
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const draw = { queries: [0, 1].map((index) => ({ seed: 0, index, level: 'only', split: 'train' })), style: 'chat' };
    expect((await service.post('/v1/verifiers/spinner/draw', draw)).status).toBe(429);
    // A key that was turned away is not used up.
    const key = { headers: { 'Idempotency-Key': 'turned-away' } };
    expect((await service.post(batch, spins(2, 0), key)).status).toBe(429);
    const fits = service.post(score, spin(0));
    expect((await first).json.verdicts).toHaveLength(5);
    expect((await fits).status).toBe(200);
    expect((await service.post(batch, spins(2, 0), key)).status).toBe(200);
    expect(await service.metric('evenkeel_http_requests_total', 'status="429"')).toBe(3);
  });

  test('takes a batch that is larger than the queue where nothing waits', async () => {
    const service = await open({ maxQueuedItems: 6 });
    expect((await service.post(batch, spins(100, 0))).json.verdicts).toHaveLength(100);
  });

  test('bounds the bytes of what waits, too', async () => {
    const service = await open({ maxQueuedBytes: 100_000 });
    const first = service.post(score, { groundTruth: 'x'.repeat(90_000), completion: 'spin 80' });
    await until(() => service.metric('evenkeel_queue_bytes').then((bytes) => bytes > 90_000));
    const refused = await service.post(score, { groundTruth: 'x'.repeat(90_000), completion: 'spin 0' });
    expect([refused.status, refused.json.error.message]).toEqual([
      429,
      expect.stringMatching(/^Cannot take this body: 90\d+ bytes are waiting, expected at most 100000: ask again in/),
    ]);
    expect((await first).status).toBe(200);
  });
});

describe('a client that is gone', () => {
  test('is not worked for any longer', async () => {
    const requests: RequestRecord[] = [];
    const service = await open({ onRequest: (request) => requests.push(request) });
    const gone = new AbortController();
    const asked = service.post(batch, spins(1024, 2), { signal: gone.signal }).catch((error: Error) => error.name);
    await until(queued(service, 1024));
    gone.abort();
    expect(await asked).toBe('AbortError');
    await until(queued(service, 0));
    // Nobody counts verdicts that nobody reads.
    const answer = await service.post(score, spin(0));
    expect(answer.status).toBe(200);
    expect(await service.metric('evenkeel_verdicts_total')).toBe(1);
    expect(requests.find(({ status }) => status === 499)).toMatchObject({
      method: 'POST',
      path: batch,
      route: '/v1/verifiers/{id}/score-batch',
      items: 1024,
      from: '127.0.0.1',
    });
  });

  test('finds its answer when it comes again with its key', async () => {
    const service = await open();
    const headers = { 'Idempotency-Key': 'again' };
    const gone = new AbortController();
    const asked = service
      .post(batch, spins(3, 20), { headers, signal: gone.signal })
      .catch((error: Error) => error.name);
    await until(queued(service, 3));
    gone.abort();
    expect(await asked).toBe('AbortError');
    const again = await service.post(batch, spins(3, 20), { headers });
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    expect(await service.metric('evenkeel_verdicts_total')).toBe(3);
  });
});

describe('a slow or malformed client', () => {
  const head = `POST ${score} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n`;

  test.each([
    ['never ends its head', `${head}X-More: `, 408, 'request-timeout'],
    ['never ends its body', `${head}\r\n{"groundTruth"`, 408, 'request-timeout'],
    ['sends no HTTP', 'hello\r\n\r\n', 400, 'bad-request'],
    ['sends an endless head', `${head}X-Long: ${'x'.repeat(20_000)}`, 431, 'head-too-large'],
    ['sends two lengths', `${head}Content-Length: 5\r\n\r\n`, 400, 'bad-request'],
    ['sends a host that is none', `GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n`, 400, 'bad-request'],
  ])('that %s is answered and closed', async (_, text, status, code) => {
    const service = await open({ headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 300 });
    const { answer } = await raw(service.port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code } });
    expect((await service.post(score, spin(0))).status).toBe(200);
    expect(await service.metric('evenkeel_queue_bytes')).toBe(0);
  });

  test('that does not read its answers is closed', async () => {
    const service = await open({ requestTimeoutMs: 500 });
    const asking = 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000);
    const socket = connect(service.port, '127.0.0.1', () => socket.write(asking));
    socket.pause();
    const closed = new Promise<void>((resolve) => socket.on('error', () => resolve()).on('close', () => resolve()));
    await until(() => service.metric('evenkeel_http_requests_total', 'status="499"').then((count) => count > 0));
    await until(() => service.metric('evenkeel_http_requests_open').then((count) => count === 1));
    socket.destroy();
    await closed;
  });

  test('that holds connections without asking is closed, and cannot hold more than there are', async () => {
    const service = await open({ maxConnections: 4, headersTimeoutMs: 300, requestTimeoutMs: 600 });
    const idle = Array.from({ length: 12 }, () => raw(service.port, ''));
    await Promise.all(idle);
    await until(() =>
      service.get('/healthz').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    expect(await service.metric('evenkeel_http_connections_refused_total')).toBeGreaterThan(0);
  });
});

describe('stopping', () => {
  test('answers what is under way and refuses what comes after', async () => {
    const service = await open();
    const underWay = service.post(batch, spins(10, 30));
    await until(queued(service, 10));
    const stopping = service.close();
    const refused = await service.post(score, spin(0));
    expect([refused.status, refused.headers.get('retry-after'), refused.json.error.code]).toEqual([
      503,
      '5',
      'stopping',
    ]);
    expect((await service.get('/readyz')).status).toBe(503);
    expect((await service.get('/healthz')).status).toBe(200);
    expect((await service.get('/metrics')).text).toContain('status="503"');
    const answered = await underWay;
    expect(answered.json.verdicts).toHaveLength(10);
    expect(await stopping).toBe(0);
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
    expect(await service.close()).toBe(0);
  });

  test('cuts off what is not answered by the deadline', async () => {
    const service = await open();
    const underWay = service.post(batch, spins(200, 10)).catch((error: Error) => error.name);
    await until(queued(service, 200));
    expect(await service.close(50)).toBe(1);
    expect(await underWay).toBe('TypeError');
  });

  test('does not wait for connections that ask nothing', async () => {
    const service = await open();
    const idle = raw(service.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(async () => (await service.metric('evenkeel_http_requests_total', 'route="/healthz"')) === 1);
    expect(await service.close()).toBe(0);
    expect((await idle).answer).toMatch(/^HTTP\/1.1 200 /);
  });
});

test('two versions of one verifier are asked by id and version', async () => {
  const service = await open({ verifiers: [spinner, 'countdown'] });
  expect((await service.post('/v1/verifiers/countdown@1.0.0/score', right)).json.reward).toBe(1);
  expect((await service.post('/v1/verifiers/spinner@1.0.0/score', spin(0))).json.reward).toBe(1);
});

/** Sends bytes and reads until the connection is closed. */
function raw(port: number, text: string): Promise<{ answer: string }> {
  return new Promise((resolve) => {
    let answer = '';
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ answer }));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
