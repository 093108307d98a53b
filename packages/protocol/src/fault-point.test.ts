import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = new URL('./fault-point.ts', import.meta.url).href;

function reach(environment: Readonly<Record<string, string>>) {
  const text = `import { faultPoint } from ${JSON.stringify(MODULE)};
    for (const name of ['a/x', 'a/y', 'a/x', 'a/x']) { faultPoint(name); console.log(name); }`;
  const args = ['--input-type=module-typescript', '--eval', text];
  const { EVENKEEL_FAULT: _fault, EVENKEEL_FAULT_ONCE: _once, ...inherited } = process.env;
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { env: { ...inherited, ...environment } });
  return { signal, lines: stdout.toString().split('\n').filter(Boolean), errors: stderr.toString() };
}

test('faultPoint() does nothing without EVENKEEL_FAULT', () => {
  expect(reach({})).toMatchObject({ signal: null, lines: ['a/x', 'a/y', 'a/x', 'a/x'] });
});

test('faultPoint() kills the process at the named point, at the given count', () => {
  expect(reach({ EVENKEEL_FAULT: 'a/y' })).toMatchObject({ signal: 'SIGKILL', lines: ['a/x'] });
  expect(reach({ EVENKEEL_FAULT: 'a/x:2' })).toMatchObject({ signal: 'SIGKILL', lines: ['a/x', 'a/y'] });
  expect(reach({ EVENKEEL_FAULT: 'a/x:4' })).toMatchObject({ signal: null });
});

test('faultPoint() kills once over all processes with EVENKEEL_FAULT_ONCE', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-fault-'));
  const environment = { EVENKEEL_FAULT: 'a/x:1', EVENKEEL_FAULT_ONCE: join(folder, 'marker') };
  expect(reach(environment).signal).toBe('SIGKILL');
  expect(existsSync(environment.EVENKEEL_FAULT_ONCE)).toBe(true);
  expect(reach(environment)).toMatchObject({ signal: null, lines: ['a/x', 'a/y', 'a/x', 'a/x'] });
  rmSync(folder, { recursive: true });
});

test('faultPoint() refuses a count that is none', () => {
  expect(reach({ EVENKEEL_FAULT: 'a/x:0' }).errors).toContain(
    'Cannot read EVENKEEL_FAULT: it is "a/x:0", expected name, name:count or name:count=process',
  );
});

test('faultPoint() kills another process of the home, and goes on itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-fault-'));
  const other = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const ended = once(other, 'exit');
  writeFileSync(join(folder, 'processes.json'), JSON.stringify({ 'rollout-1': { pid: other.pid } }));
  const environment = { EVENKEEL_FAULT: 'a/z,a/x:2=nobody,a/y=rollout-1', EVENKEEL_FAULT_HOME: folder };
  expect(reach(environment)).toMatchObject({ signal: null, lines: ['a/x', 'a/y', 'a/x', 'a/x'] });
  expect(await ended).toEqual([null, 'SIGKILL']);
  rmSync(folder, { recursive: true });
});

test('faultPoint() counts a point only with a key that holds what is asked for', () => {
  const withKeys = { EVENKEEL_FAULT: 'a/x~shard-2:2' };
  const text = `import { faultPoint } from ${JSON.stringify(MODULE)};
    for (const key of ['run/shard-1', 'run/shard-2', 'run/shard-3', 'run/shard-2', 'run/shard-4']) { console.log(key); faultPoint('a/x', key); }`;
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', text], {
    env: { ...process.env, ...withKeys },
  });
  expect(signal).toBe('SIGKILL');
  expect(stdout.toString().split('\n').filter(Boolean)).toHaveLength(4);
});

test('faultPoint() keeps a thread from going on: for a time, for ever, by waiting or by an endless loop', () => {
  const startedAt = performance.now();
  expect(reach({ EVENKEEL_FAULT: 'a/y=sleep-300' })).toMatchObject({
    signal: null,
    lines: ['a/x', 'a/y', 'a/x', 'a/x'],
  });
  expect(performance.now() - startedAt).toBeGreaterThan(300);
  for (const action of ['sleep', 'hang']) {
    const text = `import { faultPoint } from ${JSON.stringify(MODULE)}; console.log('there'); faultPoint('a/x'); console.log('beyond');`;
    const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', text], {
      env: { ...process.env, EVENKEEL_FAULT: `a/x=${action}` },
      timeout: 1_000,
      killSignal: 'SIGKILL',
    });
    expect([signal, stdout.toString()]).toEqual(['SIGKILL', 'there\n']);
  }
});
