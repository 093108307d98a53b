import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { FuzzCampaign } from '../fuzz/campaign.ts';
import { fuzzTaskOf, fuzzTasks } from '../fuzz/tasks.ts';
import { differenceOf, type PublishedTruth, publishedReward } from './published-rewards.ts';

interface GoldenCase {
  readonly name: string;
  readonly class: string;
  readonly task: string;
  readonly groundTruth: PublishedTruth & Json;
  readonly completion: string;
  readonly published: number;
}

const folder = import.meta.dirname;
const golden = JSON.parse(readFileSync(join(folder, 'published-rewards.golden.json'), 'utf8'));
const cases: readonly GoldenCase[] = golden.cases.map((row: GoldenCase) => ({
  ...row,
  completion: row.completion.replaceAll(/\u2045(.)\u2045(\d+)\u2046/g, (_, character, count) =>
    character.repeat(Number(count)),
  ),
}));

function rewardHere(task: string, groundTruth: Json, completion: string): number {
  const verdict = fuzzTaskOf(task).verifier.score({ groundTruth, completion });
  if (verdict.kind !== 'scored') throw new Error(`no reward: ${JSON.stringify(verdict)}`);
  return verdict.reward;
}

describe('the published rule', () => {
  test.each(cases.map((row) => [row.task, row.name, row] as const))(
    '%s, %s: the same reward, or another for its reason',
    (...[, , row]) => {
      const { task, groundTruth, completion, published } = row;
      const here = rewardHere(task, groundTruth, completion);
      if (row.class === 'same') expect(here).toBe(published);
      else {
        expect(here).not.toBe(published);
        expect(differenceOf(task, groundTruth, completion)).toBe(row.class);
      }
    },
  );

  test('is written twice alike: in Python with its own eval, and here', () => {
    const answers = cases.map((row) => publishedReward(row.task, row.groundTruth, row.completion));
    const unknown = cases.filter((_, at) => answers[at] === null).map(({ name }) => name);
    expect(unknown).toEqual(['a carriage return', 'nine thousand signs']);
    for (const [at, { name, task, published }] of cases.entries()) {
      if (answers[at] !== null) expect([task, name, answers[at]]).toEqual([task, name, published]);
    }
  });

  test.each(fuzzTasks)('and ours for %s differ by listed classes alone, on fuzzed completions', (task) => {
    const campaign = new FuzzCampaign(task, 7);
    let compared = 0;
    const seen = new Set<string>();
    for (let index = 0; index < 6000; index++) {
      const { submission, deserved } = campaign.caseOf(index);
      const { completion } = submission;
      const groundTruth = submission.groundTruth as unknown as PublishedTruth & Json;
      if (deserved === null || completion.length > 20_000) continue;
      const published = publishedReward(task, groundTruth, completion);
      if (published === null) continue;
      compared++;
      const here = rewardHere(task, groundTruth, completion);
      if (here === published) continue;
      const difference = differenceOf(task, groundTruth, completion);
      if (difference === null)
        expect({ here, published, groundTruth, completion }).toBe('the same, or of a listed class');
      seen.add(difference!);
    }
    expect(compared).toBeGreaterThan(5000);
    expect(seen.size).toBeGreaterThan(2);
  });
});

describe('docs/verdicts.md', () => {
  const text = readFileSync(join(folder, '../../docs/verdicts.md'), 'utf8');
  /** Rows of the table of differences: class, task, completion as JSON or a case's name, reward here, reward there. */
  const rows = [
    ...text.matchAll(/^\| `([a-z-]+)` +\| (\w+) +\| (?:`(".*?")`|_(.*?)_) +\| ([\d.]+) +\| ([\d.]+) +\|/gm),
  ].map(([, kind, task, completion, name, here, published]) => {
    const example = completion === undefined ? name : (JSON.parse(completion) as string);
    const row = cases.find(
      (one) =>
        one.task === task!.toLowerCase() &&
        one.class === kind &&
        (completion === undefined ? one.name : one.completion.trim()) === example,
    );
    return { kind, example, row, here: Number(here), published: Number(published) };
  });

  test('lists each class of differences, and no other', () => {
    const listed = new Set(rows.map(({ kind }) => kind));
    expect(listed).toEqual(new Set(cases.map((row) => row.class).filter((kind) => kind !== 'same')));
  });

  test.each(fuzzTasks)('and the README of %s name the same classes', (task) => {
    const readme = readFileSync(join(folder, `../../verifiers/${task}/README.md`), 'utf8');
    const section = readme.slice(readme.indexOf('## Where it differs from the published code'));
    const named = [...section.matchAll(/^- `([a-z]+(?:-[a-z]+)+)`:/gm)].map(([, kind]) => kind);
    const classes = cases.filter((row) => row.task === task && row.class !== 'same').map((row) => row.class);
    expect(new Set(named)).toEqual(new Set(classes));
  });

  test('gives examples that are as it says', () => {
    for (const { kind, example, row, here, published } of rows) {
      expect([kind, example, row?.published]).toEqual([kind, example, published]);
      const { task, groundTruth, completion } = row!;
      expect([kind, example, rewardHere(task, groundTruth, completion)]).toEqual([kind, example, here]);
    }
  });
});
