import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const MODULE = new URL('./leave-hung.ts', import.meta.url).href;

/** Runs a text that calls `leaveHung()`. */
function leave(text: string) {
  const source = `import { leaveHung } from ${JSON.stringify(MODULE)}; ${text}; setTimeout(leaveHung, 100);`;
  const args = ['--input-type=module-typescript', '--eval', source];
  const { status, signal } = spawnSync(process.execPath, args, { timeout: 60_000 });
  return { status, signal };
}

test('leaveHung() exits with 86, also where a thread is in an endless loop or waits for ever', () => {
  const thread = (text: string) =>
    `import { Worker } from 'node:worker_threads'; new Worker(${JSON.stringify(text)}, { eval: true })`;
  expect(leave('')).toEqual({ status: 86, signal: null });
  expect(leave(thread('for (;;);'))).toEqual({ status: 86, signal: null });
  expect(leave(thread('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'))).toEqual({
    status: 86,
    signal: null,
  });
});

test('leaveHung() ends a process whose native call does not come back, which no exit could', () => {
  const native = `import { pbkdf2 } from 'node:crypto'; pbkdf2('a', 'b', 2_000_000_000, 32, 'sha512', () => {})`;
  expect(leave(native)).toEqual({ status: null, signal: 'SIGKILL' });
});
