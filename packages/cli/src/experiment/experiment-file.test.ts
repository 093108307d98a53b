import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planRuns } from '@evenkeel/experiment';
import { parseRunFile } from '@evenkeel/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExperimentFile } from './experiment-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-experiment-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = { name: 'small', methods: ['grpo'], steps: 2 };

async function read(value: unknown) {
  const path = join(folder, 'file.json');
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  return await readExperimentFile(path);
}

describe('readExperimentFile()', () => {
  test('reads the example of docs/configuration.md, whose runs are runs', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../../docs/configuration.md'), 'utf8');
    const [, example = ''] = /## A comparison[\s\S]*?```json\n([\s\S]*?)```/.exec(text) ?? [];
    const preset = await read(example);
    expect(preset.arms.map(({ name, draw }) => [name, draw])).toEqual([
      ['mt-grpo', 3],
      ['cispo', 3],
      ['wide', 3],
    ]);
    const runs = planRuns(preset);
    expect(runs.map(({ run }) => run).slice(0, 3)).toEqual(['family-mt-grpo-s0', 'family-cispo-s0', 'family-wide-s0']);
    for (const { file } of runs) {
      expect(parseRunFile(file)).toMatchObject({ steps: 45, tasks: ['countdown', 'zebra'] });
    }
  });

  test('fills in what is left out', async () => {
    const preset = await read(small);
    expect(preset).toMatchObject({ title: 'small', about: 'small', seeds: 5, threshold: 0.5, settings: {} });
    expect(preset.arms[0]!.about).not.toBe('');
  });

  const refused: [what: string, value: unknown, says: RegExp][] = [
    ['what is no JSON', '{', /^Cannot read experiment .*file\.json: .*JSON.*, expected a JSON file$/],
    ['an unknown field', { ...small, seed: 1 }, /: Unrecognized key: "seed"$/],
    ['no method', { ...small, methods: [] }, /: field "methods": /],
    ['an unknown method', { ...small, methods: ['ppo'] }, /^Cannot choose a method: "ppo" is unknown/],
    [
      'a method twice',
      { ...small, methods: ['grpo', 'grpo'] },
      /: method "grpo" is there twice, expected another name/,
    ],
    ['a name that no run can have', { ...small, name: 'A b' }, /: field "name": expected 1 to 20 lower-case letters/],
    [
      'parts that do not fit',
      { ...small, methods: [{ name: 'x', method: { name: 'dapo', filter: 'none' } }] },
      /^Cannot configure dapo: planner refill refills what the filter drops/,
    ],
    [
      'a setting that differs from run to run',
      { ...small, settings: { seed: 3 } },
      /: field "settings\.seed" is not for all runs, expected it left out$/,
    ],
    [
      'an unknown setting',
      { ...small, settings: { stepz: 3 } },
      /^Cannot read .*file\.json, settings: field "stepz" is unknown, expected one of /,
    ],
  ];
  test.each(refused)('refuses %s, and says where', async (_what, value, says) => {
    await expect(read(value)).rejects.toThrow(says);
  });
});
