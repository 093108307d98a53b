import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findingLines } from '../commands/doctor.ts';
import { plainPaint } from '../view/terminal-text.ts';
import { homeFinding, memoryFinding, nodeFinding, providerFinding } from './checks.ts';

describe('doctor', () => {
  test('an old Node, too little memory and a home below a file are missing, with what to do', () => {
    expect(nodeFinding('v20.19.0')).toMatchObject({ state: 'missing', wish: expect.stringContaining('npm run setup') });
    expect(nodeFinding('v26.1.0').state).toBe('ok');
    expect(memoryFinding(1.5e9, 4e9)).toMatchObject({ state: 'missing', found: '1.5 GB available of 4.0 GB' });
    expect(memoryFinding(2.5e9, 4e9).state).toBe('ok');
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-doctor-'));
    writeFileSync(join(folder, 'file'), '');
    expect(homeFinding(join(folder, 'file'))).toMatchObject({
      state: 'missing',
      wish: expect.stringContaining('--home'),
    });
    expect(homeFinding(join(folder, 'file', 'home'))).toMatchObject({
      state: 'missing',
      wish: expect.stringContaining('--home'),
    });
    expect(homeFinding(folder)).toEqual({ state: 'ok', found: folder });
    rmSync(folder, { recursive: true });
  });

  test('a device that is not there is not needed, but the CPU is; one that is says what it does', () => {
    const gone = { there: false, reason: 'Failed to get an adapter: none' } as const;
    expect(providerFinding('webgpu', gone)).toMatchObject({ state: 'optional', found: gone.reason });
    expect(providerFinding('cuda', gone).wish).toContain('install.js --onnxruntime-node-install=cuda12');
    expect(providerFinding('cpu', gone)).toMatchObject({ state: 'missing' });
    expect(providerFinding('cpu', { there: true, backends: ['cpu'] }).state).toBe('ok');
    expect(providerFinding('cuda', { there: true, backends: [] }).found).toContain('untried on a GPU');
  });

  test('what to do stands below what is missing', () => {
    expect(findingLines('disk', { state: 'missing', found: '1 kB free', wish: 'free some' }, plainPaint)).toEqual([
      'missing   disk                 1 kB free',
      '                               → free some',
    ]);
  });
});
