/** One protocol: the service on one side, the host's own client for endpoints on the other. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenVerifier, openVerifier } from '@evenkeel/verifier-host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startVerifierService, type VerifierService } from './index.ts';

const token = 'a-token-between-the-two-sides';
const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-service-'));
let service: VerifierService;
let here: OpenVerifier;
let there: OpenVerifier;

beforeAll(async () => {
  process.env.OWN_CLIENT_TOKEN = token;
  [service, here] = await Promise.all([
    startVerifierService({ verifiers: ['countdown'], token, maxQueuedItems: 200 }),
    openVerifier({ verifier: 'countdown' }),
  ]);
  const folder = join(scratch, 'countdown');
  mkdirSync(folder);
  const { manifest } = here;
  const remote = {
    url: service.url,
    id: 'countdown',
    tokenEnv: 'OWN_CLIENT_TOKEN',
    batch: 50,
    concurrency: 6,
    manifest,
  };
  const packed = { name: 'evenkeel-verifier-countdown', version: manifest.version, evenkeel: { verifier: remote } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(packed));
  there = await openVerifier({
    verifier: folder,
    grants: { granted: () => ({ net: [service.url], read: [], env: ['OWN_CLIENT_TOKEN'] }) },
  });
});
afterAll(async () => {
  await Promise.all([here?.close(), there?.close()]);
  await service?.close();
  rmSync(scratch, { recursive: true, force: true });
  delete process.env.OWN_CLIENT_TOKEN;
});

test('a verifier that is served gives the puzzles and verdicts that it gives at home, also beyond the queue', async () => {
  const queries = Array.from({ length: 300 }, (_, index) => ({
    seed: 5,
    index,
    level: 'easy',
    split: 'train' as const,
  }));
  const options = { style: 'chat', gold: 0, decoy: 0 } as const;
  const drawn = await there.draw(queries, options);
  expect(drawn).toEqual(await here.draw(queries, options));
  const submissions = drawn.flatMap(({ puzzle: { groundTruth }, gold, decoy }) => [
    { groundTruth, completion: gold! },
    { groundTruth, completion: decoy! },
    { groundTruth, completion: 'no idea \ud800' },
    { groundTruth: null, completion: gold! },
  ]);
  const verdicts = await there.score(submissions);
  expect(verdicts).toEqual(await here.score(submissions));
  expect(there.counts()).toMatchObject({ scored: 900, failed: { 'ground-truth': 300, unreachable: 0 } });
});
