/**
 * The child's end of the supervisor's channel. A process entry calls `exitWithParent()` first and `reportListening()` or
 * `reportReady()` when it can work. Without a supervisor (started by hand) the reports go nowhere and nothing is changed.
 */
import { z } from 'zod';

/** What a child says to its supervisor. */
export const childMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('listening'), url: z.url() }),
  z.strictObject({ kind: z.literal('ready') }),
]);

export type ChildMessage = z.infer<typeof childMessageSchema>;

/** The longest that the closing of a child may take before it is cut short. */
const CLOSING_MS = 8_000;

/** Tells the supervisor the address at which this process takes connections. */
export function reportListening(url: string): void {
  report({ kind: 'listening', url });
}

/** Tells the supervisor that this process is at work, where it takes no connections. */
export function reportReady(): void {
  report({ kind: 'ready' });
}

function report(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * Ends this process when its supervisor is gone, even by SIGKILL, and on SIGTERM and SIGINT: closes, then exits with 0.
 *
 * @param close what to close before the exit; it is given 8 s
 */
export function exitWithParent(close: () => void | Promise<void> = () => {}): void {
  let leaving = false;
  async function leave(): Promise<void> {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(0), CLOSING_MS).unref();
    try {
      await close();
    } finally {
      process.exit(0);
    }
  }
  if (process.send !== undefined) {
    process.once('disconnect', leave);
    if (!process.connected) void leave();
  }
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
}
