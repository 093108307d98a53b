import { methods, resolveMethod } from '@evenkeel/algorithms';
import { expect, test } from 'vitest';
import { invoke } from './invoke.fixtures.ts';
import { methodsCommand } from './methods.ts';

test('methods lists each method with its parts', async () => {
  const { lines, status } = await invoke(methodsCommand, 'no-home');
  expect(status).toBe(0);
  expect(lines).toHaveLength(1 + Object.keys(methods).length);
  expect(lines[0]).toMatch(/^method\s+weighter\s+planner\s+filter\s+advantage$/);
  expect(lines).toContainEqual(expect.stringMatching(/^mt-grpo\s+iwu\s+rp-sampler\s+strict\s+grpo$/));
});

test('methods --json gives what a configuration may say', async () => {
  const { json } = await invoke(methodsCommand, 'no-home', '--json');
  const { weighter } = json.at(-1) as { weighter: string[] };
  for (const kind of weighter) {
    expect(resolveMethod('grpo', { weighter: kind }).weighter.kind).toBe(kind);
  }
  expect(json.find(({ name }) => name === 'sec-dapo')).toMatchObject({ kind: 'method', weighter: { kind: 'sec' } });
});
