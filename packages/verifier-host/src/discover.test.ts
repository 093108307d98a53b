import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskVerifier } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokenVerifiers, discoverVerifiers, findVerifier, isVerifierPath } from './discover.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evenkeel-discover-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function write(folder: string, packageJson: unknown): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    typeof packageJson === 'string' ? packageJson : JSON.stringify(packageJson),
  );
  return folder;
}

/** A workspace with `words` and `maze`, and a home with three versions of `words` and one of `only-home`. */
function places(name: string) {
  const [workspaceDir, home] = [join(root, name, 'verifiers'), join(root, name, 'home')];
  write(join(workspaceDir, 'words'), { name: '@me/verifier-words', version: '1.1.0', exports: './index.js' });
  write(join(workspaceDir, 'maze'), { name: 'maze', main: 'lib/maze.js' });
  mkdirSync(join(workspaceDir, 'notes'));
  for (const version of ['1.0.0', '1.10.0', '1.9.0', '2.0.0-rc.1']) {
    write(join(home, 'verifiers/words', version), { name: 'evenkeel-verifier-words', version });
  }
  write(join(home, 'verifiers/only-home/0.1.0'), { name: 'only-home', version: '0.1.0' });
  write(join(home, 'verifiers/only-home/0.2.0-beta'), { name: 'only-home', version: '0.2.0-beta' });
  write(join(home, 'verifiers/.staging/half'), { name: 'half', version: '1.0.0' });
  return { workspaceDir, home };
}

const named = (found: readonly { id: string; version: string; origin: string }[]) =>
  found.map(({ id, version, origin }) => `${id}@${version} ${origin}`);

describe('discoverVerifiers()', () => {
  test('lists the workspace and what is installed, what a bare name means first', () => {
    expect(named(discoverVerifiers(places('list')))).toEqual([
      'maze@0.0.0 workspace',
      'only-home@0.1.0 installed',
      'only-home@0.2.0-beta installed',
      'words@1.1.0 workspace',
      'words@1.10.0 installed',
      'words@1.9.0 installed',
      'words@1.0.0 installed',
      'words@2.0.0-rc.1 installed',
    ]);
  });

  test('sees nothing installed without a home, and nothing at all where there is no folder', () => {
    const { workspaceDir } = places('homeless');
    expect(named(discoverVerifiers({ workspaceDir }))).toEqual(['maze@0.0.0 workspace', 'words@1.1.0 workspace']);
    expect(discoverVerifiers({ workspaceDir: join(root, 'none'), home: join(root, 'none') })).toEqual([]);
  });

  test('leaves a malformed package out, which the others do not suffer from', () => {
    const at = places('malformed');
    write(join(at.workspaceDir, 'maze'), '{ "name": "maze",');
    expect(findVerifier('words', at).version).toBe('1.1.0');
    expect(brokenVerifiers(at).map(({ folder }) => folder)).toEqual([join(at.workspaceDir, 'maze')]);
    expect(() => findVerifier('maze', at)).toThrow(
      /^Cannot read verifier package: .*maze.package\.json is malformed \(.*JSON.*\), expected name and version$/,
    );
  });

  test('every package of the checkout has the version of its manifest', async () => {
    for (const { id, version, entry } of discoverVerifiers()) {
      const { manifest } = ((await import(entry!)) as { default: TaskVerifier }).default;
      expect({ id, version }).toEqual({ id: manifest.id, version: manifest.version });
    }
  });
});

describe('findVerifier()', () => {
  test('finds the shipped verifiers by name, by package name and by path', () => {
    const byName = findVerifier('countdown');
    expect(findVerifier('@evenkeel/verifier-countdown')).toEqual(byName);
    expect(findVerifier(byName.folder)).toEqual({ ...byName, origin: 'folder' });
    expect(discoverVerifiers().map(({ id }) => id)).toEqual(expect.arrayContaining(['arc', 'countdown', 'zebra']));
    expect(() => findVerifier('./not/there')).toThrow(/holds no package.json, expected a verifier package/);
  });

  test("a name means the workspace's own package, else the highest release installed", () => {
    const at = places('names');
    expect(findVerifier('words', at)).toMatchObject({ version: '1.1.0', origin: 'workspace' });
    expect(findVerifier('words', { ...at, workspaceDir: join(root, 'none') })).toMatchObject({ version: '1.10.0' });
    expect(findVerifier('only-home', at)).toMatchObject({ version: '0.1.0', origin: 'installed' });
    expect(findVerifier('@me/verifier-words', at)).toEqual(findVerifier('words', at));
  });

  test('a name with a version means exactly that one', () => {
    const at = places('versions');
    expect(findVerifier('words@1.9.0', at)).toMatchObject({ version: '1.9.0', origin: 'installed' });
    expect(findVerifier('words@2.0.0-rc.1', at)).toMatchObject({ version: '2.0.0-rc.1' });
    expect(findVerifier('@me/verifier-words@1.1.0', at)).toMatchObject({ origin: 'workspace' });
  });

  test('a version that is not there is refused with those that are', () => {
    const at = places('unknown');
    expect(() => findVerifier('words@3.0.0', at)).toThrow(
      'Cannot find verifier: "words" is not there as version 3.0.0, expected one of: 1.1.0 (workspace), 1.10.0 (installed), 1.9.0 (installed), 1.0.0 (installed), 2.0.0-rc.1 (installed)',
    );
    expect(() => findVerifier('words@^1', at)).toThrow('has the version "^1", expected an exact one such as 1.0.0');
    expect(() => findVerifier('wrods', at)).toThrow(
      'Cannot find verifier: no package is named "wrods", expected one of: maze, only-home, words; or the path of a package folder',
    );
  });

  test('finds the module by exports, through conditions, by main, or as npm does', () => {
    const entry = (packageJson: object, file?: string) => {
      const folder = write(join(root, 'doors'), { name: 'doors', ...packageJson });
      if (file !== undefined) writeFileSync(join(folder, file), '');
      return findVerifier(folder).entry?.slice(folder.length);
    };
    expect(entry({ exports: './a.js', main: 'b.js' })).toBe('/a.js');
    expect(entry({ exports: { '.': { types: './a.d.ts', import: './a.mjs' } } })).toBe('/a.mjs');
    expect(entry({ exports: { '.': { require: './a.cjs' } } })).toBe('/a.cjs');
    expect(entry({ main: 'b.js' })).toBe('/b.js');
    expect(entry({})).toBe('/src/index.ts');
    expect(entry({}, 'index.js')).toBe('/index.js');
    expect(() => entry({ exports: '../../elsewhere.js' })).toThrow(/lies outside of it/);
  });

  test.each([
    ['a name that is none', { name: '' }, /name: /],
    ['a version that is none', { name: 'words', version: 'new' }, /version: expected a semantic version/],
    ['a list', [], /expected object/],
  ])('refuses a package.json with %s', (_, packageJson, message) => {
    expect(() => findVerifier(write(join(root, 'wrong'), packageJson))).toThrow(message);
  });
});

describe('a package that is an endpoint', () => {
  const manifest = {
    id: 'words',
    version: '1.0.0',
    sdk: '^1',
    title: 'Words',
    levels: ['easy'],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: ['list.txt'], env: [] },
  };
  const remote = (verifier: object) =>
    findVerifier(write(join(root, 'remote'), { name: 'verifier-words', version: '1.0.0', evenkeel: { verifier } }));

  test('has no module; it asks for its origin and its token alone', () => {
    const minimal = remote({ url: 'http://127.0.0.1:8910/tasks/', id: 'words', manifest });
    expect(minimal).toMatchObject({ id: 'words', entry: null, origin: 'folder' });
    expect(minimal.remote).toMatchObject({
      url: 'http://127.0.0.1:8910/tasks',
      origin: 'http://127.0.0.1:8910',
      tokenEnv: null,
      timeoutMs: 30_000,
      batch: 64,
      concurrency: 4,
      manifest: { permissions: { net: ['http://127.0.0.1:8910'], read: [], env: [] } },
    });
    const whole = remote({ url: 'https://words.example', id: 'w', tokenEnv: 'WORDS_TOKEN', batch: 8, manifest });
    expect(whole.remote).toMatchObject({
      url: 'https://words.example',
      batch: 8,
      manifest: { permissions: { net: ['https://words.example'], env: ['WORDS_TOKEN'] } },
    });
  });

  test.each([
    ['no address', { id: 'words', manifest }, /evenkeel\.verifier: url: /],
    ['another protocol', { url: 'file:///etc/passwd', id: 'words', manifest }, /expected http\(s\):/],
    ['a password', { url: 'http://me:secret@words.example', id: 'words', manifest }, /without a password/],
    ['no manifest', { url: 'http://words.example', id: 'words' }, /manifest: /],
    ['an unknown field', { url: 'http://words.example', id: 'words', manifest, retries: 5 }, /"retries"/],
    ['too large a batch', { url: 'http://words.example', id: 'words', manifest, batch: 4096 }, /batch: /],
  ])('is refused with %s', (_, verifier, message) => {
    expect(() => remote(verifier)).toThrow(message);
  });
});

describe('isVerifierPath()', () => {
  test('tells paths from names', () => {
    expect(['./words', '../words', '/opt/words', 'my/words', '.'].every(isVerifierPath)).toBe(true);
    expect(['words', 'words@1.0.0', '@me/verifier-words', '@me/words@1.0.0'].some(isVerifierPath)).toBe(false);
  });
});
