import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VerifierManifest } from '@evenkeel/verifier';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  missingPermissions,
  noGrants,
  readGrants,
  removeGrants,
  requireGranted,
  storeGrant,
  VerifierPermissionError,
} from './grants.ts';

let root: string;
let home: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evenkeel-grants-'));
});
beforeEach(() => {
  home = join(root, `home-${made++}`);
});
afterAll(() => rmSync(root, { recursive: true }));

const net = { net: ['https://words.example'], read: [], env: [] };
const read = { net: [], read: ['list.txt'], env: [] };
const nothing = { net: [], read: [], env: [] };

describe('readGrants()', () => {
  test('grants nothing where nothing was stored', async () => {
    expect((await readGrants(home)).granted('words', '1.0.0')).toEqual(nothing);
  });

  test('gives back what was stored, for that version and no other', async () => {
    await storeGrant(home, 'words', '1.0.0', net);
    await storeGrant(home, 'maze', '1.0.0', read);
    const grants = await readGrants(home);
    expect(grants.granted('words', '1.0.0')).toEqual(net);
    expect(grants.granted('words', '1.0.1')).toEqual(nothing);
    expect(grants.granted('maze', '1.0.0')).toEqual(read);
    expect(grants.granted('constructor', '1.0.0')).toEqual(nothing);
    await storeGrant(home, 'words', '1.0.0', read);
    expect((await readGrants(home)).granted('words', '1.0.0')).toEqual(read);
    expect(readdirSync(home)).toEqual(['verifier-grants.json']);
  });

  test.each([
    ['no JSON', '{ "format": 1'],
    ['another format', '{ "format": 2, "grants": {} }'],
    [
      'an unknown kind',
      '{ "format": 1, "grants": { "words@1.0.0": { "net": [], "read": [], "env": [], "run": ["sh"] } } }',
    ],
  ])('refuses a file with %s instead of guessing', async (_, text) => {
    await storeGrant(home, 'words', '1.0.0', net);
    writeFileSync(join(home, 'verifier-grants.json'), text);
    await expect(readGrants(home)).rejects.toMatchObject({
      code: 'verifier-permission',
      message: expect.stringMatching(/^Cannot read grants: .*verifier-grants\.json is malformed .* grant again$/),
    });
    await expect(storeGrant(home, 'maze', '1.0.0', read)).rejects.toThrow('Cannot read grants');
    expect(readFileSync(join(home, 'verifier-grants.json'), 'utf8')).toBe(text);
  });
});

describe('removeGrants()', () => {
  test('takes back one version, or all versions of one id', async () => {
    for (const version of ['1.0.0', '2.0.0']) await storeGrant(home, 'words', version, net);
    await storeGrant(home, 'words-long', '1.0.0', net);
    await removeGrants(home, 'words', '1.0.0');
    const one = await readGrants(home);
    expect(['1.0.0', '2.0.0'].map((version) => one.granted('words', version))).toEqual([nothing, net]);
    await removeGrants(home, 'words');
    const all = await readGrants(home);
    expect(all.granted('words', '2.0.0')).toEqual(nothing);
    expect(all.granted('words-long', '1.0.0')).toEqual(net);
  });
});

describe('storeGrant()', () => {
  test('loses none where many are stored at once, in several processes', async () => {
    const program = `import { storeGrant } from ${JSON.stringify(join(import.meta.dirname, 'grants.ts'))};
      const [home, name] = process.argv.slice(1);
      await Promise.all([0, 1, 2, 3].map((n) => storeGrant(home, name + n, '1.0.0', { net: [], read: [], env: [name] })));`;
    const names = ['a', 'b', 'c'];
    const ends = names.map((name) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, home, name], { stdio: 'inherit' });
      return once(child, 'close');
    });
    expect((await Promise.all(ends)).map(([status]) => status)).toEqual([0, 0, 0]);
    const grants = await readGrants(home);
    for (const name of names) {
      for (const n of [0, 1, 2, 3]) expect(grants.granted(`${name}${n}`, '1.0.0').env).toEqual([name]);
    }
    expect(readdirSync(home)).toEqual(['verifier-grants.json']);
  }, 30_000);

  test('goes past the lock of a process that is gone', async () => {
    await storeGrant(home, 'words', '1.0.0', net);
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'close');
    writeFileSync(join(home, '.verifier-grants.lock'), `${child.pid}@${hostname()}`);
    await storeGrant(home, 'maze', '1.0.0', read);
    expect((await readGrants(home)).granted('maze', '1.0.0')).toEqual(read);
    expect(readdirSync(home)).toEqual(['verifier-grants.json']);
  });
});

describe('requireGranted()', () => {
  const manifest: VerifierManifest = {
    id: 'words',
    version: '1.2.0',
    sdk: '^1',
    title: 'Words',
    levels: ['easy'],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: ['https://words.example'], read: ['list.txt', '/etc/words'], env: [] },
  };

  test('refuses by what is missing alone, and says what to type', () => {
    expect(() => requireGranted(manifest, noGrants)).toThrow(
      'Cannot open verifier "words": it asks for net (https://words.example), read (list.txt, /etc/words) without a grant, expected one: evenkeel verifier grant words@1.2.0',
    );
    const grants = { granted: () => ({ net: ['https://words.example'], read: ['list.txt'], env: ['MORE'] }) };
    const refused = () => requireGranted(manifest, grants);
    expect(refused).toThrow('asks for read (/etc/words) without a grant');
    expect(refused).toThrow(VerifierPermissionError);
    try {
      refused();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'verifier-permission',
        manifest,
        missing: { net: [], read: ['/etc/words'], env: [] },
      });
    }
  });

  test('is content where everything is granted, or nothing is asked for', () => {
    requireGranted(manifest, { granted: () => manifest.permissions });
    requireGranted({ ...manifest, permissions: nothing }, noGrants);
    expect(missingPermissions(nothing, net)).toEqual(nothing);
  });
});
