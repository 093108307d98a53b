/** `verifier new` and `verifier test`: what the one makes passes the other, and what is then broken in it is found and told. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PromptStyle, PuzzleQuery, Submission } from '@evenkeel/verifier';
import { installVerifier } from '@evenkeel/verifier-host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import template from '../verifiers/scaffold/typescript/src/index.ts';
import { type Invoked, invoke } from './invoke.fixtures.ts';
import { verifierNewCommand } from './verifier-new.ts';
import { verifierTestCommand } from './verifier-test.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../../..');
const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-new-'));
const home = join(scratch, 'home');
const words = join(scratch, 'words');

beforeAll(async () => {
  await invoke(verifierNewCommand, home, 'words', '--dir', scratch);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function testOf(folder: string, ...args: string[]): Promise<Invoked> {
  return await invoke(verifierTestCommand, home, folder, '--puzzles', '2', '--fuzzed', '5', ...args);
}

let copies = 0;

/** A copy of the new package, changed: each text of a file in place of another. */
function changed(changes: Readonly<Record<string, readonly [from: string, to: string][]>>): string {
  const folder = join(scratch, `copy-${copies++}`);
  cpSync(words, folder, { recursive: true });
  for (const [file, pairs] of Object.entries(changes)) {
    for (const [from, to] of pairs) {
      const text = readFileSync(join(folder, file), 'utf8');
      expect(text, `${file} holds ${from}`).toContain(from);
      writeFileSync(join(folder, file), text.replaceAll(from, to));
    }
  }
  return folder;
}

const door = 'src/index.js';
const raised: readonly [string, string][] = [["version: '1.0.0'", "version: '1.1.0'"]];

describe('evenkeel verifier new', () => {
  test('makes a JavaScript package that conforms, passes its own tests and type checks, anywhere', async () => {
    const { lines, status } = await testOf(words);
    expect(lines[0]).toMatch(/^words 1\.0\.0 \(.*\): 0 errors, 0 warnings$/);
    expect(status).toBe(0);
    await run(process.execPath, ['--test'], { cwd: words });
    await run(join(root, 'node_modules/.bin/tsc'), ['-p', words]);
  });

  test('makes one whose types are checked: a misspelt field of the contract is an error of the compiler', async () => {
    const folder = changed({ [door]: [['formatted: reward > 0', 'formated: reward > 0']] });
    const checking = run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]);
    await expect(checking).rejects.toMatchObject({ stdout: expect.stringMatching(/index\.js.*formated/) });
  });

  test('makes a TypeScript package that does the same', async () => {
    const { json } = await invoke(verifierNewCommand, home, 'letters', '--ts', '--dir', scratch, '--json');
    const folder = join(scratch, 'letters');
    expect(json).toEqual([
      { kind: 'made', name: 'letters', folder, files: expect.arrayContaining(['src/index.ts', 'golden.json']) },
    ]);
    expect((await testOf(folder)).status).toBe(0);
    await run(process.execPath, ['--test'], { cwd: folder });
    await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]);
  });

  test('makes one that npm packs and a home installs', async () => {
    await run('npm', ['pack', '--pack-destination', scratch], { cwd: words });
    const tarball = join(scratch, 'evenkeel-verifier-words-1.0.0.tgz');
    expect(await installVerifier(tarball, { home })).toMatchObject({ reference: 'words@1.0.0', state: 'added' });
    const { json } = await testOf('words@1.0.0', '--json');
    expect(json).toMatchObject([{ kind: 'result', verifier: 'words', version: '1.0.0', errors: 0, warnings: 0 }]);
  });

  test('refuses a bad name, a folder that is there, and the name of a verifier that is there', async () => {
    const refusal = async (...args: string[]) =>
      await invoke(verifierNewCommand, home, ...args).then(
        () => '',
        ({ code, message }) => `${code}: ${message}`,
      );
    const before = readdirSync(scratch);
    expect(await refusal('My Words', '--dir', scratch)).toMatch(
      /^usage: Cannot read NAME: it is "My Words", expected kebab-case/,
    );
    expect(await refusal('home', '--dir', scratch)).toMatch(
      /^verifier-exists: Cannot make verifier "home": .* is there already, expected a new folder; give another name or --dir$/,
    );
    expect(await refusal('zebra', '--dir', scratch)).toMatch(
      /there is one of this name in .*zebra, expected another name$/,
    );
    expect(await refusal('words', '--dir', home)).toMatch(
      /there is one of this name in .*words.*, expected another name$/,
    );
    expect(await refusal('more', '--js', '--ts')).toMatch(
      /^usage: Cannot choose a language: --js and --ts are both given/,
    );
    expect(readdirSync(scratch)).toEqual(before);
  });
});

describe('evenkeel verifier test', () => {
  test.each(['countdown', 'zebra', 'arc'])('finds nothing in %s', async (task) => {
    const { lines, status } = await invoke(verifierTestCommand, home, task, '--puzzles', '8', '--fuzzed', '500');
    expect(lines[0]).toMatch(new RegExp(`^${task} \\d+\\.\\d+\\.\\d+ \\(.*\\): 0 errors, 0 warnings$`));
    expect(status).toBe(0);
  });

  test('tells a finding like a linter: check, place, what was seen, what was expected, what to do', async () => {
    const folder = changed({
      [door]: [['return boxed(winnerOf(data.players), style)', "return boxed({ name: 'zoe', points: 0 }, style)"]],
    });
    const { lines, status } = await testOf(folder);
    expect(status).toBe(1);
    const at = lines.indexOf('error gold-is-right: a gold answer scores the largest reward');
    expect(lines.slice(at + 1, at + 3)).toEqual([
      expect.stringMatching(/^ {2}level tiny, split train, seed 0, index 0 · chat · "\\\\boxed\{Zoe\}"$/),
      '  score() gave reward 0.1 (not-a-name), expected reward 1',
    ]);
    expect(lines).toContain('  → mend gold() or score(): one of them has the wrong answer');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}and \d+ more like these$/));
    expect(lines).toContainEqual(expect.stringMatching(/^words 1\.0\.0 \(.*\): \d+ errors, 0 warnings$/));
  });

  test('gives the same as JSON lines', async () => {
    const folder = changed({ 'package.json': [['"license": "MIT",', '']] });
    const { json, status } = await testOf(folder, '--json');
    expect(status).toBe(1);
    expect(json).toEqual([
      {
        kind: 'finding',
        check: 'package-license',
        severity: 'error',
        message: 'license is missing',
        expected: 'the name of a license',
        mend: 'write "license": "MIT", or another',
        file: 'package.json',
      },
      expect.objectContaining({
        kind: 'result',
        verifier: 'words',
        version: '1.0.0',
        puzzles: 18,
        errors: 1,
        warnings: 0,
      }),
    ]);
  });

  test('finds what is wrong with the package: name, version, module, files, README', async () => {
    const folder = changed({
      'package.json': [
        ['"version": "1.0.0"', '"version": "1.0.1"'],
        ['"type": "module",', ''],
        ['"src",', '"lib",'],
      ],
    });
    rmSync(join(folder, 'README.md'));
    const { json } = await testOf(folder, '--json');
    const places = json.slice(0, -1).map(({ check, file, line }) => [check, file, line]);
    expect(places).toEqual([
      ['package-version', 'package.json', 7],
      ['package-module', 'package.json', undefined],
      ['package-files', 'package.json', expect.any(Number)],
      ['package-readme', undefined, undefined],
    ]);
  });

  test.each<[string, readonly [string, string], object]>([
    [
      'a module of the platform',
      ['import { drawInSplit', "import { readFileSync } from 'node:fs';\nimport { drawInSplit"],
      { check: 'package-bundles', message: 'imports "node:fs"', file: door, line: 6 },
    ],
    [
      'a text that is no JavaScript',
      ['export default verifier;', 'export default ;'],
      { check: 'package-bundles', file: door },
    ],
    [
      'a module that throws when it is loaded',
      ['export default verifier;', '\nconst none = undefined;\nnone.map(String);\nexport default verifier;'],
      { check: 'package-loads', message: expect.stringContaining('undefined'), file: door, line: 89 },
    ],
    [
      'another id than its name',
      ["id: 'words'", "id: 'sentences'"],
      { check: 'package-name', message: 'its manifest has the id "sentences"' },
    ],
    [
      'a manifest with an unknown field',
      ["sdk: '^1',", "sdk: '^1', author: 'me',"],
      { check: 'manifest', message: expect.stringContaining('author') },
    ],
  ])('tells where a package that does not open is at fault: %s', async (_, change, finding) => {
    const { json, status } = await testOf(changed({ [door]: [[...change]] }), '--json');
    expect(json).toMatchObject([
      { kind: 'finding', severity: 'error', ...finding },
      { kind: 'result', errors: 1 },
    ]);
    expect(status).toBe(1);
  });

  test('finds a throw, a call that does not end, and a reward outside the scale, each with its text', async () => {
    const folder = changed({
      [door]: [
        [
          "if (answer === '') return",
          "if (answer === '１２') for (;;);\n    if (answer === '1e999') throw new Error('too large');\n    if (answer === '0x10') return { ...verdict(0.1, answer, 'x'), reward: 0.5 };\n    if (answer === '') return",
        ],
        ['timeMs: 1000', 'timeMs: 50'],
      ],
    });
    const { json } = await testOf(folder, '--json');
    const found = json.filter(({ check }) => check !== 'slow' && check !== undefined);
    expect(found).toMatchObject([
      { check: 'within-limits', expected: 'at most 50 ms and 64 MB', completion: '"\\\\boxed{１２}"' },
      { check: 'never-throws', message: expect.stringContaining('too large'), completion: '"\\\\boxed{1e999}"' },
      { check: 'reward-scale', completion: '"\\\\boxed{0x10}"' },
    ]);
  });

  test('keeps a version to what it generates: a change needs a higher one', async () => {
    const folder = changed({ [door]: [['Who has the most?', 'Who has most?']] });
    const recorded = readFileSync(join(folder, 'golden.json'), 'utf8');
    expect((await testOf(folder, '--json')).json).toMatchObject([
      { check: 'golden-changed', message: expect.stringContaining('at levels tiny, easy, hard') },
      { kind: 'result', errors: 1 },
    ]);
    await expect(testOf(folder, '--update-golden')).rejects.toThrow(
      /holds another digest for version 1\.0\.0, expected a higher version/,
    );
    expect(readFileSync(join(folder, 'golden.json'), 'utf8')).toBe(recorded);

    const next = changed({ [door]: [['Who has the most?', 'Who has most?'], ...raised] });
    writeFileSync(
      join(next, 'package.json'),
      readFileSync(join(next, 'package.json'), 'utf8').replace('"version": "1.0.0"', '"version": "1.1.0"'),
    );
    expect((await testOf(next, '--json')).json).toMatchObject([
      {
        check: 'golden-missing',
        mend: expect.stringMatching(/^run: evenkeel verifier test .*copy-\d+ --update-golden$/),
      },
      { kind: 'result', errors: 1 },
    ]);
    expect(await testOf(next, '--update-golden')).toMatchObject({
      status: 0,
      notes: ['Wrote golden.json of version 1.1.0'],
    });
    expect(JSON.parse(readFileSync(join(next, 'golden.json'), 'utf8'))).toMatchObject({ version: '1.1.0' });
  });

  test('runs nothing that was not granted, and with --yes what asks for more', async () => {
    const folder = changed({ [door]: [['env: []', "env: ['WORDS_TOKEN']"]] });
    await expect(testOf(folder)).rejects.toMatchObject({
      code: 'verifier-permission',
      message: expect.stringContaining('WORDS_TOKEN'),
    });
    expect((await testOf(folder, '--yes')).status).toBe(0);
  });

  test('tests a task that is an endpoint, where it draws puzzles', async () => {
    let draws = true;
    const server = createServer(async (request, response) => {
      const body = (await Array.fromAsync(request as AsyncIterable<Buffer>)).join('');
      const answer = answerOf(request.url ?? '', body === '' ? {} : JSON.parse(body), draws);
      response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? { error: { code: 'not-found', message: 'not here' } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const folder = join(scratch, 'remote');
    mkdirSync(folder);
    const manifest = { ...template.manifest, permissions: { net: [url], read: [], env: [] } };
    const verifier = { url, id: 'template-task', manifest };
    const json = { name: 'verifier-template-task', version: '1.0.0', license: 'MIT', evenkeel: { verifier } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(json));
    writeFileSync(join(folder, 'README.md'), '# An endpoint');
    try {
      const { lines, status } = await testOf(folder, '--yes', '--update-golden');
      expect(lines).toEqual([
        expect.stringMatching(/^template-task 1\.0\.0 .*: 0 errors, 0 warnings$/),
        expect.stringMatching(/^18 puzzles, 5 texts beside the hostile ones, over HTTP; /),
      ]);
      expect(status).toBe(0);
      draws = false;
      await expect(testOf(folder)).rejects.toThrow(
        /^Cannot test verifier "template-task": its endpoint draws no puzzles, expected one that does/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

interface DrawBody {
  readonly queries: readonly PuzzleQuery[];
  readonly style: PromptStyle;
  readonly gold?: number;
  readonly decoy?: number;
}

/** The template's task behind the protocol; null for what it does not have. */
function answerOf(url: string, body: unknown, draws: boolean): unknown {
  if (url.endsWith('/score-batch')) {
    return { verdicts: (body as { items: Submission[] }).items.map((item) => template.score(item)) };
  }
  if (!url.endsWith('/draw')) return template.manifest;
  if (!draws) return null;
  const { queries, style, gold, decoy } = body as DrawBody;
  const puzzles = queries.map((query) => {
    const puzzle = template.generate(query);
    return {
      puzzle,
      prompt: template.prompt(puzzle, style),
      ...(gold === undefined ? {} : { gold: template.gold(puzzle, style, gold) }),
      ...(decoy === undefined ? {} : { decoy: template.decoy(puzzle, style, decoy) }),
    };
  });
  return { puzzles };
}
