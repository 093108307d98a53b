/**
 * The escape corpus against the sandbox: as it is shipped, without vm2, and without vm2 but with the platform given back. The table
 * in docs/sandbox.md says what each layer holds, and is held against what happens here; `UPDATE_GOLDEN=1` writes it anew.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from '@evenkeel/verifier';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePackage } from '../test-fixtures/broken.ts';
import { asyncEntries } from '../test-fixtures/escapes/async/index.ts';
import { families } from '../test-fixtures/escapes/src/corpus.ts';
import type { BreakOut, Probe, World } from '../test-fixtures/escapes/src/probe.ts';
import { VerifierHostError } from './errors.ts';
import { openSandbox, type VerifierSandbox } from './sandbox.ts';
import type { Isolation } from './sandbox-messages.ts';

const fixtures = join(import.meta.dirname, '../test-fixtures/escapes');
const page = join(import.meta.dirname, '../../../docs/sandbox.md');
const modes: readonly Isolation[] = ['vm2', 'none', 'bare'];
const BEGIN = '<!-- corpus: written by escapes.process.test.ts -->';
const END = '<!-- end of corpus -->';
const VARIABLE = 'EVENKEEL_ESCAPE_CANARY';
const good: Verdict = { kind: 'scored', reward: 1, correct: true, formatted: true, answer: 'good', reason: 'correct' };

/** What an entry came to. */
interface Outcome {
  /** Its verdict in a word: `held`, a failure's code, a kind. */
  readonly verdict: string;
  /** What must not be possible and was. */
  readonly consequences: readonly string[];
  /** Whether the items around it got their verdicts. */
  readonly othersRight: boolean;
}

type Outcomes = ReadonlyMap<string, Outcome>;

let outside: Server;
let connections = 0;
let connectionsToSandbox = 0;
let folder: string;
let world: World;
const worlds = new Map<Isolation, World>();
const outcomes = new Map<Isolation, Outcomes>();

beforeAll(async () => {
  process.env[VARIABLE] = 'canary';
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-escapes-'));
  outside = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(outside, 'listening');
  const canaryFile = join(folder, 'canary.txt');
  writeFileSync(canaryFile, 'CANARY=canary\n');
  const canaryDatabase = join(folder, 'canary.db');
  const database = new DatabaseSync(canaryDatabase);
  database.exec("CREATE TABLE canary (value); INSERT INTO canary VALUES ('canary')");
  database.close();
  const { port } = outside.address() as AddressInfo;
  world = { canaryFile, canaryDatabase, folder, port, variable: VARIABLE, hostPid: process.pid };
  await Promise.all(
    modes.map(async (isolation) => {
      const own = join(folder, isolation);
      mkdirSync(own);
      worlds.set(isolation, { ...world, folder: own });
      outcomes.set(isolation, new Map([...(await runCorpus(isolation)), ...(await runAsync(isolation))]));
    }),
  );
  connectionsToSandbox = connections;
}, 240_000);

afterAll(async () => {
  delete process.env[VARIABLE];
  outside.close();
  rmSync(folder, { recursive: true });
});

async function runCorpus(isolation: Isolation): Promise<Outcomes> {
  const seen = new Map<string, Outcome>();
  const sandbox = await openSandbox({ verifier: fixtures, isolation, stallMs: 1000 });
  try {
    for (const [at, probe] of families.flatMap(({ probes }) => probes).entries()) {
      seen.set(probe.name, await ask(sandbox, isolation, probe.name));
      // An interruption: those that follow get a machine of their own.
      if (at % 10 === 9) await sandbox.score([submission(isolation, 'spin')]);
    }
  } finally {
    await sandbox.close();
  }
  return seen;
}

async function runAsync(isolation: Isolation): Promise<Outcomes> {
  const seen = new Map<string, Outcome>();
  for (const name of asyncEntries) {
    const own = writePackage(
      join(folder, `${isolation}-${name}`),
      [
        `import probe from ${JSON.stringify(join(fixtures, 'async', `${name}.ts`))};`,
        `import { verifierOf } from ${JSON.stringify(join(fixtures, 'src/verifier-of.ts'))};`,
        `export default verifierOf('broken', [probe]);`,
      ].join('\n'),
    );
    try {
      const sandbox = await openSandbox({ verifier: own, isolation, stallMs: 1000 });
      seen.set(name, await ask(sandbox, isolation, name));
      await sandbox.close();
    } catch (error) {
      if (!(error instanceof VerifierHostError)) throw error;
      const refused = /Async not available/.test(error.message);
      seen.set(name, { verdict: refused ? 'not loaded' : error.message, consequences: [], othersRight: true });
    }
  }
  return seen;
}

function submission(isolation: Isolation, completion: string) {
  return { groundTruth: { ...worlds.get(isolation)! }, completion };
}

/** The entry between two good items, and then what came of it late. */
async function ask(sandbox: VerifierSandbox, isolation: Isolation, name: string): Promise<Outcome> {
  const verdicts = await sandbox.score(
    ['good', name, 'late', 'good'].map((completion) => submission(isolation, completion)),
  );
  const [before, verdict, later, after] = verdicts as [Verdict, Verdict, Verdict, Verdict];
  return {
    verdict: wordFor(verdict),
    consequences: [...new Set([...gotBy(verdict), ...gotBy(later)])].sort(),
    othersRight: isGood(before) && isGood(after) && (gotBy(later).length > 0 || wordFor(later) === 'held'),
  };
}

const isGood = (verdict: Verdict): boolean => isDeepStrictEqual(verdict, good);

function gotBy(verdict: Verdict): string[] {
  if (verdict.kind !== 'failed' || !verdict.error.message.startsWith('GOT ')) return [];
  return verdict.error.message.slice(4).split('; ');
}

function wordFor(verdict: Verdict): string {
  if (verdict.kind === 'scored') return 'scored';
  return verdict.kind === 'abstained' ? verdict.reason : verdict.error.code;
}

function expected(probe: Probe): readonly string[] {
  return 'answer' in probe ? probe.becomes : ['held'];
}

describe.each(['vm2', 'none'] as const)('the sandbox, isolation %s', (isolation) => {
  test.each(families.map(({ title, probes }) => [title, probes] as const))(
    '%s: nothing comes of it',
    (_title, probes) => {
      const seen = outcomes.get(isolation)!;
      const found = probes.map(({ name }) => ({ name, ...seen.get(name)! }));
      expect(found.filter(({ consequences }) => consequences.length > 0)).toEqual([]);
      expect(found.filter(({ othersRight }) => !othersRight)).toEqual([]);
      const otherwise = probes.filter((probe) => !expected(probe).includes(seen.get(probe.name)!.verdict));
      expect(otherwise.map(({ name }) => ({ name, ...seen.get(name)! }))).toEqual([]);
    },
  );

  test('async code: nothing comes of it', () => {
    const seen = asyncEntries.map((name) => ({ name, ...outcomes.get(isolation)!.get(name)! }));
    expect(seen.filter(({ consequences, othersRight }) => consequences.length > 0 || !othersRight)).toEqual([]);
    // vm2 does not load it; the process runs it, and never comes to what it has put off.
    expect(new Set(seen.map(({ verdict }) => verdict))).toEqual(new Set([isolation === 'vm2' ? 'not loaded' : 'held']));
  });

  test('nothing was written', () => {
    expect(readdirSync(worlds.get(isolation)!.folder)).toEqual([]);
  });
});

describe('the sandbox without vm2 and with the platform given back', () => {
  test('the permission model leaves these, and nothing else', () => {
    const left = Object.fromEntries(
      [...outcomes.get('bare')!].flatMap(([name, { consequences }]) =>
        consequences.length === 0 ? [] : [[name, consequences.join(', ')]],
      ),
    );
    expect(left).toEqual({
      'ask-the-clock': 'reads the clock',
      'ask-the-system': 'learns facts of the machine',
      'ask-whether-a-file-is-there': 'learns which files exist',
      'attach-a-database': 'reads a database',
      'compile-a-string': 'compiles strings',
      'read-a-database': 'reads a database',
      'set-flags-of-the-engine': 'changes the engine’s flags',
      'signal-the-host': 'signals its process group',
      'write-a-database': 'writes a database',
      'write-into-a-host-prototype': 'writes into a shared prototype',
    });
  });

  test('only databases were written', () => {
    expect(readdirSync(worlds.get('bare')!.folder)).toEqual(['made.db']);
  });
});

test('nobody came through a socket, and the canaries are as they were', () => {
  expect(connectionsToSandbox).toBe(0);
  expect(readFileSync(world.canaryFile, 'utf8')).toBe('CANARY=canary\n');
  expect(existsSync(join(folder, 'written'))).toBe(false);
});

test('the same entries get out of a context of node:vm: the corpus can', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(fixtures, 'src/index.ts')],
    bundle: true,
    write: false,
    platform: 'neutral',
    format: 'iife',
    globalName: 'escapes',
  });
  const own = join(folder, 'context');
  mkdirSync(own);
  const script = `${outputFiles[0]!.text}
    (name, world) => escapes.default.score({ completion: name, groundTruth: world }).error?.message ?? ''`;
  const published = families.filter(({ title }) => title.startsWith('vm2: ')).flatMap(({ probes }) => probes);
  const names = published.filter((probe) => 'attempt' in probe).map(({ name }) => name);
  // Each in a context of its own, in a process of its own without any permission model.
  const program = `
    const { createContext, Script } = require('node:vm');
    const script = new Script(${JSON.stringify(script)});
    const out = (name) => {
      const context = createContext({ Buffer, console: { log() {}, error() {} }, setTimeout });
      try { return script.runInContext(context)(name, ${JSON.stringify({ ...world, folder: own })}); } catch { return ''; }
    };
    process.stdout.write(JSON.stringify(${JSON.stringify(names)}.filter((name) => /reads a file/.test(out(name)))), () => process.exit());`;
  const env = { [VARIABLE]: 'canary' };
  const { stdout } = spawnSync(process.execPath, ['-'], { env, input: program, encoding: 'utf8' });
  const gotOut = JSON.parse(stdout) as string[];
  expect(gotOut).toEqual(expect.arrayContaining(['constructor-of-the-global', 'nobody-for-this', 'shared-symbols']));
  expect(gotOut.length).toBeGreaterThanOrEqual(12);
});

test('the table in docs/sandbox.md says what happened', async () => {
  const entries: BreakOut[] = await Promise.all(
    asyncEntries.map(
      async (name) => ((await import(join(fixtures, 'async', `${name}.ts`))) as { default: BreakOut }).default,
    ),
  );
  const table = tableOf([...families, { title: 'Async code', probes: entries }]);
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(BEGIN) + BEGIN.length;
  const to = text.indexOf(END);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, `${text.slice(0, from)}\n\n${table}\n${text.slice(to)}`);
  else expect(cellsOf(text.slice(from, to)), 'UPDATE_GOLDEN=1 writes the table anew').toEqual(cellsOf(table));
});

/** The table without its layout, which the formatter chooses. */
function cellsOf(table: string): string[] {
  const lines = table.split('\n').map((line) =>
    line
      .replace(/\s*\|\s*/g, '|')
      .replace(/-+/g, '-')
      .trim(),
  );
  return lines.filter((line) => line !== '');
}

function tableOf(all: readonly { readonly title: string; readonly probes: readonly Probe[] }[]): string {
  const cell = (isolation: Isolation, name: string): string => {
    const { consequences } = outcomes.get(isolation)!.get(name)!;
    return consequences.length === 0 ? '—' : consequences.join(', ');
  };
  return all
    .map(({ title, probes }) =>
      [
        `### ${title}`,
        '',
        '| entry | published as | vm2 | idea | as shipped | without vm2 | platform given back |',
        '| --- | --- | --- | --- | --- | --- | --- |',
        ...probes.map(
          ({ name, advisory, versions, idea }) =>
            `| ${[name, advisory, versions, idea, ...modes.map((isolation) => cell(isolation, name))].join(' | ')} |`,
        ),
        '',
      ].join('\n'),
    )
    .join('\n');
}
