/**
 * Says when the disk of a home is full, and when it no longer is. What is refused for want of room is tried again by whoever wanted it, but
 * the Temporal server, which would tell of such tries, writes to that disk too: so it is told from here, which needs no disk.
 */
import { statfsSync } from 'node:fs';
import type { Logger } from '@evenkeel/core';

/** Less than this is taken for full: an artefact of the smallest policy needs more. */
const FULL_BYTES = 1024 * 1024;
/** From here on there is room again: what lies between would be told for ever. */
const ROOM_BYTES = 4 * FULL_BYTES;
const LOOK_MS = 500;

/** What the watch needs to know of a file system, in bytes a user may still write. */
type Free = (home: string) => number;

const freeOn: Free = (home) => {
  const { bavail, bsize } = statfsSync(home);
  return bavail * bsize;
};

/**
 * Whether the disk of a home is full just now. A process that dies then is not held to be broken: it is started again until there is room.
 */
export function isDiskFull(home: string): boolean {
  try {
    return freeOn(home) < FULL_BYTES;
  } catch {
    return false;
  }
}

/** Between two starts of a process while the disk is full. */
export const FULL_DISK_DELAY_MS = 1_000;

/** Watches until it is closed. */
export function watchDisk(home: string, log: Logger, free: Free = freeOn): { look(): void; close(): void } {
  let isFull = false;
  function look(): void {
    let bytes: number;
    try {
      bytes = free(home);
    } catch {
      // Whoever writes to it will say what is the matter.
      return;
    }
    if (!isFull && bytes < FULL_BYTES) {
      isFull = true;
      log.error(
        `disk-full: ${Math.floor(bytes / 1024)} KiB are free for ${home}, expected room for what the run writes: free space there and it goes on by itself, nothing committed is lost`,
      );
    } else if (isFull && bytes >= ROOM_BYTES) {
      isFull = false;
      log.info(`There is room again for ${home}: the run goes on`);
    }
  }
  const timer = setInterval(look, LOOK_MS).unref();
  look();
  return { look, close: () => clearInterval(timer) };
}
