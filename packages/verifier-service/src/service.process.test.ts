/** The service over real sockets and real sandboxes; every answer is held against the OpenAPI document that it came with. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formless, hostile, right, spinner, TestService, truth, wrong } from './fixtures.ts';

const MAX_BODY = 2 * 2 ** 20;
let service: TestService;

beforeAll(async () => {
  service = await TestService.start({
    verifiers: ['countdown', hostile, spinner],
    maxBodyBytes: MAX_BODY,
    stallMs: 1500,
  });
});
afterAll(() => service.close());

const score = '/v1/verifiers/countdown/score';
const batch = '/v1/verifiers/countdown/score-batch';
const draw = '/v1/verifiers/countdown/draw';
const query = { seed: 3, index: 0, level: 'easy', split: 'train' };

describe('what a service answers', () => {
  test('the manifests of its verifiers, by id and by id and version', async () => {
    const { status, json } = await service.get('/v1/verifiers');
    expect(status).toBe(200);
    expect(json.verifiers.map(({ id }: { id: string }) => id)).toEqual(['countdown', 'hostile', 'spinner']);
    expect((await service.get('/v1/verifiers/spinner')).json).toEqual(json.verifiers[2]);
    expect((await service.get('/v1/verifiers/spinner@1.0.0')).json).toEqual(json.verifiers[2]);
    expect((await service.ask('/v1/verifiers', { method: 'HEAD' }).catch((error) => error)).text ?? '').toBe('');
  });

  test('1 for a right answer, 0.1 for a wrong one, 0 for none', async () => {
    expect((await service.post(score, right)).json).toMatchObject({ kind: 'scored', reward: 1, answer: '2+4' });
    expect((await service.post(score, wrong)).json).toMatchObject({ kind: 'scored', reward: 0.1, correct: false });
    expect((await service.post(score, formless)).json).toMatchObject({ kind: 'scored', reward: 0, formatted: false });
    expect((await service.post('/v1/verifiers/countdown@1.0.0/score', right)).json).toMatchObject({ reward: 1 });
  });

  test('verdicts of a batch in its order, the largest one too', async () => {
    const items = Array.from({ length: 1024 }, (_, at) => [right, wrong, formless][at % 3]!);
    const { status, json } = await service.post(batch, { items });
    expect(status).toBe(200);
    expect(json.verdicts.map(({ reward }: { reward: number }) => reward)).toEqual(
      items.map((_, at) => [1, 0.1, 0][at % 3]),
    );
  });

  test('right verdicts for all items of a batch but those that break the verifier', async () => {
    const names = ['good', 'throw', 'good', 'uninterruptible', 'abstain', 'good'];
    const items = names.map((completion) => ({ groundTruth: null, completion }));
    const killsBefore = await service.metric('evenkeel_sandbox_kills_total', 'verifier="hostile"');
    const { json } = await service.post('/v1/verifiers/hostile/score-batch', { items });
    expect(
      json.verdicts.map(({ kind, error }: { kind: string; error?: { code: string } }) => error?.code ?? kind),
    ).toEqual(['scored', 'crash', 'scored', 'timeout', 'abstained', 'scored']);
    const counted = (kind: string, code: string) =>
      service.metric('evenkeel_verdicts_total', 'verifier="hostile"', `kind="${kind}"`, `code="${code}"`);
    expect([await counted('scored', ''), await counted('abstained', ''), await counted('failed', 'timeout')]).toEqual([
      3, 1, 1,
    ]);
    expect(await service.metric('evenkeel_sandbox_kills_total', 'verifier="hostile"')).toBeGreaterThan(killsBefore);
  });

  test('a failed verdict, not an error, for a ground truth that is none', async () => {
    for (const groundTruth of [null, 7, 'x', [], { target: 'six' }]) {
      const { status, json } = await service.post(score, { groundTruth, completion: '\\boxed{1}' });
      expect({ status, kind: json.kind, code: json.error?.code }).toEqual({
        status: 200,
        kind: 'failed',
        code: 'ground-truth',
      });
    }
  });

  test('the same puzzles for the same queries, with golds that score 1 and decoys that score 0.1', async () => {
    const queries = [0, 1, 2, 4_294_967_295].map((index) => ({ ...query, index }));
    const asked = { queries, style: 'compact', gold: 0, decoy: 1 };
    const [first, second] = [await service.post(draw, asked), await service.post(draw, asked)];
    expect(first.status).toBe(200);
    expect(second.json).toEqual(first.json);
    type Drawn = { puzzle: { groundTruth: unknown }; prompt: string; gold: string; decoy: string };
    const puzzles: Drawn[] = first.json.puzzles;
    expect(puzzles).toHaveLength(4);
    const items = puzzles.flatMap(({ puzzle: { groundTruth }, gold, decoy }) => [
      { groundTruth, completion: gold },
      { groundTruth, completion: decoy },
    ]);
    const { json } = await service.post(batch, { items });
    expect(json.verdicts.map(({ reward }: { reward: number }) => reward)).toEqual([1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1]);
    expect((await service.post(draw, { queries, style: 'chat' })).json.puzzles[0]).not.toHaveProperty('gold');
  });

  test('health, readiness and metrics', async () => {
    expect((await service.get('/healthz')).json).toEqual({ status: 'ok' });
    expect((await service.get('/readyz')).json).toEqual({ status: 'ok' });
    const { text, headers } = await service.get('/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const name of [
      'evenkeel_http_requests_total',
      'evenkeel_http_request_duration_seconds_bucket',
      'evenkeel_verdicts_total',
      'evenkeel_queue_items',
      'evenkeel_sandbox_restarts_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
    ]) {
      expect(text).toContain(name);
    }
    expect(await service.metric('evenkeel_queue_items')).toBe(0);
    // Labels come from routes, not from what was asked for.
    await service.get(`/v1/verifiers/${'x'.repeat(50)}`);
    await service.get('/somewhere/else');
    expect((await service.get('/metrics')).text).not.toMatch(/xxxxx|somewhere/);
  });

  test('a document with every route, error and limit', () => {
    const { document } = service;
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/verifiers',
      '/v1/verifiers/{id}',
      '/v1/verifiers/{id}/draw',
      '/v1/verifiers/{id}/score',
      '/v1/verifiers/{id}/score-batch',
    ]);
    for (const path of [score, batch, draw]) {
      const operation = document.paths[path.replace('countdown', '{id}')]!.post!;
      expect(Object.keys(operation.responses)).toEqual([
        '200',
        '400',
        '404',
        '408',
        '413',
        '415',
        '422',
        '429',
        '500',
        '503',
      ]);
    }
    expect(JSON.stringify(document)).toContain(`a body of at most ${MAX_BODY} bytes`);
    expect(JSON.stringify(document)).toContain('"enum":["countdown","hostile","spinner"]');
  });

  test('the strangest texts, up to the limit of the body', async () => {
    for (const completion of [
      '',
      '\u0000',
      '\ud800',
      '\\boxed{2+4}\u202e',
      '😀'.repeat(100_000),
      '{'.repeat(1_000_000),
    ]) {
      const { status, json } = await service.post(score, { groundTruth: truth, completion });
      expect([status, json.kind]).toEqual([200, 'scored']);
    }
  });
});

describe('what a service refuses', () => {
  test.each([
    ['a missing field', { completion: 'x' }, 'Cannot read body: groundTruth: is missing'],
    ['a field of another type', { groundTruth: 1, completion: 2 }, /^Cannot read body: completion: .*expected string/],
    ['an unknown field', { ...right, style: 'chat' }, /^Cannot read body: Unrecognized key: "style"/],
    ['an array', [right], /^Cannot read body: .*expected object, received array/],
    ['null', null, /^Cannot read body: .*expected object, received null/],
    [
      'arrays nested too deep',
      { groundTruth: JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`), completion: '' },
      /^Cannot read body: it nests deeper than 64 levels, expected less/,
    ],
  ])('%s', async (_, body, message) => {
    const { status, json } = await service.post(score, body);
    expect(status).toBe(400);
    expect(json.error.code).toBe('bad-request');
    if (typeof message === 'string') expect(json.error.message).toBe(message);
    else expect(json.error.message).toMatch(message);
  });

  test('bytes that are not JSON or not UTF-8', async () => {
    const headers = { 'Content-Type': 'application/json' };
    for (const raw of ['', '{', 'completion=x', '{"groundTruth":1,"completion":"x"} x']) {
      const { status, json } = await service.ask(score, { method: 'POST', headers, raw });
      expect([status, json.error.message]).toEqual([400, 'Cannot read body: it is not JSON, expected one JSON object']);
    }
    const raw = Buffer.from([0x22, 0xff, 0x22]);
    const { status, json } = await service.ask(score, { method: 'POST', headers, raw });
    expect([status, json.error.message]).toEqual([
      400,
      'Cannot read body: it is not UTF-8, expected JSON text in UTF-8',
    ]);
  });

  test('batches and draws of none or of more than 1024', async () => {
    for (const count of [0, 1025]) {
      const items = Array.from({ length: count }, () => right);
      expect((await service.post(batch, { items })).status).toBe(400);
      const queries = Array.from({ length: count }, () => query);
      expect((await service.post(draw, { queries, style: 'chat' })).status).toBe(400);
    }
  });

  test('draws of an unknown level or a query out of range', async () => {
    const unknown = await service.post(draw, { queries: [{ ...query, level: 'absurd' }], style: 'chat' });
    expect(unknown.status).toBe(422);
    expect(unknown.json.error).toEqual({
      code: 'level-unknown',
      message:
        'Cannot draw puzzles: "countdown" has no level "absurd", expected one of: tiny, easy, medium, hard, very_hard',
    });
    for (const wrong of [{ seed: -1 }, { seed: 2 ** 53 }, { index: 2 ** 32 }, { index: 0.5 }, { split: 'test' }]) {
      const { status } = await service.post(draw, { queries: [{ ...query, ...wrong }], style: 'chat' });
      expect(status).toBe(400);
    }
    expect((await service.post(draw, { queries: [query], style: 'verbose' })).status).toBe(400);
  });

  test.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/json, text/plain',
  ])('a body declared as %s', async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
    const raw = Buffer.from(JSON.stringify(right));
    const { status, json } = await service.ask(score, { method: 'POST', headers, raw });
    expect([status, json.error.code]).toEqual([415, 'unsupported-media-type']);
  });

  test('compressed bodies, but not JSON under any of its names', async () => {
    const gzip = await service.post(score, right, { headers: { 'Content-Encoding': 'gzip' } });
    expect([gzip.status, gzip.json.error.message]).toEqual([
      415,
      'Cannot read body: its Content-Encoding is "gzip", expected none',
    ]);
    for (const type of ['application/json;charset=utf-8', 'Application/JSON ; Charset="UTF-8"']) {
      expect((await service.post(score, right, { headers: { 'Content-Type': type } })).status).toBe(200);
    }
  });

  test('a body that says it is too large, before it is read', async () => {
    const completion = 'x'.repeat(MAX_BODY);
    const { status, json } = await service.post(score, { groundTruth: truth, completion });
    expect([status, json.error.message]).toEqual([
      413,
      `Cannot read body: it is too large, expected at most ${MAX_BODY} bytes: send fewer items at once`,
    ]);
  });

  test('a body that does not say so, as soon as it is too large', async () => {
    const answer = await endless();
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text).error.code).toBe('too-large');
    expect(answer.sentBytes).toBeLessThan(MAX_BODY + 70 * 2 ** 20);
    expect(await service.metric('evenkeel_queue_bytes')).toBe(0);
  });

  test('unknown verifiers, unknown paths and other methods', async () => {
    const stranger = await service.post('/v1/verifiers/chess/score', right);
    expect([stranger.status, stranger.json.error.message]).toEqual([
      404,
      'Cannot find verifier: "chess" is not served here, expected one of: countdown, hostile, spinner',
    ]);
    expect((await service.get('/v1/verifiers/countdown@9.9.9')).status).toBe(404);
    expect((await service.get('/v1/verifiers/%E0%A4')).status).toBe(404);
    expect((await service.get('/v2')).status).toBe(404);
    expect((await service.get('/v1/verifiers/')).status).toBe(404);
    for (const [path, method, allow] of [
      [score, 'GET', 'POST'],
      [score, 'OPTIONS', 'POST'],
      ['/v1/verifiers/countdown', 'DELETE', 'GET, HEAD'],
      ['/metrics', 'POST', 'GET, HEAD'],
    ] as const) {
      const { status, headers, json } = await service.ask(path, { method });
      expect([status, headers.get('allow'), json.error.code]).toEqual([405, allow, 'method-not-allowed']);
    }
  });
});

describe('Idempotency-Key', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const verdicts = () => service.metric('evenkeel_verdicts_total', 'verifier="countdown"');

  test('the same key with the same body is scored once and answered alike', async () => {
    const key = { 'Idempotency-Key': sha256(JSON.stringify(right)) };
    const before = await verdicts();
    const first = await service.post(score, right, { headers: key });
    const again = await service.post(score, right, { headers: key });
    expect(again.text).toBe(first.text);
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([
      null,
      'true',
    ]);
    expect((await verdicts()) - before).toBe(1);
    // Another endpoint is another request.
    expect((await service.post(batch, { items: [right] }, { headers: key })).status).toBe(200);
  });

  test('two requests at once with one key are scored once', async () => {
    const headers = { 'Idempotency-Key': 'twins' };
    const before = await service.metric('evenkeel_verdicts_total', 'verifier="spinner"');
    const body = { groundTruth: null, completion: 'spin 30' };
    const twins = await Promise.all([0, 1].map(() => service.post('/v1/verifiers/spinner/score', body, { headers })));
    expect(twins[0]!.text).toBe(twins[1]!.text);
    expect((await service.metric('evenkeel_verdicts_total', 'verifier="spinner"')) - before).toBe(1);
  });

  test('the same key with another body is refused, and so is a key that is none', async () => {
    await service.post(score, right, { headers: { 'Idempotency-Key': 'mine' } });
    const other = await service.post(score, wrong, { headers: { 'Idempotency-Key': 'mine' } });
    expect([other.status, other.json.error.code]).toEqual([422, 'idempotency-mismatch']);
    for (const key of ['', 'two words', 'x'.repeat(256)]) {
      const refused = await service.post(score, right, { headers: { 'Idempotency-Key': key } });
      expect(refused.status).toBe(400);
      expect(refused.json.error.message).toMatch(/^Cannot read header: idempotency-key: /);
    }
  });
});

describe('many clients', () => {
  test('64 at once get their own verdicts, singly and in batches', async () => {
    const client = async (number: number) => {
      const sum = 100 + number;
      const mine = (answer: number) => ({
        groundTruth: { target: sum, numbers: [number, 100] },
        completion: `\\boxed{100 + ${answer}}`,
      });
      const expected = [1, 0.1];
      for (let turn = 0; turn < 6; turn++) {
        const single = await service.post(score, mine(turn % 2 ? number + 1 : number));
        expect(single.json.reward).toBe(expected[turn % 2]);
        const items = Array.from({ length: 1 + ((number + turn) % 40) }, (_, at) => mine(at % 2 ? number + 1 : number));
        const { json } = await service.post(batch, { items });
        expect(json.verdicts.map(({ reward }: { reward: number }) => reward)).toEqual(
          items.map((_, at) => expected[at % 2]),
        );
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, number) => client(number + 1)));
    expect(await service.metric('evenkeel_queue_items')).toBe(0);
  });
});

/** Sends a body without an end, in pieces, until an answer comes. */
function endless(): Promise<{ status: number; text: string; sentBytes: number }> {
  return new Promise((resolve, reject) => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    let [sentBytes, answered] = [0, false];
    const asking = request(service.url + score, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
    });
    asking.on('response', (response) => {
      answered = true;
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        asking.destroy();
        resolve({ status: response.statusCode!, text, sentBytes });
      });
    });
    asking.on('error', (error) => (answered ? undefined : reject(error)));
    const send = () => {
      while (!answered && !asking.destroyed) {
        sentBytes += piece.length;
        if (!asking.write(piece)) return void asking.once('drain', send);
      }
    };
    asking.write('{"completion":"');
    send();
  });
}
