/**
 * What HTTP costs: requests per second singly, and verdicts per second in batches of 512, through a service in a process of its
 * own, beside the same verdicts through the same sandbox without HTTP. Client, service and sandbox share the machine's cores.
 *
 *     npm run bench service [-- rounds=5]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { openVerifier } from '@evenkeel/verifier-host';
import { startVerifierService } from '../src/index.ts';

const BATCH = 512;
const BATCHES = 80;
const SINGLES = 3000;
const CLIENTS = 64;

interface Submission {
  readonly groundTruth: unknown;
  readonly completion: string;
}

if (process.send !== undefined) await serve();
else await bench(Number(process.argv[2] ?? 5));

/** The child: serves until it is told to stop. */
async function serve(): Promise<void> {
  const service = await startVerifierService({ verifiers: ['countdown'] });
  process.send!(service.url);
  await once(process, 'message');
  await service.close();
  process.exit();
}

async function bench(rounds: number): Promise<void> {
  const child = fork(import.meta.filename, { execArgv: ['--no-warnings'] });
  const [url] = (await once(child, 'message')) as [string];
  const sandbox = await openVerifier({ verifier: 'countdown' });
  const drawn = await sandbox.draw(
    Array.from({ length: BATCH }, (_, index) => ({ seed: 1, index, level: 'tiny', split: 'train' as const })),
    { style: 'compact', gold: 0, decoy: 0 },
  );
  const submissions = drawn.map(({ puzzle, gold, decoy }, at) => ({
    groundTruth: puzzle.groundTruth,
    completion: at % 2 === 0 ? gold! : decoy!,
  }));
  const agent = new Agent({ keepAlive: true });
  const score = `${url}/v1/verifiers/countdown/score`;
  const batch = Buffer.from(JSON.stringify({ items: submissions }));
  const singles = submissions.map((submission: Submission) => Buffer.from(JSON.stringify(submission)));

  /** So many requests by so many clients, each waiting for its answer: requests per second. */
  const drive = async (path: string, bodies: readonly Buffer[], count: number, clients: number): Promise<number> => {
    let next = 0;
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (next < count) await post(agent, path, bodies[next++ % bodies.length]!);
      }),
    );
    return (count / (performance.now() - begun)) * 1000;
  };
  const direct = async (): Promise<number> => {
    const begun = performance.now();
    let next = 0;
    const asking = async () => {
      while (next++ < BATCHES) await sandbox.score(submissions as never);
    };
    await Promise.all([asking(), asking()]);
    return ((BATCHES * BATCH) / (performance.now() - begun)) * 1000;
  };

  const results: Record<string, number[]> = {};
  const record = (name: string, value: number) => {
    results[name] ??= [];
    results[name].push(value);
  };
  for (let round = 0; round <= rounds; round++) {
    const measured = {
      sandboxVerdictsPerSecond: await direct(),
      batchVerdictsPerSecond: BATCH * (await drive(`${score}-batch`, [batch], BATCHES, 2)),
      singlePerSecond64Clients: await drive(score, singles, SINGLES, CLIENTS),
      singlePerSecond1Client: await drive(score, singles, SINGLES / 4, 1),
    };
    // The first round warms up.
    if (round > 0) for (const [name, value] of Object.entries(measured)) record(name, value);
  }
  const medians = Object.fromEntries(Object.entries(results).map(([name, values]) => [name, median(values)]));
  console.log(
    JSON.stringify({
      verifier: 'countdown',
      rounds,
      ...Object.fromEntries(Object.entries(medians).map(([name, value]) => [name, Math.round(value)])),
      batchToSandbox: Number((medians.batchVerdictsPerSecond! / medians.sandboxVerdictsPerSecond!).toFixed(2)),
      single64ToSandbox: Number((medians.singlePerSecond64Clients! / medians.sandboxVerdictsPerSecond!).toFixed(3)),
    }),
  );
  agent.destroy();
  await sandbox.close();
  child.send('stop');
  await once(child, 'exit');
}

function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(url, {
      agent,
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': body.length },
    });
    asking.on('response', (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the service answered ${response.statusCode}`));
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
