/** Installs real packages into real homes; what needs npm or a file system of its own is in `install.process.test.ts`. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { paxPath, type TarEntry, tarball } from '../test-fixtures/tarball.ts';
import { wordsManifest, writeWords } from '../test-fixtures/words.ts';
import { discoverVerifiers, findVerifier, workspaceVerifiersDir } from './discover.ts';
import { readGrants, storeGrant } from './grants.ts';
import { type InstalledVerifier, installVerifier, linkVerifier, removeVerifier } from './install.ts';
import { readInstallRecord } from './install-record.ts';
import { openSandbox } from './sandbox.ts';

let root: string;
let home: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evenkeel-install-'));
});
beforeEach(() => {
  home = join(root, `home-${made++}`);
});
afterAll(() => rmSync(root, { recursive: true }));

/** No workspace: what is found was installed. */
const workspaceDir = '/nowhere';
const install = (from: string): Promise<InstalledVerifier> => installVerifier(from, { home, workspaceDir });
const versions = () => discoverVerifiers({ home, workspaceDir }).map(({ id, version }) => `${id}@${version}`);
const folder = (name: string) => join(root, `${name}-${made}`);

/** Everything below the home's folder of verifiers, hidden things too. */
function left(): string[] {
  const dir = join(home, 'verifiers');
  return existsSync(dir) ? readdirSync(dir) : [];
}

async function answers(reference: string, completion: string): Promise<unknown> {
  const sandbox = await openSandbox({ verifier: reference, places: { home, workspaceDir } });
  try {
    const [verdict] = await sandbox.score([{ groundTruth: { target: 'epa' }, completion }]);
    return verdict?.kind === 'scored' ? verdict.reward : verdict;
  } finally {
    await sandbox.close();
  }
}

describe('installVerifier() from a folder', () => {
  test('puts it into the home, opened and hashed; it is found by id and version, and scores', async () => {
    const source = writeWords(folder('words'), {
      files: {
        '.env': 'SECRET=1',
        '.npmrc': 'registry=http://127.0.0.1:1',
        'node_modules/x/index.js': 'no package of ours',
      },
    });
    const installed = await install(source);
    expect(installed).toMatchObject({
      reference: 'words@1.0.0',
      state: 'added',
      grantsRemoved: false,
      manifest: wordsManifest(),
      record: {
        id: 'words',
        version: '1.0.0',
        kind: 'folder',
        source,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      package: { origin: 'installed', folder: join(home, 'verifiers/words/1.0.0') },
    });
    expect(readdirSync(installed.package.folder).sort()).toEqual([
      'README.md',
      'index.d.ts',
      'index.js',
      'lib',
      'package.json',
    ]);
    expect(await readInstallRecord(home, 'words', '1.0.0')).toEqual(installed.record);
    expect(left()).toEqual(['words']);
    expect(readdirSync(home)).toEqual(['verifiers']);
    expect(await answers('words@1.0.0', '\\boxed{epa}')).toBe(1);
    expect(await answers('words', '\\boxed{ape}')).toBe(0.1);
    const sandbox = await openSandbox({ verifier: 'words', places: { home, workspaceDir } });
    await sandbox.close();
    expect(sandbox.identity.sha256).toBe(installed.record.sha256);
  });

  test('keeps two versions side by side; a name without a version means the higher', async () => {
    await install(writeWords(folder('old'), { version: '1.0.0' }));
    await install(writeWords(folder('new'), { version: '1.1.0', head: '// newer' }));
    expect(versions()).toEqual(['words@1.1.0', 'words@1.0.0']);
    expect(findVerifier('words', { home, workspaceDir }).version).toBe('1.1.0');
    expect(await answers('words@1.0.0', '\\boxed{epa}')).toBe(1);
  });

  test('leaves the same package as it is, and replaces a changed one of the same version', async () => {
    const source = writeWords(folder('words'));
    const first = await install(source);
    await storeGrant(home, 'words', '1.0.0', { net: [], read: [], env: ['KEPT'] });
    expect(await install(source)).toMatchObject({ state: 'unchanged', record: first.record });
    writeWords(source, { words: ['emu'], files: { 'extra.js': '' } });
    const second = await install(source);
    expect(second).toMatchObject({ state: 'replaced', grantsRemoved: false });
    expect(second.record.sha256).not.toBe(first.record.sha256);
    expect(readFileSync(join(second.package.folder, 'index.js'), 'utf8')).toContain('["emu"]');
    expect((await readGrants(home)).granted('words', '1.0.0').env).toEqual(['KEPT']);
    expect(readdirSync(join(home, 'verifiers/words'))).toEqual(['1.0.0', '1.0.0.json']);
  });

  test('takes back what was granted where another package takes the place of one', async () => {
    await install(writeWords(folder('mine')));
    await storeGrant(home, 'words', '1.0.0', { net: [], read: [], env: ['TOKEN'] });
    const other = await install(writeWords(folder('theirs'), { head: '// not mine' }));
    expect(other).toMatchObject({ state: 'replaced', grantsRemoved: true });
    expect((await readGrants(home)).granted('words', '1.0.0').env).toEqual([]);
  });

  test('a package that asks for something is installed; it is not opened before it is granted', async () => {
    const permissions = { read: ['list.txt'] };
    const source = writeWords(folder('asking'), { permissions, files: { 'list.txt': 'ape\n' } });
    expect((await install(source)).manifest.permissions).toEqual({ net: [], read: ['list.txt'], env: [] });
    await expect(answers('words', 'x')).rejects.toThrow(
      'asks for read (list.txt) without a grant, expected one: evenkeel verifier grant words@1.0.0',
    );
  });

  test('an endpoint is installed without being asked', async () => {
    const source = folder('remote');
    mkdirSync(source);
    const verifier = { url: 'http://127.0.0.1:9', id: 'words', manifest: wordsManifest() };
    const packageJson = { name: 'verifier-words', version: '1.0.0', evenkeel: { verifier } };
    writeFileSync(join(source, 'package.json'), JSON.stringify(packageJson));
    const installed = await install(source);
    expect(installed.package).toMatchObject({ entry: null, remote: { url: 'http://127.0.0.1:9' } });
    expect(installed.manifest.permissions.net).toEqual(['http://127.0.0.1:9']);
  });
});

describe('installVerifier() refuses in one line, and leaves nothing', () => {
  const refused = async (from: string, message: RegExp | string) => {
    const failure = await install(from).then(
      () => expect.unreachable('it was installed'),
      (error) => error,
    );
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain('\n');
    expect(versions()).toEqual([]);
    expect(left()).toEqual([]);
    return failure;
  };

  test.each([
    ['a path that is not there', './not/there', /^Cannot add verifier \.\/not\/there: there is no such file or folder/],
    ['a tarball that is not there', 'words-1.0.0.tgz', /there is no such file or folder/],
    ['a name that is a flag', '--global', /it is no package's name/],
  ])('%s', async (_, from, message) => {
    expect(await refused(from, message)).toMatchObject({ code: 'verifier-install' });
  });

  test('a folder without package.json', async () => {
    const empty = folder('empty');
    mkdirSync(empty);
    await refused(empty, /it holds no package\.json, expected a verifier package$/);
  });

  test('a package without a default export', async () => {
    const source = folder('none');
    writeWords(source, { files: { 'index.js': 'export const verifier = {};' } });
    await refused(source, /Cannot bundle verifier "words": .*default/);
  });

  test('a module that imports the platform, or throws', async () => {
    await refused(writeWords(folder('fs'), { head: "import 'node:fs';" }), /imports "node:fs"/);
    await refused(writeWords(folder('throw'), { head: "throw new Error('not today');" }), /not today/);
  });

  test('another id or version in the manifest than in package.json', async () => {
    const packageJson = { name: '@me/verifier-letters' };
    await refused(writeWords(folder('id'), { packageJson }), /manifest has the id "words"/);
    await refused(
      writeWords(folder('version'), { packageJson: { version: '2.0.0' } }),
      /its manifest has the version "1\.0\.0" and its package\.json "2\.0\.0", expected the same$/,
    );
  });

  test('a folder with links in it', async () => {
    const source = writeWords(folder('linked'));
    symlinkSync('/etc/passwd', join(source, 'lib/passwd'));
    await refused(source, /it holds lib.passwd, a link or a device/);
  });

  test('a name and version that the workspace has itself', async () => {
    const workspace = folder('workspace');
    writeWords(join(workspace, 'words'));
    const twin = installVerifier(writeWords(folder('twin')), { home, workspaceDir: workspace });
    await expect(twin).rejects.toThrow(/the workspace has words 1\.0\.0 itself .*, expected another version/);
    const other = await installVerifier(writeWords(folder('v2'), { version: '2.0.0' }), {
      home,
      workspaceDir: workspace,
    });
    expect(other.state).toBe('added');
  });

  test('an installation that was called off', async () => {
    const signal = AbortSignal.abort();
    const calledOff = installVerifier(writeWords(folder('words')), { home, workspaceDir, signal });
    await expect(calledOff).rejects.toThrow(/it was interrupted.*nothing was installed$/);
    expect(left()).toEqual([]);
  });
});

describe('installVerifier() from a tarball', () => {
  const good = (): TarEntry[] => {
    const source = writeWords(folder('packed'));
    return ['package.json', 'index.js', 'index.d.ts', 'lib/backwards.js'].map((path) => ({
      path: `package/${path}`,
      text: readFileSync(join(source, path), 'utf8'),
    }));
  };
  const write = (bytes: Buffer): string => {
    const path = `${folder('packed')}.tgz`;
    writeFileSync(path, bytes);
    return path;
  };

  test('unpacks without npm, long names and a missing top folder too', async () => {
    const long = `lib/${'deep/'.repeat(30)}module.js`;
    const entries = [
      { path: 'package/', type: '5' },
      { path: 'pax_global_header', type: 'g', text: '' },
      ...good(),
      paxPath(`package/${long}`),
      { path: 'package/cut', text: 'export {}' },
      { path: '././@LongLink', type: 'L', text: 'package/by-gnu.js\0' },
      { path: 'package/b', text: '' },
      { path: 'package/.npmrc', text: 'registry=http://127.0.0.1:1' },
    ];
    const installed = await install(write(tarball(entries)));
    expect(installed).toMatchObject({ state: 'added', record: { kind: 'tarball' } });
    expect(readFileSync(join(installed.package.folder, long), 'utf8')).toBe('export {}');
    expect(existsSync(join(installed.package.folder, 'by-gnu.js'))).toBe(true);
    expect(existsSync(join(installed.package.folder, '.npmrc'))).toBe(false);
    expect(await answers('words', '\\boxed{epa}')).toBe(1);
    const flat = good().map((entry) => ({ ...entry, path: entry.path.slice('package/'.length) }));
    expect((await install(write(tarball(flat)))).state).toBe('replaced');
  });

  test.each<[string, (entries: TarEntry[]) => Buffer, RegExp]>([
    ['a path that leads out', (entries) => tarball([...entries, { path: 'package/../../out.js' }]), /leads out of it/],
    ['an absolute path', (entries) => tarball([...entries, { path: '/out.js' }]), /leads out of it/],
    [
      'a path that leads out by pax',
      (entries) => tarball([...entries, paxPath('a/../../b'), { path: 'x' }]),
      /leads out/,
    ],
    ['backslashes', (entries) => tarball([...entries, { path: 'package\\..\\out.js' }]), /leads out of it/],
    [
      'a symbolic link',
      (entries) => tarball([...entries, { path: 'package/lib/x', type: '2', link: '/etc' }]),
      /holds a link \(package\/lib\/x to \/etc\)/,
    ],
    [
      'a hard link',
      (entries) => tarball([...entries, { path: 'package/y', type: '1', link: 'package/index.js' }]),
      /holds a link/,
    ],
    ['a device', (entries) => tarball([...entries, { path: 'package/null', type: '3' }]), /files and folders only/],
    [
      'a file in the way of a folder',
      (entries) => tarball([...entries, { path: 'package/lib', text: '' }]),
      /its entry lib does not fit/,
    ],
    ['half of itself', (entries) => tarball(entries).subarray(0, 300), /no gzipped tar archive/],
    ['something else', () => Buffer.from('PK\x03\x04 and so on'.repeat(100)), /no tar archive/],
    ['nothing', () => Buffer.alloc(0), /no tar archive, or an empty one/],
    ['no package.json', () => tarball([{ path: 'package/index.js', text: 'export default {}' }]), /no package\.json/],
    ['a broken package.json', () => tarball([{ path: 'package/package.json', text: '{' }]), /is malformed/],
  ])('refuses one with %s', async (_, make, message) => {
    const failure = await install(write(make(good()))).catch((error) => error);
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain('\n');
    expect(left()).toEqual([]);
    expect(existsSync('/out.js') || existsSync(join(home, 'verifiers/out.js'))).toBe(false);
  });

  test('refuses a dependency on what lies beside the tarball', async () => {
    const packageJson = { ...JSON.parse(good()[0]!.text!), dependencies: { beside: 'file:../beside' } };
    const entries = [{ path: 'package/package.json', text: JSON.stringify(packageJson) }, ...good().slice(1)];
    await expect(install(write(tarball(entries)))).rejects.toThrow(
      /its dependency beside is file:\.\.\/beside, which is not in it, expected a version or bundleDependencies$/,
    );
  });
});

describe('what a killed installation leaves', () => {
  test('is not seen, and is swept away or put back by the next', async () => {
    await install(writeWords(folder('words')));
    mkdirSync(join(home, 'verifiers/.staging/package'), { recursive: true });
    const at = join(home, 'verifiers/words');
    const { renameSync } = await import('node:fs');
    renameSync(join(at, '1.0.0'), join(at, '.1.0.0.replaced'));
    expect(versions()).toEqual([]);
    await install(writeWords(folder('two'), { version: '2.0.0' }));
    expect(versions()).toEqual(['words@2.0.0', 'words@1.0.0']);
    expect(left()).toEqual(['words']);
    expect(readdirSync(at).sort()).toEqual(['1.0.0', '1.0.0.json', '2.0.0', '2.0.0.json']);
  });
});

describe('linkVerifier()', () => {
  test('gives the reference for a configuration, and replaces what has changed', async () => {
    const source = writeWords(folder('task'));
    expect(await linkVerifier(home, source, { workspaceDir })).toEqual({ reference: 'words@1.0.0', state: 'added' });
    expect(await linkVerifier(home, source, { workspaceDir })).toEqual({
      reference: 'words@1.0.0',
      state: 'unchanged',
    });
    writeWords(source, { head: '// changed' });
    expect(await linkVerifier(home, source, { workspaceDir })).toEqual({ reference: 'words@1.0.0', state: 'replaced' });
  });

  test("a folder of the workspace is the workspace's own", async () => {
    const linked = await linkVerifier(home, join(workspaceVerifiersDir(), 'countdown'));
    expect(linked).toEqual({ reference: expect.stringMatching(/^countdown@\d/), state: 'workspace' });
    expect(existsSync(home)).toBe(false);
  });

  test('a path that is no package is refused', async () => {
    await expect(linkVerifier(home, './not/there')).rejects.toThrow(/holds no package\.json/);
  });
});

describe('removeVerifier()', () => {
  test('takes one version away with its grants, and leaves the others', async () => {
    await install(writeWords(folder('one')));
    await install(writeWords(folder('two'), { version: '2.0.0' }));
    for (const version of ['1.0.0', '2.0.0'])
      await storeGrant(home, 'words', version, { net: [], read: [], env: ['A'] });
    await expect(removeVerifier(home, 'words')).rejects.toThrow(
      'Cannot remove verifier: "words" is installed in 2 versions, expected one of: words@2.0.0, words@1.0.0',
    );
    expect(await removeVerifier(home, 'words@1.0.0')).toMatchObject({ id: 'words', version: '1.0.0' });
    expect(versions()).toEqual(['words@2.0.0']);
    const grants = await readGrants(home);
    expect(['1.0.0', '2.0.0'].map((version) => grants.granted('words', version).env)).toEqual([[], ['A']]);
    await removeVerifier(home, 'words');
    expect(versions()).toEqual([]);
    await expect(removeVerifier(home, 'words')).rejects.toMatchObject({ code: 'verifier-unknown' });
  });
});
