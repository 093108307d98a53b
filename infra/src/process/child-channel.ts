/**
 * The child's end of the supervisor's channel. A process entry calls `exitWithParent()` first and `reportListening()` or
 * `reportReady()` when it can work; from then on it answers the supervisor's pings, as long as its event loop turns. Without a
 * supervisor (started by hand) the reports go nowhere and nothing is changed.
 */
import { z } from 'zod';

/** What a child says to its supervisor. */
export const childMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('listening'), url: z.url() }),
  z.strictObject({ kind: z.literal('ready') }),
  /** The answer to a ping: its event loop turns. */
  z.strictObject({ kind: z.literal('pong') }),
]);

/** What a supervisor says to its child. */
export const ping = { kind: 'ping' } as const;

export type ChildMessage = z.infer<typeof childMessageSchema>;

/** The longest that the closing of a child may take before it is cut short. */
const CLOSING_MS = 8_000;
/** After a notice: what is under way has used up the time. */
const CLOSING_AFTER_NOTICE_MS = 3_000;

const MOMENT_MS = 30;

/** Tells the supervisor the address at which this process takes connections. */
export function reportListening(url: string): void {
  answerPings();
  report({ kind: 'listening', url });
}

/** Tells the supervisor that this process is at work, where it takes no connections. */
export function reportReady(): void {
  answerPings();
  report({ kind: 'ready' });
}

function report(message: ChildMessage): void {
  // An error means that the supervisor is gone: `disconnect` tells that.
  if (process.connected) process.send?.(message, () => {});
}

let answering = false;

function answerPings(): void {
  if (answering || process.send === undefined) return;
  answering = true;
  process.on('message', (message) => {
    if ((message as { kind?: unknown } | null)?.kind === ping.kind) report({ kind: 'pong' });
  });
}

export interface ExitOptions {
  /**
   * On SIGTERM, the notice that the machine or the process is taken away: end what is under way, begin nothing. A second SIGTERM
   * changes nothing; the supervisor's end, or SIGINT, cuts it short. Default: nothing to end.
   */
  readonly drain?: () => Promise<void>;
  /** How long `drain` may take. Default 25 s, of the 30 s that a notice usually gives. */
  readonly drainMs?: number;
}

/** Of the 30 s that a preemption notice usually gives. */
const DRAIN_MS = 25_000;

/**
 * Ends this process when its supervisor is gone, even by SIGKILL, and on SIGTERM and SIGINT: closes, then exits with 0. SIGTERM
 * leaves time for what is under way.
 *
 * @param close what to close before the exit; it is given 8 s, 3 s after a notice
 */
export function exitWithParent(
  close: () => void | Promise<void> = () => {},
  { drain, drainMs = DRAIN_MS }: ExitOptions = {},
): void {
  let leaving = false;
  let draining = false;
  async function leave(closingMs = CLOSING_MS): Promise<void> {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(0), closingMs).unref();
    try {
      await close();
    } finally {
      process.exit(0);
    }
  }
  async function notice(): Promise<void> {
    if (leaving || draining) return;
    draining = true;
    // A supervisor that ends closes the channel too, which is seen a moment later.
    await new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
    if (leaving) return;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([drain?.().catch(() => {}), over]);
    clearTimeout(timer);
    await leave(CLOSING_AFTER_NOTICE_MS);
  }
  if (process.send !== undefined) {
    process.once('disconnect', () => void leave());
    if (!process.connected) void leave();
  }
  process.on('SIGTERM', () => void notice());
  process.on('SIGINT', () => void leave());
}
