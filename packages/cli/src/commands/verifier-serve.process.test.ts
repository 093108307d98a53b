/** `evenkeel verifier serve` as it is called: what it says, what it refuses, how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-serve-'));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, '../main.ts'), 'verifier', 'serve', ...args, '--home', home],
    { env: { ...process.env, ...env } },
  );
  running.add(child);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve)).finally(() =>
    running.delete(child),
  );
  /** The first line on stdout. */
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      if (said.stdout.includes('\n')) resolve(said.stdout.split('\n')[0]!);
    });
    child.on('close', () => reject(new Error(`it ended without a word: ${said.stderr}`)));
  });
  listening.catch(() => {});
  return { child, said, ended, listening };
}

describe('evenkeel verifier serve', () => {
  test('prints the URL, says how to try it, and ends with 0 at SIGTERM', async () => {
    const { child, said, ended, listening } = serve(['countdown', '--port', '0', '--verbose']);
    const url = await listening;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const line = /curl -s (\S+) -H '([^:]+): ([^']+)' -d '(.*)'/.exec(said.stderr)!;
    const answer = await fetch(line[1]!, { method: 'POST', headers: { [line[2]!]: line[3]! }, body: line[4]! });
    expect(await answer.json()).toMatchObject({ puzzles: [{ puzzle: { level: 'tiny' } }] });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(said.stderr).toMatch(
      /^Serving countdown 1\.\d+\.\d+\nNo token is asked for: everybody on this machine may ask/,
    );
    expect(said.stderr).toMatch(/\nStopped\n$/);
    const requests = said.stderr.split('\n').filter((text) => text.startsWith('{'));
    expect(requests.map((text) => JSON.parse(text))).toMatchObject([
      { method: 'GET', path: '/readyz', status: 200 },
      { method: 'POST', route: '/v1/verifiers/{id}/draw', status: 200, items: 1 },
    ]);
  });

  test('asks for the token of an environment variable, which it never shows; with --json stdout has JSON lines', async () => {
    const token = 'a-token-that-nobody-sees';
    const { child, said, ended, listening } = serve(
      ['countdown', 'zebra', '--port', '0', '--json', '--token-env', 'MY_TOKEN', '--verbose'],
      { MY_TOKEN: token },
    );
    const first = JSON.parse(await listening);
    expect(first).toMatchObject({
      kind: 'listening',
      url: expect.stringMatching(/^http:/),
      verifiers: [{ id: 'countdown' }, { id: 'zebra' }],
      token: 'MY_TOKEN',
    });
    expect((await fetch(`${first.url}/v1/verifiers`)).status).toBe(401);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${first.url}/v1/verifiers`, { headers })).status).toBe(200);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(
      said.stdout
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text))[1],
    ).toEqual({
      kind: 'stopped',
      signal: 'SIGINT',
      cutOff: 0,
    });
    expect(said.stdout + said.stderr).not.toContain(token);
  });

  test('refuses what cannot be served, and says what to type', async () => {
    const { listening, child, ended } = serve(['countdown', '--port', '0']);
    const port = new URL(await listening).port;
    const refused = await Promise.all(
      [
        ['countdown', '--port', port],
        ['countdown', '--host', '0.0.0.0'],
        ['nonesuch', '--port', '0'],
        [],
        ['countdown', '--port', '70000'],
        ['countdown', '--token-env', 'NOT_SET'],
        ['countdown', '--max-body', 'much'],
      ].map(async (args) => {
        const one = serve(args);
        return [await one.ended, one.said.stdout, one.said.stderr.trimEnd()];
      }),
    );
    expect(refused).toEqual([
      [
        1,
        '',
        `Cannot start verifier service: 127.0.0.1:${port} is in use, expected a free port: name another one (--port N)`,
      ],
      [
        1,
        '',
        'Cannot start verifier service: it would listen on 0.0.0.0 without a token, expected a token, or a loopback address (--token-env NAME, or --insecure)',
      ],
      [1, '', expect.stringMatching(/^Cannot find verifier: no package is named "nonesuch", expected one of: /)],
      [2, '', 'Cannot read arguments: no argument is given, expected at least one task: evenkeel verifier serve TASK…'],
      [2, '', 'Cannot read --port: it is 70000, expected at most 65535'],
      [
        2,
        '',
        'Cannot read --token-env: the environment variable NOT_SET is not set, expected it to hold the token: NOT_SET=$(openssl rand -hex 24)',
      ],
      [2, '', 'Cannot read --max-body: it is "much", expected a whole number of at least 1'],
    ]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
