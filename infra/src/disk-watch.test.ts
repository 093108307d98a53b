import { silentLogger } from '@evenkeel/core';
import { expect, test } from 'vitest';
import { watchDisk } from './disk-watch.ts';

test('watchDisk() says once that the disk is full, with the path and what to do, and once that it no longer is', () => {
  const said: string[] = [];
  const log = {
    ...silentLogger,
    error: (message: string) => said.push(message),
    info: (message: string) => said.push(message),
  };
  let free = 10e6;
  const watch = watchDisk('/srv/home', log, () => free);
  for (const bytes of [8e6, 600_000, 100_000, 0, 2e6, 500_000, 5e6, 6e6, 0]) {
    free = bytes;
    watch.look();
  }
  watch.close();
  const full = (kib: number) =>
    `disk-full: ${kib} KiB are free for /srv/home, expected room for what the run writes: free space there and it goes on by itself, nothing committed is lost`;
  expect(said).toEqual([full(585), 'There is room again for /srv/home: the run goes on', full(0)]);
});

test('watchDisk() is silent of a disk that it cannot look at', () => {
  watchDisk('/nowhere/to/be/found', silentLogger).close();
});
