/**
 * What an entry of the escape corpus is: an idea of somebody's (or of ours) of how to get out, tried in code of our own.
 *
 * An entry either gets hold of something (`attempt`), with which `plunder` then does what the issue forbids; or it answers with
 * something that is no verdict, does not answer, or harms beside its answer (`answer`).
 */

/** What the test put outside, for an entry to reach. */
export interface World {
  /** A file that nobody granted. */
  readonly canaryFile: string;
  /** A database that nobody granted. */
  readonly canaryDatabase: string;
  /** A folder to write to. */
  readonly folder: string;
  /** Ports of a server of the test's: whoever comes is counted. */
  readonly port: number;
  /** Name of a variable of the host's environment. */
  readonly variable: string;
  /** The host. */
  readonly hostPid: number;
}

interface About {
  readonly name: string;
  /** CVE, GHSA or issue of vm2; `—` for our own. */
  readonly advisory: string;
  /** Versions of vm2 that it got out of; `—` for our own. */
  readonly versions: string;
  /** In words. */
  readonly idea: string;
}

export interface BreakOut extends About {
  /** Returns all that it got hold of. */
  attempt(world: World): readonly unknown[];
}

export interface Misdeed extends About {
  /** The verdict, if it can be called one. */
  answer(world: World): unknown;
  /** What may come of it: codes of failures, kinds of verdicts. */
  readonly becomes: readonly string[];
}

export type Probe = BreakOut | Misdeed;

/** Anything, as code sees it that looks for a way out. */
// biome-ignore lint/suspicious/noExplicitAny: the corpus does what types forbid
export type Loose = any;

/** The globals, by name. */
export const realm: Record<string, Loose> = globalThis as Loose;

/** What is got hold of after the call: callbacks put it here, and the next item looks. */
export const late: unknown[] = [];
