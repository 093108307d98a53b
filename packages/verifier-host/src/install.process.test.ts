/** Installing with npm, against a registry in this process; installing that is cut off; a disk that is full. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeWords } from '../test-fixtures/words.ts';
import { discoverVerifiers } from './discover.ts';
import { installVerifier } from './install.ts';
import { openVerifier } from './open-verifier.ts';

const root = mkdtempSync(join(tmpdir(), 'evenkeel-install-npm-'));
let home: string;
let made = 0;
let registry: Server;
/** What the registry has: tarballs by package name. */
const published = new Map<string, string>();
let registryRequests: string[] = [];

beforeAll(async () => {
  registry = createServer((request, response) => {
    registryRequests.push(request.url!);
    const { port } = registry.address() as AddressInfo;
    const path = decodeURIComponent(request.url!.slice(1));
    const tarball = published.get(path.replace(/\.tgz$/, ''));
    if (tarball === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
      return;
    }
    const bytes = readFileSync(tarball);
    if (path.endsWith('.tgz')) {
      response.end(bytes);
      return;
    }
    const packageJson = JSON.parse(
      spawnSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }).stdout,
    );
    const dist = {
      tarball: `http://127.0.0.1:${port}/${encodeURIComponent(path)}.tgz`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    };
    const { version } = packageJson;
    const packument = {
      name: path,
      'dist-tags': { latest: version },
      versions: { [version]: { ...packageJson, dist } },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(packument));
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
});

beforeEach(() => {
  home = join(root, `home-${made++}`);
  registryRequests = [];
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`);
  vi.stubEnv('npm_config_cache', join(root, 'npm-cache'));
  vi.stubEnv('npm_config_fetch_retries', '0');
});

afterEach(() => vi.unstubAllEnvs());

afterAll(async () => {
  registry.closeAllConnections();
  registry.close();
  await once(registry, 'close');
  rmSync(root, { recursive: true });
});

const workspaceDir = '/nowhere';
const install = (from: string, signal?: AbortSignal) => installVerifier(from, { home, workspaceDir, signal });
const folder = (name: string) => join(root, `${name}-${made}`);
const left = () => readdirSync(join(home, 'verifiers'));

function pack(source: string): string {
  const { stdout } = spawnSync('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${root}`], {
    cwd: source,
    encoding: 'utf8',
  });
  const [{ filename }] = JSON.parse(stdout);
  return join(root, filename.replace(/^@/, '').replaceAll('/', '-'));
}

/** A package that the verifier may depend on: CommonJS, as most are, with a dependency of its own. */
function writeDependency(name: string, dependencies: Readonly<Record<string, string>> = {}, body = ''): string {
  const at = join(root, name);
  mkdirSync(at, { recursive: true });
  const scripts = { install: `node -e "require('fs').writeFileSync('${join(root, 'script-ran')}', '')"` };
  writeFileSync(
    join(at, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', main: 'index.js', dependencies, scripts }),
  );
  writeFileSync(join(at, 'index.js'), body);
  return at;
}

const usesDependency = `import { shout } from 'loud-words';
if (shout('a') !== 'A!') throw new Error('the dependency is another');`;

async function scores(reference = 'words'): Promise<unknown> {
  const verifier = await openVerifier({ verifier: reference, places: { home, workspaceDir } });
  try {
    const submission = { groundTruth: { target: 'epa' }, completion: '\\boxed{epa}' };
    const [verdict] = await verifier.score([submission]);
    return verdict?.kind === 'scored' ? verdict.reward : verdict;
  } finally {
    await verifier.close();
  }
}

describe('installVerifier()', () => {
  test('takes what `npm pack` made, without asking a registry; types come along as .d.ts', async () => {
    const tarball = pack(writeWords(folder('words')));
    const installed = await install(tarball);
    expect(installed).toMatchObject({ state: 'added', reference: 'words@1.0.0', record: { kind: 'tarball' } });
    expect(readdirSync(installed.package.folder).sort()).toEqual([
      'README.md',
      'index.d.ts',
      'index.js',
      'lib',
      'package.json',
    ]);
    expect(await scores()).toBe(1);
    expect(registryRequests).toEqual([]);
    // The same package from its folder has the same content hash.
    const { record } = installed;
    rmSync(home, { recursive: true });
    expect((await install(writeWords(folder('words')))).record.sha256).toBe(record.sha256);
  });

  test('installs what a folder depends on by path, links and all, and runs no script of it', async () => {
    const inner = writeDependency('inner-words', {}, 'exports.upper = (text) => text.toUpperCase();');
    const body = `const { upper } = require('inner-words');\nexports.shout = (text) => upper(text) + '!';`;
    const outer = writeDependency('loud-words', { 'inner-words': `file:${inner}` }, body);
    const packageJson = { dependencies: { 'loud-words': `file:../loud-words`, '@evenkeel/verifier': '^1.0.0' } };
    const installed = await install(writeWords(folder('words'), { packageJson, head: usesDependency }));
    expect(readdirSync(join(installed.package.folder, 'node_modules')).sort()).toEqual([
      '.package-lock.json',
      'inner-words',
      'loud-words',
    ]);
    rmSync(outer, { recursive: true });
    rmSync(inner, { recursive: true });
    expect(await scores()).toBe(1);
    expect(existsSync(join(root, 'script-ran'))).toBe(false);
    expect(registryRequests).toEqual([]);
  });

  test('fetches an npm name with its dependencies from the registry, and leaves peers and development tools alone', async () => {
    const dependency = writeDependency('loud-words', {}, `exports.shout = (text) => text.toUpperCase() + '!';`);
    published.set('loud-words', pack(dependency));
    const packageJson = { dependencies: { 'loud-words': '^1.0.0' } };
    published.set('@me/verifier-words', pack(writeWords(folder('words'), { packageJson, head: usesDependency })));
    const installed = await install('@me/verifier-words@1.0.0');
    expect(installed.record).toMatchObject({ kind: 'npm', source: '@me/verifier-words@1.0.0' });
    expect(await scores()).toBe(1);
    expect(registryRequests.join(' ')).not.toMatch(/evenkeel|no-such-package/);
    expect(left()).toEqual(['words']);
    // The same package once more needs no npm beyond the one that fetches it; from a folder none at all.
    const again = writeWords(folder('again'), { packageJson, head: usesDependency });
    vi.stubEnv('PATH', '');
    expect(await install(again)).toMatchObject({ state: 'unchanged', record: installed.record });
  });

  test('takes what a tarball brings along, without npm', async () => {
    const source = folder('bundling');
    const packageJson = { dependencies: { 'loud-words': '^1.0.0' }, bundleDependencies: ['loud-words'] };
    const files = {
      'node_modules/loud-words/package.json': '{"name":"loud-words","version":"1.2.3"}',
      'node_modules/loud-words/index.js': `exports.shout = (text) => text.toUpperCase() + '!';`,
    };
    const tarball = pack(writeWords(source, { packageJson, head: usesDependency, files }));
    vi.stubEnv('PATH', '');
    await install(tarball);
    expect(await scores()).toBe(1);
  });

  test.each<[string, () => string, RegExp]>([
    ['a name that the registry does not have', () => '@me/verifier-wodrs', /: npm: E404: .*wodrs/],
    [
      'a version that the registry does not have',
      () => {
        published.set('@me/verifier-words', pack(writeWords(folder('words'))));
        return '@me/verifier-words@^7';
      },
      /: npm: ETARGET: No matching version/,
    ],
    [
      'a dependency that is not there',
      () => writeWords(folder('gone'), { packageJson: { dependencies: { gone: 'file:../gone-from-here' } } }),
      /: npm: ENOENT: .*gone-from-here/,
    ],
    [
      'a dependency that the registry does not have',
      () => writeWords(folder('none'), { packageJson: { dependencies: { 'no-such-words': '1' } } }),
      /: npm: E404: .*no-such-words/,
    ],
  ])('says in one line what npm said of %s, and leaves nothing', async (_, from, message) => {
    const failure = await install(from()).catch((error) => error);
    expect(failure).toMatchObject({ code: 'verifier-install', message: expect.stringMatching(message) });
    expect(failure.message).not.toContain('\n');
    expect(left()).toEqual([]);
  });

  test('says what to do where the registry cannot be reached, and where there is no npm', async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    await expect(install('verifier-words-elsewhere')).rejects.toThrow(
      /: npm: ECONNREFUSED: .*, expected the package registry to be reachable \(npm config get registry\)$/,
    );
    vi.stubEnv('PATH', '');
    await expect(install('verifier-words-elsewhere')).rejects.toThrow(/: npm is not on PATH, expected it beside Node$/);
    expect(left()).toEqual([]);
  });
});

/** A process that installs and says how it went. */
function installing(from: string, ...wrapper: string[]) {
  const program = `import { installVerifier } from ${JSON.stringify(join(import.meta.dirname, 'install.ts'))};
    const [from, home] = process.argv.slice(1);
    const interrupted = new AbortController();
    process.once('SIGINT', () => interrupted.abort());
    console.log('begun');
    const options = { home, workspaceDir: '/nowhere', signal: interrupted.signal };
    console.log(await installVerifier(from, options).then(({ state }) => state, (error) => error.code + ' ' + error.message));`;
  const [command = '', ...args] = [...wrapper, process.execPath, '--input-type=module', '-e', program, from, home];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = once(child, 'close').then(() => output.replace('begun\n', '').trim());
  return { child, ended };
}

describe('an installation that is cut off', () => {
  /** A registry that never answers: npm waits, and so does the installation. */
  async function hangingRegistry(): Promise<{ asked: Promise<unknown>; end: () => void }> {
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    vi.stubEnv('npm_config_registry', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const end = () => {
      server.closeAllConnections();
      server.close();
    };
    return { asked: once(server, 'request'), end };
  }

  test('by Ctrl-C leaves nothing, npm neither', async () => {
    const { asked, end } = await hangingRegistry();
    const { child, ended } = installing('verifier-words');
    await asked;
    child.kill('SIGINT');
    expect(await ended).toBe(
      'verifier-install Cannot add verifier verifier-words: it was interrupted, expected to be let through: nothing was installed',
    );
    expect(left()).toEqual([]);
    expect(readdirSync(home)).toEqual(['verifiers']);
    end();
  });

  test('by a kill leaves nothing that is seen, and the next one goes on past it', async () => {
    const { asked, end } = await hangingRegistry();
    const { child, ended } = installing('verifier-words');
    await asked;
    child.kill('SIGKILL');
    await ended;
    end();
    expect(left()).toEqual(['.staging']);
    expect(discoverVerifiers({ home, workspaceDir })).toEqual([]);
    expect((await install(writeWords(folder('words')))).state).toBe('added');
    expect(left()).toEqual(['words']);
    expect(readdirSync(home)).toEqual(['verifiers']);
  });

  test('two at once wait for one another', async () => {
    const [one, two] = [writeWords(folder('one')), writeWords(folder('two'), { version: '2.0.0' })];
    const states = await Promise.all([one, two, one].map((from) => installing(from).ended));
    expect(states.sort()).toEqual(['added', 'added', 'unchanged']);
    expect(discoverVerifiers({ home, workspaceDir }).map(({ version }) => version)).toEqual(['2.0.0', '1.0.0']);
  });
});

/** Of util-linux. */
const UNSHARE = 'unshare';
const namespaces = spawnSync(UNSHARE, ['-rm', 'mount', '-t', 'tmpfs', 'none', root]).status === 0;

describe.skipIf(!namespaces)('on a full disk (skipped where users may not make mount namespaces)', () => {
  test('says so in one line, and leaves nothing but room', async () => {
    mkdirSync(home);
    const files = { 'words.txt': 'a long list of words\n'.repeat(100_000) };
    const source = writeWords(folder('large'), { files });
    const script = `mount -t tmpfs -o size=1m none "${home}" && "$@"; find "${home}" -mindepth 1`;
    const output = await installing(source, UNSHARE, '-rm', 'sh', '-c', script, 'sh').ended;
    expect(output.split('\n')).toEqual([
      `verifier-install Cannot add verifier ${source}: no space is left on the disk, expected some: free space there and add it again`,
      join(home, 'verifiers'),
    ]);
  });
});
