/** What goes over the pipes of a sandbox, see `sandbox-process.ts`; what comes from it is checked by zod. */
import { z } from 'zod';

/**
 * `vm2`; `none` runs the script in the process's own realm: what an attacker has who got out of vm2; `bare` leaves that realm
 * everything of the platform too, so that only the permission model and the watchdog hold. The last two are for tests alone.
 */
export type Isolation = 'vm2' | 'none' | 'bare';

/** The first frame in. */
export interface LoadOrder {
  readonly isolation: Isolation;
  /** Begins every frame that the program itself writes. */
  readonly nonce: string;
  readonly script: string;
  /** `HandedOver` as JSON; null where nothing is granted. */
  readonly context: string | null;
  readonly loadMs: number;
  /** CPU time of one item. */
  readonly timeMs: number;
  /** Time on the wall after which an item is given up although it used little CPU. */
  readonly wallMs: number;
}

export type SandboxMethod = 'score' | 'draw';

/** First line of a batch. */
export interface BatchHeader {
  readonly id: number;
  readonly method: SandboxMethod;
  /** Most characters of one answer. */
  readonly maxChars: number;
  /** One item at a time: to find out which one kills. */
  readonly single: boolean;
}

/** How many answers follow. Without any it is a sign of life: the next item gets so much time on the wall. */
export interface ReplyHeader {
  readonly id: number;
  readonly from: number;
  readonly count: number;
  readonly windowMs?: number;
}

export const readySchema = z.strictObject({ rssBytes: z.number().nonnegative() });
export const replySchema = z.strictObject({
  id: z.number().int().nonnegative(),
  from: z.number().int().nonnegative(),
  count: z.number().int().nonnegative(),
  windowMs: z.number().positive().optional(),
});
