import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '@evenkeel/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identifyProcess } from '../process/process-identity.ts';
import { announcedWorkers, announceWorker } from './announced-workers.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'evenkeel-announced-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const worker = { role: 'rollout', url: 'ws://127.0.0.1:4001', worker: 'rollout-a' } as const;

describe('announceWorker()', () => {
  test('says who is where, in which version, as which process, until it is withdrawn', () => {
    const { path, withdraw } = announceWorker(home, worker);
    expect(announcedWorkers(home)).toEqual([
      { version: 1, ...worker, evenkeel: version, host: hostname(), ...identifyProcess(process.pid) },
    ]);
    withdraw();
    expect(announcedWorkers(home)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });
});

describe('announcedWorkers()', () => {
  /** Announces, and then changes what the file says. */
  function announceAs(changes: object): string {
    const { path } = announceWorker(home, worker);
    const other = path.replace('.json', `-${Object.keys(changes).join('-')}.json`);
    writeFileSync(other, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changes }));
    rmSync(path);
    return other;
  }

  test('takes away the file of a process of this machine that is gone, or of one whose number is another’s now', () => {
    const gone = announceAs({ startedAt: 'long ago' });
    expect(announcedWorkers(home)).toEqual([]);
    expect(existsSync(gone)).toBe(false);
  });

  test('keeps the file of another machine, of which nobody knows here', () => {
    announceAs({ host: 'elsewhere', startedAt: 'once', url: 'ws://10.0.0.7:4001' });
    expect(announcedWorkers(home).map(({ url }) => url)).toEqual(['ws://10.0.0.7:4001']);
  });

  test('reads one of a later version, which says more, and passes over what is no announcement', () => {
    announceAs({ evenkeel: '99.0.0', shoeSize: 44 });
    writeFileSync(join(home, 'workers', 'half.json'), '{"version":1,');
    writeFileSync(join(home, 'workers', 'other.json'), '{"version":2}');
    expect(announcedWorkers(home).map(({ evenkeel }) => evenkeel)).toEqual(['99.0.0']);
  });

  test('finds nobody in a home where nobody announced himself', () => {
    expect(announcedWorkers(home)).toEqual([]);
  });
});
