/** `verifier add`, `list`, `grant` and `remove`, and what is asked of whom, on real packages and real homes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGrants, storeGrant, VerifierPermissionError } from '@evenkeel/verifier-host';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Invocation } from '../command.ts';
import { openGranted, permissionLines, type Terminal } from '../verifiers/open-granted.ts';
import { invoke } from './invoke.fixtures.ts';
import { verifierAddCommand } from './verifier-add.ts';
import { verifierGrantCommand } from './verifier-grant.ts';
import { verifierListCommand } from './verifier-list.ts';
import { verifierRemoveCommand } from './verifier-remove.ts';

const root = mkdtempSync(join(tmpdir(), 'evenkeel-places-'));
let home: string;
let made = 0;
beforeEach(() => {
  home = join(root, `home-${made++}`);
});
afterAll(() => rmSync(root, { recursive: true }));

const wanted = { net: ['https://echo.example'], read: ['list.txt'], env: ['ECHO_TOKEN'] };
const nothing = { net: [], read: [], env: [] };

/** A task that scores 1 for the target, as a package that asks for these permissions. */
function writeEcho(version = '1.0.0', permissions: object = nothing, title = 'Echo'): string {
  const folder = join(root, `echo-${made++}`);
  mkdirSync(folder);
  const manifest = {
    id: 'echo',
    version,
    sdk: '^1',
    title,
    levels: ['easy', 'hard'],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions,
  };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'evenkeel-verifier-echo', version, main: 'index.js' }),
  );
  writeFileSync(join(folder, 'list.txt'), 'one\ntwo\n');
  writeFileSync(
    join(folder, 'index.js'),
    `export default { manifest: ${JSON.stringify(manifest)}, score({ groundTruth, completion }) {
  const correct = completion === groundTruth;
  return { kind: 'scored', reward: correct ? 1 : 0, correct, formatted: correct, answer: null, reason: correct ? 'correct' : 'wrong' };
} };`,
  );
  return folder;
}

const granted = async (version = '1.0.0') => (await readGrants(home)).granted('echo', version);

describe('verifier add', () => {
  test('prints id, version, content hash, levels, and the line to train on it', async () => {
    const { lines, status } = await invoke(verifierAddCommand, home, writeEcho());
    expect(status).toBe(0);
    expect(lines).toEqual([
      'Added echo 1.0.0 (Echo)',
      expect.stringMatching(/^ {2}content {3}[0-9a-f]{64}$/),
      '  levels    easy, hard',
      'Train on it: evenkeel train --tasks echo@1.0.0:easy',
    ]);
  });

  test('with nobody there to be asked, installs it and says what to type; with --yes it is granted', async () => {
    const folder = writeEcho('1.0.0', wanted);
    const first = await invoke(verifierAddCommand, home, folder);
    expect(first.status).toBe(0);
    expect(first.lines.at(-1)).toBe('It is not granted what it asks for yet: evenkeel verifier grant echo@1.0.0');
    expect(first.lines).toContain('  asks to   read the file list.txt of its package');
    expect(await granted()).toEqual(nothing);
    const second = await invoke(verifierAddCommand, home, folder, '--yes', '--json');
    expect(second.json).toMatchObject([
      {
        kind: 'verifier',
        state: 'unchanged',
        reference: 'echo@1.0.0',
        levels: ['easy', 'hard'],
        permissions: wanted,
        granted: true,
      },
    ]);
    expect(second.notes[0]).toMatch(
      /^Granted to echo 1\.0\.0, and remembered: ask https:\/\/echo\.example over the network/,
    );
    expect(await granted()).toEqual(wanted);
  });

  test('a package that cannot be installed is refused in one line, and so is a missing argument', async () => {
    await expect(invoke(verifierAddCommand, home, join(root, 'none'))).rejects.toThrow(
      /^Cannot add verifier .*none: there is no such file or folder, expected a package folder or a tarball$/,
    );
    await expect(invoke(verifierAddCommand, home)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('verifier list and verifier remove', () => {
  test('show the workspace and what is installed, two versions side by side, until it is removed', async () => {
    await invoke(verifierAddCommand, home, writeEcho('1.0.0'));
    await invoke(verifierAddCommand, home, writeEcho('1.1.0', wanted));
    const { json } = await invoke(verifierListCommand, home, '--json');
    expect(json.filter(({ origin }) => origin === 'workspace').map(({ id }) => id)).toEqual(
      expect.arrayContaining(['arc', 'countdown', 'zebra']),
    );
    expect(json.filter(({ id }) => id === 'echo')).toMatchObject([
      { kind: 'verifier', version: '1.1.0', origin: 'installed', permissions: wanted, granted: false, url: null },
      { kind: 'verifier', version: '1.0.0', origin: 'installed', permissions: nothing, granted: true, title: 'Echo' },
    ]);
    const { lines } = await invoke(verifierListCommand, home);
    expect(lines.find((line) => line.includes('1.1.0'))).toMatch(
      /^echo +1\.1\.0 +installed +[0-9a-f]{12} +easy, hard +\* ask https:\/\/echo\.example, read list\.txt, see ECHO_TOKEN +Echo$/,
    );
    await expect(invoke(verifierRemoveCommand, home, 'echo')).rejects.toThrow(
      'expected one of: echo@1.1.0, echo@1.0.0',
    );
    expect((await invoke(verifierRemoveCommand, home, 'echo@1.1.0')).lines).toEqual(['Removed echo 1.1.0']);
    expect((await invoke(verifierRemoveCommand, home, 'echo', '--json')).json).toMatchObject([
      { kind: 'removed', version: '1.0.0' },
    ]);
    await expect(invoke(verifierRemoveCommand, home, 'countdown')).rejects.toThrow(/is the workspace's own/);
    await expect(invoke(verifierRemoveCommand, home, 'echo')).rejects.toMatchObject({ code: 'verifier-unknown' });
  });

  test('a package that does not open is told, and the others are listed', async () => {
    await invoke(verifierAddCommand, home, writeEcho());
    writeFileSync(join(home, 'verifiers/echo/1.0.0/index.js'), 'export const nothing = 1;');
    mkdirSync(join(home, 'verifiers/torn/1.0.0'), { recursive: true });
    writeFileSync(join(home, 'verifiers/torn/1.0.0/package.json'), '{');
    const { json, status } = await invoke(verifierListCommand, home, '--json');
    expect(status).toBe(0);
    expect(json.filter(({ kind }) => kind === 'broken')).toMatchObject([
      { folder: join(home, 'verifiers/echo/1.0.0'), problem: expect.stringContaining('"echo"') },
      { folder: join(home, 'verifiers/torn/1.0.0'), problem: expect.stringContaining('is malformed') },
    ]);
    expect(json.filter(({ kind }) => kind === 'verifier').length).toBeGreaterThanOrEqual(3);
  });
});

describe('verifier grant', () => {
  test('shows what is asked and what is granted; grants nothing unasked; takes it back', async () => {
    await invoke(verifierAddCommand, home, writeEcho('1.0.0', wanted));
    await storeGrant(home, 'echo', '1.0.0', { ...nothing, read: ['list.txt'] });
    const shown = await invoke(verifierGrantCommand, home, 'echo');
    expect(shown.status).toBe(1);
    expect(shown.lines).toEqual([
      'echo 1.0.0 (Echo) asks to:',
      '  not granted  ask https://echo.example over the network, and tell it anything that it is scoring',
      '  granted      read the file list.txt of its package',
      '  not granted  see the environment variable ECHO_TOKEN',
      'Nothing was granted; to do it: evenkeel verifier grant echo@1.0.0 --yes',
    ]);
    const yes = await invoke(verifierGrantCommand, home, 'echo@1.0.0', '--yes');
    expect([yes.status, yes.lines.at(-1)]).toEqual([0, 'Granted.']);
    expect(yes.notes.join()).not.toContain('list.txt');
    expect(await granted()).toEqual(wanted);
    const { json } = await invoke(verifierGrantCommand, home, 'echo', '--json');
    expect(json).toEqual([{ kind: 'grant', id: 'echo', version: '1.0.0', wanted, missing: nothing, granted: true }]);
    expect((await invoke(verifierGrantCommand, home, 'echo', '--revoke')).lines).toEqual([
      'echo, in all versions, is granted nothing.',
    ]);
    expect(await granted()).toEqual(nothing);
    expect((await invoke(verifierGrantCommand, home, 'countdown')).lines).toEqual([
      expect.stringMatching(/^countdown .* asks for nothing: it only computes\.$/),
    ]);
  });
});

describe('openGranted()', () => {
  const invocation = (flags: Invocation['flags'] = {}, notes: string[] = []): Invocation => ({
    positionals: [],
    flags,
    json: false,
    home,
    print: () => {},
    printJson: () => {},
    note: (line) => void notes.push(line),
  });
  const says = (answer: string | null) => {
    const asked: string[] = [];
    const terminal: Terminal = {
      ask: async (question) => {
        asked.push(question);
        return answer;
      },
    };
    return { asked, terminal };
  };
  const readsList = { ...nothing, read: ['list.txt'] };

  test('asks in words on first use, stores a yes, and does not ask again for that version', async () => {
    const folder = writeEcho('1.0.0', readsList, 'Echo\u001b[2J\u202e');
    const { asked, terminal } = says('y');
    const verifier = await openGranted(folder, invocation(), { terminal });
    expect(await verifier.score([{ groundTruth: 'a', completion: 'a' }])).toMatchObject([{ reward: 1 }]);
    await verifier.close();
    expect(asked).toEqual([
      [
        'echo 1.0.0 (Echo\ufffd[2J\ufffd) asks for more than it was granted. It wants to',
        '  - read the file list.txt of its package',
        'Grant this, for this version, from now on? [y/N] ',
      ].join('\n'),
    ]);
    expect(await granted()).toEqual(readsList);
    await (await openGranted(folder, invocation(), { terminal })).close();
    expect(asked).toHaveLength(1);
    await (await openGranted(writeEcho('1.0.1', readsList), invocation(), { terminal })).close();
    expect(asked).toHaveLength(2);
  });

  test.each([[''], ['n'], ['yup'], [null]])(
    'takes %j for a no: nothing is stored, and it says what to type',
    async (answer) => {
      const { terminal } = says(answer);
      await expect(openGranted(writeEcho('1.0.0', readsList), invocation(), { terminal })).rejects.toThrow(
        'Cannot open verifier "echo": it asks for read (list.txt) without a grant, expected one: evenkeel verifier grant echo@1.0.0',
      );
      expect(await granted()).toEqual(nothing);
    },
  );

  test('fails on a machine without a terminal; --yes grants there, and says so', async () => {
    const folder = writeEcho('1.0.0', readsList);
    await expect(openGranted(folder, { ...invocation(), json: true })).rejects.toThrow(VerifierPermissionError);
    const notes: string[] = [];
    await (await openGranted(folder, invocation({ yes: true }, notes))).close();
    expect(notes).toEqual(['Granted to echo 1.0.0, and remembered: read the file list.txt of its package']);
    expect(await granted()).toEqual(readsList);
  });

  test('asks for the difference alone where a version asks for more than it was granted', async () => {
    await storeGrant(home, 'echo', '1.0.0', readsList);
    const { asked, terminal } = says('yes');
    const more = { ...readsList, env: ['ECHO_TOKEN'] };
    await (await openGranted(writeEcho('1.0.0', more), invocation(), { terminal })).close();
    expect(asked[0]).toContain('  - see the environment variable ECHO_TOKEN\n');
    expect(asked[0]).not.toContain('list.txt');
    expect(await granted()).toEqual(more);
  });

  test('what a permission allows is said in words', () => {
    expect(permissionLines({ net: [], read: ['/etc/words', 'a\nb'], env: [] })).toEqual([
      'read the file /etc/words',
      'read the file a\ufffdb of its package',
    ]);
  });
});
