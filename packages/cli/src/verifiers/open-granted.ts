/**
 * Opens verifiers for a command, asking for what they were not granted yet: on a terminal the user, with `--yes` nobody; elsewhere
 * it fails and says what to type. What is granted is stored, for that version.
 */
import { createInterface } from 'node:readline/promises';
import type { VerifierPermissions } from '@evenkeel/verifier';
import {
  isNothing,
  type OpenVerifier,
  type OpenVerifierOptions,
  openVerifier,
  readGrants,
  storeGrant,
  VerifierPermissionError,
} from '@evenkeel/verifier-host';
import type { Flag, Invocation } from '../command.ts';

/** For commands that open verifiers. */
export const yesFlag: Flag = { type: 'boolean', help: 'grant what the verifier asks for, without a question' };

/** Asks a person, who may be there or not. */
export interface Terminal {
  /** The line that was typed; null where there is nobody. */
  ask(question: string): Promise<string | null>;
}

export interface GrantOptions {
  /** Default: the terminal that this process was started from, if it has one. */
  readonly terminal?: Terminal | undefined;
}

/** Opens one verifier, see `askingForGrants`. */
export async function openGranted(
  reference: string,
  invocation: Invocation,
  options: Omit<OpenVerifierOptions, 'verifier' | 'grants' | 'places'> & GrantOptions = {},
): Promise<OpenVerifier> {
  const { terminal, ...open } = options;
  const { home } = invocation;
  return await askingForGrants(
    invocation,
    async () => await openVerifier({ ...open, verifier: reference, places: { home }, grants: await readGrants(home) }),
    { terminal },
  );
}

/**
 * Does something that opens verifiers; where one asks for more than it was granted, asks for that, and does it anew.
 *
 * @param act opens with the home's grants as they are then, and leaves nothing open where it fails
 * @throws {VerifierPermissionError} where nobody can be asked, or the answer is no
 */
export async function askingForGrants<T>(
  invocation: Invocation,
  act: () => Promise<T>,
  options: GrantOptions = {},
): Promise<T> {
  for (let refused: VerifierPermissionError | null = null; ; ) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof VerifierPermissionError)) throw error;
      // What was just granted must do: who asks for the same again was not given it.
      if (refused !== null && isSame(refused, error)) throw error;
      if (!(await isGranted(error, invocation, options))) throw error;
      await grant(invocation.home, error);
      refused = error;
    }
  }
}

/** Whether what is missing is to be granted. */
export async function isGranted(
  { manifest, missing }: Pick<VerifierPermissionError, 'manifest' | 'missing'>,
  { flags, json, note }: Invocation,
  { terminal = processTerminal(json) }: GrantOptions = {},
): Promise<boolean> {
  const { id, version, title } = manifest;
  const wishes = permissionLines(missing);
  if (flags.yes === true) {
    note(`Granted to ${id} ${version}, and remembered: ${wishes.join('; ')}`);
    return true;
  }
  const question = [
    `${id} ${version} (${printable(title)}) asks for more than it was granted. It wants to`,
    ...wishes.map((line) => `  - ${line}`),
    'Grant this, for this version, from now on? [y/N] ',
  ];
  return /^\s*y(es)?\s*$/i.test((await terminal.ask(question.join('\n'))) ?? '');
}

/** Stores all that it asks for: what it had, and what was missing. */
export async function grant(home: string, { manifest }: Pick<VerifierPermissionError, 'manifest'>): Promise<void> {
  await storeGrant(home, manifest.id, manifest.version, manifest.permissions);
}

/** What permissions allow, in words, a line each; none where they are empty. */
export function permissionLines(permissions: VerifierPermissions): string[] {
  if (isNothing(permissions)) return [];
  const { net, read, env } = permissions;
  return [
    ...net.map((origin) => `ask ${printable(origin)} over the network, and tell it anything that it is scoring`),
    ...read.map((path) => `read the file ${printable(path)}${path.startsWith('/') ? '' : ' of its package'}`),
    ...env.map((name) => `see the environment variable ${printable(name)}`),
  ];
}

/** A package's own words on somebody's terminal: no control characters, no characters that turn the line around. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd').slice(0, 500);
}

function isSame(a: VerifierPermissionError, b: VerifierPermissionError): boolean {
  return a.manifest.id === b.manifest.id && a.manifest.version === b.manifest.version && a.message === b.message;
}

/** Data goes to stdout and answers come from stdin: both a question and its answer need a terminal of their own. */
function processTerminal(json: boolean): Terminal {
  return {
    async ask(question) {
      if (json || !process.stdin.isTTY || !process.stderr.isTTY) return null;
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
      lines.once('SIGINT', () => lines.close());
      try {
        return await Promise.race([lines.question(question).catch(() => null), ended]);
      } finally {
        lines.close();
      }
    },
  };
}
