/** Prompt sets from file to policy, on the real verifiers and the shipped model. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promptSplit } from '@evenkeel/activities';
import { decodePrompts, openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFlags } from '../command.ts';
import { dataImportCommand } from './data-import.ts';
import { dataListCommand } from './data-list.ts';
import { evaluateCommand } from './evaluate.ts';
import { type Invoked, invoke } from './invoke.fixtures.ts';
import { verifierGenerateCommand } from './verifier-generate.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-data-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function file(name: string, rows: readonly unknown[]): string {
  const path = join(home, name);
  writeFileSync(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return path;
}

/** In the form of the published test sets. */
function published(index: number, level = 'easy') {
  const numbers = [8, 73, index];
  const prompt = `Using the numbers [${numbers}], create an equation that equals ${81 + index}.`;
  return { task: 'countdown', level, prompt, groundTruth: { target: 81 + index, numbers } };
}

const importing = async (...args: string[]): Promise<Invoked> => await invoke(dataImportCommand, home, ...args);
const refusal = async (invoked: Promise<unknown>): Promise<string> =>
  await invoked.then(
    () => '',
    (error: Error) => error.message,
  );

describe('data import', () => {
  test('makes a prompt set of a published file, by level and split; the rows lie in the store as they stand', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => published(index + 1, index % 2 === 0 ? 'easy' : 'very_hard'));
    const { json } = await importing(file('published.jsonl', rows), '--name', 'published', '--json');
    const count = (level: string, split: string) =>
      rows.filter((row) => row.level === level && promptSplit(row.prompt) === split).length;
    expect(json).toMatchObject([
      {
        ...{ kind: 'prompt-set', name: 'published', state: 'added', rows: 60, duplicates: [], tooLong: [] },
        counts: ['easy', 'very_hard'].map((level) => ({
          ...{ verifier: 'countdown', level },
          train: count(level, 'train'),
          tune: count(level, 'tune'),
          heldout: count(level, 'heldout'),
        })),
      },
    ]);
    const record = JSON.parse(readFileSync(join(home, 'prompt-sets', 'published.json'), 'utf8'));
    const store = await openFolderStore(join(home, 'store'));
    const kept = decodePrompts(await store.get(record.rows));
    await store.close();
    expect(
      kept.map(({ prompt, groundTruth, level }) => ({ prompt, level, groundTruth: JSON.parse(groundTruth) })),
    ).toEqual(rows.map(({ prompt, groundTruth, level }) => ({ prompt, level, groundTruth })));
  });

  test('imports nothing where a row is wrong, and names each line: form, verifier and ground truth', async () => {
    const good = published(5);
    const path = file('bad.jsonl', [
      good,
      'not JSON',
      { ...good, groundTruth: { target: 3 } },
      { ...good, prompt: '' },
      '',
      { prompt: 'p', groundTruth: {} },
      { ...good, task: 'chess' },
      { ...good, groundTruth: undefined },
    ]);
    const json: Record<string, unknown>[] = [];
    const message = await refusal(invoke(dataImportCommand, home, path, '--name', 'bad'));
    expect(message).toMatch(
      /^Cannot import .*bad\.jsonl: 6 of 7 rows are wrong, the first is .*bad\.jsonl:2: it is not JSON, expected every row .*; nothing was imported$/,
    );
    const { values, positionals } = parseFlags(dataImportCommand, [path, '--name', 'bad', '--json']);
    const silent = { print: () => {}, note: () => {} };
    const invocation = { ...silent, positionals, flags: values as never, json: true, home };
    await refusal(dataImportCommand.run({ ...invocation, printJson: (value) => void json.push(value as never) }));
    expect(json.map(({ line }) => line)).toEqual([2, 3, 4, 6, 7, 8]);
    expect(json.map(({ message: told }) => told)).toEqual([
      'it is not JSON',
      expect.stringMatching(/^"countdown" does not accept its ground truth: /),
      expect.stringMatching(/^prompt: /),
      'it names no task',
      expect.stringMatching(/^no verifier is named "chess", expected one of arc, countdown, zebra; .*--task ID$/),
      'groundTruth: is missing',
    ]);
    expect((await invoke(dataListCommand, home, '--json')).json.map(({ name }) => name)).not.toContain('bad');
  });

  test('takes a plain file for the task and the level that it is told, and a row that stands there twice once', async () => {
    const { prompt, groundTruth } = published(9);
    const path = file('plain.jsonl', [
      { prompt, groundTruth, task: 'arithmetic' },
      { prompt, groundTruth },
      { prompt, groundTruth: { target: 1, numbers: [1] } },
    ]);
    const args = [path, '--name', 'plain', '--task', 'countdown', '--level', 'mine'];
    const { json } = await importing(...args, '--json');
    expect(json).toMatchObject([
      {
        ...{ rows: 2, duplicates: [{ line: 2, of: 1 }], contradictions: [{ line: 3, of: 1 }] },
        counts: [{ verifier: 'countdown', level: 'mine' }],
      },
    ]);
    const { notes } = await importing(...args);
    expect(notes).toEqual([
      'Prompt set "plain" held these very rows already',
      expect.stringMatching(/^1 rows of .* stand there twice and were taken once: lines 2 \(of 1\)$/),
      expect.stringMatching(/^1 rows have the prompt of another and a ground truth of their own: lines 3 \(of 1\)$/),
    ]);
  });

  test('leaves out what a model cannot hold, where it is asked to', async () => {
    const long = { ...published(3), prompt: `${'word '.repeat(200)}3` };
    const path = file('long.jsonl', [{ ...published(2), prompt: 'make 3 from 1 2 :' }, long]);
    const { json } = await importing(path, '--name', 'fitting', '--fit', 'tiny', '--json');
    expect(json).toMatchObject([{ rows: 1, tooLong: [2] }]);
    expect(await refusal(importing(file('longer.jsonl', [long]), '--name', 'none', '--fit', 'tiny'))).toContain(
      'all of its 1 prompts are longer than 127 tokens',
    );
  });

  test('does not put other rows under a name that is taken, unless it is told to', async () => {
    const other = file('other.jsonl', [published(77)]);
    expect(await refusal(importing(other, '--name', 'published'))).toMatch(
      /prompt set "published" is there already with 60 other rows \(from .*published\.jsonl\), expected a new name, or --replace$/,
    );
    const path = file('once.jsonl', [published(50)]);
    await importing(path, '--name', 'twice');
    const { json } = await importing(other, '--name', 'twice', '--replace', '--json');
    expect(json).toMatchObject([{ state: 'replaced', rows: 1 }]);
  });

  test('says what is wrong with its arguments', async () => {
    expect(await refusal(importing('x.jsonl'))).toBe(
      'Cannot import: --name is missing, expected a name for the prompt set',
    );
    expect(await refusal(importing('x.jsonl', '--name', 'My Set'))).toMatch(/^Cannot read --name: it is "My Set", /);
    expect(await refusal(importing(join(home, 'none.jsonl'), '--name', 'x'))).toMatch(
      /^Cannot read prompts .*none\.jsonl: .*, expected a file of JSON lines$/,
    );
    expect(await refusal(importing(file('empty.jsonl', []), '--name', 'x'))).toContain('it has no rows');
  });
});

describe('evaluate with a prompt set', () => {
  beforeAll(async () => {
    const rows = (await invoke(verifierGenerateCommand, home, 'countdown', '--count', '120')).json;
    await importing(file('compact.jsonl', rows), '--name', 'compact');
  });

  test('scores the rows of a split, the same as a task that takes its puzzles from the set', async () => {
    const byName = await invoke(evaluateCommand, home, 'tiny', '--prompts', 'compact', '--json');
    const byTask = await invoke(evaluateCommand, home, 'tiny', '--tasks', 'countdown=compact', '--json');
    const [own] = byName.json as [Record<string, unknown>];
    expect(own.total).toBeGreaterThan(4);
    expect(byTask.json[0]).toEqual({ ...own, task: 'countdown-compact' });
    const all = await invoke(evaluateCommand, home, 'tiny', '--prompts', 'compact', '--split', 'all', '--json');
    expect(all.json[0]).toMatchObject({ task: 'countdown', total: 120, failed: 0 });
    const some = ['--prompts', 'compact', '--split', 'train', '--prompts-per-task', '7', '--json'];
    expect((await invoke(evaluateCommand, home, 'tiny', ...some)).json[0]).toMatchObject({ total: 7 });
  });

  test('refuses what the model cannot hold, sets that are not there, and all of what has no end', async () => {
    expect(await refusal(invoke(evaluateCommand, home, 'tiny', '--prompts', 'nowhere'))).toMatch(
      /neither such a file nor a prompt set of this name, expected a file of JSON lines or one of the sets \(compact, /,
    );
    expect(await refusal(invoke(evaluateCommand, home, 'tiny', '--tasks', 'countdown=nowhere'))).toMatch(
      /there is no prompt set "nowhere", expected one of compact, .*; or one to be made by evenkeel data import FILE.jsonl --name nowhere$/,
    );
    expect(await refusal(invoke(evaluateCommand, home, 'tiny', '--split', 'all'))).toContain('--split');
    const long = Array.from({ length: 40 }, (_, index) => ({
      ...published(index),
      prompt: 'word '.repeat(200 + index),
    }));
    await importing(file('all-long.jsonl', long), '--name', 'long');
    expect(await refusal(invoke(evaluateCommand, home, 'tiny', '--prompts', 'long', '--split', 'all'))).toMatch(
      /^Cannot evaluate: 40 of 40 prompts are too long for the model's context of 128 tokens \(the longest has /,
    );
  });
});

test('data list tells each set by level and split', async () => {
  const { lines } = await invoke(dataListCommand, home);
  expect(lines[0]).toMatch(/^set +verifier +level +train +tune +heldout +imported +sha256$/);
  expect(lines.some((line) => /^published +countdown +easy +\d+ +\d+ +\d+ +20/.test(line))).toBe(true);
  const nowhere = await invoke(dataListCommand, join(home, 'nowhere'));
  expect(nowhere.lines).toEqual([]);
  expect(nowhere.notes.join()).toContain('evenkeel data import FILE.jsonl --name NAME');
});
