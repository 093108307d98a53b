import { methodSources, methods, resolveMethod, unavailableMethods } from '@evenkeel/algorithms';
import { expect, test } from 'vitest';
import { invoke } from './invoke.fixtures.ts';
import { methodsCommand } from './methods.ts';

test('methods lists each method with its parts and its source, and what no run can do', async () => {
  const { lines, status } = await invoke(methodsCommand, 'no-home');
  expect(status).toBe(0);
  expect(lines).toHaveLength(1 + Object.keys(methods).length + Object.keys(unavailableMethods).length);
  expect(lines[0]).toMatch(/^method\s+weighter\s+planner\s+filter\s+advantage\s+reward\s+loss\s+source$/);
  expect(lines).toContainEqual(
    expect.stringMatching(/^mt-grpo\s+iwu\s+rp-sampler\s+strict\s+grpo\s+verdict\s+clip\s+Multi-Task GRPO$/),
  );
  expect(lines).toContainEqual(expect.stringMatching(/^gspo\s.*clip, by sequence\s+GSPO .*\(secondary\)$/));
  expect(lines).toContainEqual(expect.stringMatching(/^disco\s.*\sdiscriminative\s+DisCO$/));
  expect(lines.at(-1)).toMatch(/^not yet: expo\. ExPO learns from explanations/);
});

test('methods NAME shows one, with its options, its paper and what was read', async () => {
  const { lines, status } = await invoke(methodsCommand, 'no-home', 'mt-grpo');
  expect(status).toBe(0);
  expect(lines).toContainEqual(expect.stringMatching(/^paper\s+Multi-Task GRPO, Algorithm 1 and 2, Subroutine 1$/));
  expect(lines).toContainEqual(expect.stringMatching(/^read\s+first-hand: .*rsshyam/));
  expect(lines).toContainEqual(expect.stringMatching(/^planner\s+rp-sampler \{"acceptanceAware":true,/));
  await expect(invoke(methodsCommand, 'no-home', 'mt-gpro')).rejects.toThrow(
    '"mt-gpro" is unknown, expected one of grpo',
  );
});

test('methods --json gives what a configuration may say', async () => {
  const { json } = await invoke(methodsCommand, 'no-home', '--json');
  const { weighter } = json.at(-1) as { weighter: string[] };
  for (const kind of weighter) {
    expect(resolveMethod('grpo', { weighter: kind }).weighter.kind).toBe(kind);
  }
  expect(json.find(({ name }) => name === 'sec-dapo')).toMatchObject({
    kind: 'method',
    weighter: { kind: 'sec' },
    source: methodSources['sec-dapo']!.source,
  });
  const options = json.find(({ kind }) => kind === 'options') as unknown as { advantage: Record<string, unknown> };
  expect(options.advantage['mc-grpo']).toEqual({ eps: 1e-3, rescale: false, meanWhereZero: false });
  expect(json.find(({ kind }) => kind === 'unavailable')).toMatchObject({ name: 'expo' });
});

test('methods NAME --json is that method alone', async () => {
  const { json } = await invoke(methodsCommand, 'no-home', 'drpo', '--json');
  expect(json).toHaveLength(1);
  expect(json[0]).toMatchObject({ kind: 'method', name: 'drpo', advantage: { kind: 'drpo', brevity: 0.1 } });
});
