import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decideEngine, type Engine, engineChange, engineDifferences, engineNow, engineText } from './engine.ts';

const began: Engine = {
  ...{ evenkeel: '0.2.0', revision: 1, node: 26, onnxruntime: '1.30.0' },
  ...{ platform: 'linux-x64', instructions: 'avx512f', threads: 2 },
};
const other: Engine = { ...began, onnxruntime: '1.31.0', instructions: 'avx2-fma' };

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'evenkeel-engine-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function stand(run: string, step: number, checkpoint: number | null, redo: number): Promise<void> {
  const folder = join(home, 'runs', run, 'states');
  await mkdir(folder, { recursive: true });
  const state = {
    step,
    checkpoint: checkpoint === null ? null : { step: checkpoint },
    redo: Array.from({ length: redo }, () => ({})),
  };
  const record = { version: 1, step, config: {}, state };
  await writeFile(join(folder, `${String(step).padStart(6, '0')}.json`), JSON.stringify(record));
}

const decide = (run: string, record: object, accept = false, now = other) =>
  decideEngine({ home, record: { run, ...record }, accept, now });

describe("a run's engine", () => {
  test('has its device where that is not the CPU: on another one it is another engine', () => {
    const [cpu, gpu] = [began, { ...began, device: 'webgpu' } as const];
    expect(engineNow({ threads: 2, device: 'cpu' })).not.toHaveProperty('device');
    expect(engineNow({ threads: 2, device: 'webgpu' })).toMatchObject({ device: 'webgpu' });
    expect(engineText(gpu)).toContain('threads 2, device webgpu (');
    expect(engineDifferences(cpu, gpu)).toEqual(['device cpu → webgpu']);
    expect(engineDifferences(gpu, cpu)).toEqual(['device webgpu → cpu']);
  });

  test('is what this process has, and says so in one line', () => {
    const now = engineNow({ threads: 2, device: 'cpu' });
    expect(now.node).toBe(Number(process.versions.node.split('.')[0]));
    expect(now.onnxruntime).toMatch(/^\d+\.\d+\.\d+/);
    expect(engineText(began)).toBe(
      'numbers 1, onnxruntime 1.30.0, node 26, platform linux-x64, instructions avx512f, threads 2 (evenkeel 0.2.0)',
    );
  });

  test('of another version of Evenkeel with the same numbers is no other engine', async () => {
    expect(engineDifferences(began, { ...began, evenkeel: '0.9.1' })).toEqual([]);
    const decided = await decide('same', { engine: began }, false, { ...began, evenkeel: '0.9.1' });
    expect(decided).toMatchObject({ before: null, note: null });
  });

  test('that is another one is refused with the ways out', async () => {
    await stand('refused', 10, 10, 0);
    await expect(decide('refused', { engine: began })).rejects.toMatchObject({
      code: 'engine-differs',
      message:
        'Cannot go on with run "refused" under another engine (onnxruntime 1.30.0 → 1.31.0; instructions avx512f → avx2-fma): it may round differently, and the run would end with other weights than it began for, expected the engine that it began under; or --accept-engine, which is recorded as a change of the run',
    });
  });

  test('that is another one is taken where it is accepted and nothing is to be done again, and becomes a change', async () => {
    await stand('accepted', 9, 5, 4);
    await stand('accepted', 10, 10, 0);
    const decided = await decide('accepted', { engine: began }, true);
    expect(decided).toMatchObject({ engine: other, before: began });
    const change = { kind: 'engine', from: engineText(began), to: engineText(other) };
    expect(engineChange(began, other)).toEqual(change);
    expect(decided.note).toContain('from step 10');
  });

  test('cannot change where updates would have to be done again: the message leads to a branch from the checkpoint', async () => {
    await stand('open', 12, 10, 2);
    await expect(decide('open', { engine: began }, true)).rejects.toMatchObject({
      code: 'engine-differs',
      message: expect.stringMatching(
        /after step 12 it has 2 updates since its checkpoint at step 10.*evenkeel rollback open --to 10 --name open-again, then evenkeel train --run open-again$/,
      ),
    });
  });

  test('with other threads is another one, and the way back is said', async () => {
    await stand('threads', 10, 10, 0);
    await expect(decide('threads', { engine: began }, false, { ...began, threads: 4 })).rejects.toMatchObject({
      message: expect.stringMatching(/\(threads 2 → 4\).*expected the engine that it began under \(--threads 2\); or/),
    });
  });

  test('is recorded once more where a kill came between the acceptance and its record', async () => {
    await stand('pending', 11, 10, 1);
    const decided = await decide('pending', { engine: other, engineBefore: began });
    expect(decided).toMatchObject({ engine: other, before: began });
  });

  test('of a run from before engines were recorded is the present one, which is said', async () => {
    await stand('old', 3, null, 3);
    const decided = await decide('old', {});
    expect(decided).toMatchObject({ engine: other, before: null });
    expect(decided.note).toContain('does not say under which engine it began');
    expect(await decide('new', {})).toMatchObject({ engine: other, before: null, note: null });
  });

  test('of a branch is the one that it is made under, from a checkpoint only', async () => {
    await stand('origin', 10, 10, 0);
    await stand('origin', 12, 10, 2);
    const branch = (step: number) =>
      decideEngine({
        ...{ home, accept: false, origin: began, now: other },
        record: { run: `branch-${step}`, branch: { of: 'origin', step } },
      });
    expect(await branch(10)).toMatchObject({ engine: other, before: began });
    await expect(branch(12)).rejects.toMatchObject({ code: 'engine-differs' });
  });
});
