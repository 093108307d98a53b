import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger as log } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFolder } from '../home-files.ts';
import { isLiving } from '../process/process-identity.ts';
import { runCommand } from '../process/run-command.ts';
import { freePort } from './free-port.ts';
import { ensureTemporalServer, type TemporalBinary } from './temporal-binary.ts';
import { startTemporalServer } from './temporal-server.ts';

const CHECKOUT_HOME = join(import.meta.dirname, '../../../.evenkeel');

describe('startTemporalServer()', async () => {
  let home: string;
  let binary: TemporalBinary;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'evenkeel-temporal-'));
    binary = await ensureTemporalServer({ home: CHECKOUT_HOME, log });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const operator = (address: string, ...args: string[]) =>
    runCommand(binary.path, ['operator', ...args, '--address', address, '--namespace', 'evenkeel', '-o', 'json']);
  const somePorts = async () => ({ frontend: await freePort([]), ui: await freePort([]) });

  test('a killed server comes back on the same ports with the same namespace, retention and search attributes', async () => {
    const first = await startTemporalServer({ binary, home, log, ports: await somePorts() });
    const before = JSON.parse((await operator(first.address, 'namespace', 'describe')).stdout);
    process.kill(first.identity.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });

    const second = await startTemporalServer({ binary, home, log });
    expect(second.ports).toEqual(first.ports);
    const after = JSON.parse((await operator(second.address, 'namespace', 'describe')).stdout);
    expect(after.namespaceInfo.id).toBe(before.namespaceInfo.id);
    expect(after.config.workflowExecutionRetentionTtl).toBe('315360000s');
    expect(Object.values(after.config.customSearchAttributeAliases).sort()).toEqual([
      'EvenkeelMethod',
      'EvenkeelPhase',
      'EvenkeelRun',
      'EvenkeelStep',
      'EvenkeelWorstAccuracy',
      'EvenkeelWorstTask',
    ]);
    expect((await fetch(second.ui)).status).toBe(200);
    await second.stop();
    expect(isLiving(second.identity)).toBe(false);
  });

  test('a port that somebody took since last time is chosen anew', async () => {
    const first = await startTemporalServer({ binary, home, log, ports: await somePorts() });
    await first.stop(0);
    const squatter = createServer().listen(first.ports.ui, '127.0.0.1');
    const second = await startTemporalServer({ binary, home, log });
    expect(second.ports.frontend).toBe(first.ports.frontend);
    expect(second.ports.ui).not.toBe(first.ports.ui);
    await second.stop(0);
    squatter.close();
  });

  test('a damaged file is set aside with its -wal, said so, and a new one is made', async () => {
    const said: string[] = [];
    const listening = { ...log, warn: (message: string) => said.push(message) };
    makeFolder(join(home, 'temporal'));
    writeFileSync(join(home, 'temporal', 'temporal.db'), 'half');
    writeFileSync(join(home, 'temporal', 'temporal.db-wal'), 'of it');
    const server = await startTemporalServer({ binary, home, log: listening, ports: await somePorts() });
    const aside = readdirSync(join(home, 'temporal')).filter((name) => /damaged-\w+(-wal)?$/.test(name));
    expect(aside.map((name) => name.replace(/\d{8}T\d{6}Z/, 'DATE')).sort()).toEqual([
      'temporal.db.damaged-DATE',
      'temporal.db.damaged-DATE-wal',
    ]);
    expect(readFileSync(join(home, 'temporal', aside.sort()[0]!), 'utf8')).toBe('half');
    expect(said[0]).toMatch(
      /^The Temporal server's file cannot be used \(file is not a database\): set aside as .*temporal\.db\.damaged-\d{8}T\d{6}Z, a new one is made; runs go on from what they committed$/,
    );
    await server.stop(0);
  });

  test('a sound file is kept though the record of its ports is damaged', async () => {
    const first = await startTemporalServer({ binary, home, log, ports: await somePorts() });
    const { stdout } = await operator(first.address, 'namespace', 'describe');
    await first.stop(0);
    writeFileSync(join(home, 'temporal', 'server.json'), '{"ports":{"front');
    const second = await startTemporalServer({ binary, home, log, ports: await somePorts() });
    const again = await operator(second.address, 'namespace', 'describe');
    expect(JSON.parse(again.stdout).namespaceInfo.id).toBe(JSON.parse(stdout).namespaceInfo.id);
    await second.stop(0);
  });

  test('the server ends when the process that started it is killed', async () => {
    const script = join(home, 'starter.ts');
    writeFileSync(
      script,
      `import { startTemporalServer } from ${JSON.stringify(join(import.meta.dirname, 'temporal-server.ts'))};
       const log = { debug() {}, info() {}, warn() {}, error() {} };
       await startTemporalServer({ binary: ${JSON.stringify(binary)}, home: ${JSON.stringify(home)}, log,
         ports: ${JSON.stringify(await somePorts())},
         onSpawn: (identity) => console.log(JSON.stringify(identity)) });
       process.kill(process.pid, 'SIGKILL');`,
    );
    const { stdout } = await runCommand(process.execPath, [script]);
    const identity = JSON.parse(stdout);
    for (let wait = 0; wait < 100 && isLiving(identity); wait++) await sleep(50);
    expect(isLiving(identity)).toBe(false);
    expect(existsSync(join(home, 'temporal', 'server.json'))).toBe(true);
  });
});
