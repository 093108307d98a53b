/**
 * Fuzzes the verifier service by its own OpenAPI document: schemathesis with all its checks, against a service that asks for a
 * token. Ends with 0 where nothing was found.
 *
 *     node test/peers/fuzz-service.ts [--max-examples 200] [further arguments of schemathesis]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonEnvironment, run } from './python-environment.ts';
import { startService } from './running-service.ts';

const SCHEMATHESIS = 'schemathesis==4.32.5';
const TOKEN = 'a-token-for-the-fuzzer-alone';

const given = process.argv.slice(2).filter((argument) => argument !== '--');
const examples = given.includes('--max-examples') ? [] : ['--max-examples', '200'];
const bin = await pythonEnvironment([SCHEMATHESIS]);
const service = await startService(['countdown', 'zebra', 'arc'], TOKEN);
const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-fuzz-'));
const asked = { headers: { Authorization: `Bearer ${TOKEN}` } };
// The token goes by the document's own security scheme: a header for all requests would also be sent where it is left out on purpose.
writeFileSync(join(scratch, 'openapi.json'), await (await fetch(`${service.url}/openapi.json`, asked)).text());
writeFileSync(join(scratch, 'schemathesis.toml'), `[auth.openapi.bearer]\nbearer = "${TOKEN}"\n`);
try {
  const status = await run(
    join(bin, 'schemathesis'),
    ['run', 'openapi.json', '--url', service.url, '--checks', 'all', '--request-timeout', '30', ...examples, ...given],
    {
      cwd: scratch,
      env: { ...process.env, SCHEMATHESIS_HOOKS: join(import.meta.dirname, 'schemathesis_hooks.py') },
    },
  );
  const [fivehundreds, requests] = await faults();
  console.log(`The service counted ${requests} requests, ${fivehundreds} of them answered with 5xx`);
  const stopped = await service.stop();
  console.log(`It stopped with ${stopped}`);
  process.exitCode = status !== 0 || fivehundreds > 0 || stopped !== 0 ? 1 : 0;
} finally {
  service.process.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
}

/** What the service itself counted. */
async function faults(): Promise<[fivehundreds: number, requests: number]> {
  const answer = await fetch(`${service.url}/metrics`, asked);
  const samples = (await answer.text()).split('\n').filter((line) => line.startsWith('evenkeel_http_requests_total{'));
  const sum = (lines: readonly string[]) =>
    lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return [sum(samples.filter((line) => line.includes('status="5'))), sum(samples)];
}
