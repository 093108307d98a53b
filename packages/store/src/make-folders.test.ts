import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolders } from './make-folders.ts';

const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-folders-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('makes what is missing, and says what that was', () => {
  const folder = join(scratch, 'a/b');
  expect(makeFolders(folder)).toEqual([join(scratch, 'a'), folder]);
  expect(statSync(folder).isDirectory()).toBe(true);
  expect(makeFolders(folder)).toEqual([]);
});

test('does not go through a file', () => {
  const file = join(scratch, 'file');
  writeFileSync(file, '');
  expect(() => makeFolders(file)).toThrow('EEXIST');
  expect(() => makeFolders(join(file, 'below'))).toThrow('ENOTDIR');
});

test.runIf(existsSync('/proc/self'))('ends where a file system takes no folder, and says ENOENT', () => {
  expect(() => makeFolders('/proc/evenkeel/store')).toThrow('ENOENT');
});
