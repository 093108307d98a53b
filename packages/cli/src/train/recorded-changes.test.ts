import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunChange, resolveRunConfig } from '@evenkeel/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { checkChanges, readChangesFile } from './recorded-changes.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-changes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(...lines: (object | string)[]): string {
  const path = join(folder, 'changes.jsonl');
  writeFileSync(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return path;
}

/** A line as `evenkeel changes --json` writes it. */
function line(number: number, step: number, change: RunChange): object {
  return { kind: 'change', run: 'other', version: 1, number, step, change };
}

describe('readChangesFile()', () => {
  test('takes what another run recorded, but for what only says when it was worked on', () => {
    const lambda: RunChange = { kind: 'set', settings: { lambda: 0.4 } };
    const path = write(
      line(1, 2, { kind: 'pause' }),
      line(2, 2, { kind: 'resume' }),
      line(3, 4, lambda),
      '',
      line(4, 4, { kind: 'retire-task', task: 'arc' }),
      line(5, 6, { kind: 'engine', from: 'a', to: 'b' }),
      line(6, 9, { kind: 'stop' }),
    );
    expect(readChangesFile(path)).toEqual([
      { step: 4, change: lambda },
      { step: 4, change: { kind: 'retire-task', task: 'arc' } },
      { step: 9, change: { kind: 'stop' } },
    ]);
  });

  test('refuses by its line what is no change, or is out of order', () => {
    expect(() => readChangesFile(join(folder, 'none.jsonl'))).toThrow(
      /^Cannot read changes .*none\.jsonl: there is no such file, expected one that evenkeel changes RUN --json wrote$/,
    );
    expect(() => readChangesFile(write('{'))).toThrow(/changes\.jsonl, line 1: .* expected lines of evenkeel changes/);
    expect(() => readChangesFile(write({ step: 1, change: { kind: 'paint' } }))).toThrow(/line 1: change\.kind: /);
    expect(() => readChangesFile(write(line(1, 5, { kind: 'stop' }), line(2, 4, { kind: 'stop' })))).toThrow(
      /line 2: it is of an earlier step than the line before/,
    );
  });
});

describe('checkChanges()', () => {
  test('follows the configuration: what one change brought, the next may take away, and nothing else', () => {
    const verifiers = ['countdown', 'arc'].map((id) => ({ id, levels: ['tiny'] }));
    const config = resolveRunConfig({ run: 'again', tasks: ['countdown', 'arc'], steps: 9 }, verifiers);
    const retire = (task: string, step: number) => ({ step, change: { kind: 'retire-task', task } as const });
    checkChanges(config, [retire('arc', 3), { step: 5, change: { kind: 'set', settings: { steps: 12 } } }]);
    expect(() => checkChanges(config, [retire('arc', 3), retire('arc', 4)])).toThrow(/it has no such task/);
    expect(() => checkChanges(config, [retire('arc', 3), retire('countdown', 4)])).toThrow(/it is the only one/);
  });
});
