import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentLogger as log } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databaseFile, examineDatabase, setAsideDamaged } from './database-file.ts';

let home: string;
let file: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'evenkeel-database-'));
  mkdirSync(join(home, 'temporal'));
  file = databaseFile(home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The server's file as a kill leaves it, with a `-wal` that is not taken over, or is up to half of its frames. */
function serverFile({ takenOver = false, inPlace = false } = {}): void {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-database-'));
  const made = join(folder, 'temporal.db');
  const database = new DatabaseSync(made);
  database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;
    CREATE TABLE namespaces (name TEXT PRIMARY KEY, changed TEXT); INSERT INTO namespaces VALUES ('evenkeel', '');
    CREATE TABLE history (id INTEGER PRIMARY KEY, data TEXT); CREATE INDEX by_data ON history (data);
    PRAGMA wal_checkpoint(TRUNCATE)`);
  const insert = database.prepare(
    inPlace ? 'UPDATE namespaces SET changed = ?' : 'INSERT INTO history (data) VALUES (?)',
  );
  const reader = new DatabaseSync(made);
  for (let row = 0; row < 200; row++) {
    insert.run(`row ${row} ${'x'.repeat(500)}`);
    if (row !== 100 || !takenOver) continue;
    // While somebody reads an earlier state the -wal is taken over, but not begun anew.
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM history').get();
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }
  for (const suffix of ['', '-wal', '-shm']) copyFileSync(made + suffix, file + suffix);
  reader.close();
  database.close();
  rmSync(folder, { recursive: true });
}

function flip(path: string, place: number): void {
  const bytes = readFileSync(path);
  bytes[place]! ^= 0x5a;
  writeFileSync(path, bytes);
}

describe('examineDatabase()', () => {
  test('a file that a kill left is sound, and so is none', () => {
    expect(examineDatabase(file)).toBeNull();
    serverFile({ takenOver: true });
    expect(examineDatabase(file)).toBeNull();
    expect(setAsideDamaged(home, log)).toBeNull();
  });

  test.each([
    ['cut off within its first page', 100],
    ['cut off at a page', 4096 * 2],
    ['cut off within a page', 4096 * 20 + 7],
  ])('a file %s is damaged', (_, length) => {
    serverFile({ takenOver: true });
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix);
    truncateSync(file, length);
    expect(examineDatabase(file)).toMatch(/malformed|not a database|database main|invalid page/i);
  });

  test('a file with its header overwritten, or with random bytes in it, is damaged', () => {
    writeFileSync(file, 'garbage'.repeat(1000));
    expect(examineDatabase(file)).toBe('file is not a database');
    serverFile({ takenOver: true });
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096 * 12, 4096 * 14);
    writeFileSync(file, bytes);
    rmSync(`${file}-wal`);
    expect(examineDatabase(file)).not.toBeNull();
  });

  test('an index that does not fit its table is damaged', () => {
    serverFile({ takenOver: true });
    rmSync(`${file}-wal`);
    const bytes = readFileSync(file);
    // The text of a row in the table's page, not in the index's.
    flip(file, bytes.lastIndexOf('row 30 x') + 4);
    expect(examineDatabase(file)).toMatch(/row .* missing from index|non-unique|wrong # of entries|out of order/i);
  });

  test('a first start that was cut off is seen: empty, without tables, or without its namespace', () => {
    const cutOff = 'its first start was cut off: it has no namespace';
    writeFileSync(file, '');
    expect(examineDatabase(file)).toBe(cutOff);
    const database = new DatabaseSync(file);
    database.exec('CREATE TABLE namespaces (name TEXT PRIMARY KEY)');
    database.close();
    expect(examineDatabase(file)).toBe(cutOff);
  });

  test('a -wal that is gone, cut off or overwritten leaves an earlier state, whole', () => {
    for (const harm of [
      () => rmSync(`${file}-wal`),
      () => truncateSync(`${file}-wal`, 0),
      () => truncateSync(`${file}-wal`, 20_000),
      () => flip(`${file}-wal`, 50_000),
      () => writeFileSync(`${file}-wal`, 'garbage'.repeat(5000)),
    ]) {
      serverFile();
      harm();
      expect(examineDatabase(file)).toBeNull();
    }
  });

  test('a -wal that lost what later frames build on is seen, though each page is sound', () => {
    const mixed = 'its -wal lost frames of which later ones were taken over';
    serverFile({ takenOver: true, inPlace: true });
    truncateSync(`${file}-wal`, 20_000);
    expect(examineDatabase(file)).toBe(mixed);
    serverFile({ takenOver: true, inPlace: true });
    flip(`${file}-wal`, 20_000);
    expect(examineDatabase(file)).toBe(mixed);
  });

  test('a -wal without its file is no database', () => {
    serverFile();
    rmSync(file);
    expect(examineDatabase(file)).toBe('it is gone, with its -wal left behind');
  });
});

describe('setAsideDamaged()', () => {
  test('keeps what it sets aside, twice within a second too, under names that SQLite takes for one database', () => {
    for (const content of ['first', 'second']) {
      writeFileSync(file, content);
      writeFileSync(`${file}-wal`, `${content} wal`);
      const aside = setAsideDamaged(home, log)!;
      expect(readFileSync(aside, 'utf8')).toBe(content);
      expect(readFileSync(`${aside}-wal`, 'utf8')).toBe(`${content} wal`);
      expect(existsSync(file) || existsSync(`${file}-wal`)).toBe(false);
    }
    const wals = readdirSync(join(home, 'temporal')).filter((name) => name.endsWith('-wal'));
    expect(wals).toHaveLength(2);
  });
});
