/** Values of flags, read from their text. Each refuses by name what it cannot read. */
import { type Invocation, UsageError } from './command.ts';

type Flags = Invocation['flags'];

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** Names separated by commas. */
export function listFlag(flags: Flags, name: string): string[] | undefined {
  const names = textFlag(flags, name)
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (names?.length === 0)
    throw new UsageError(`Cannot read --${name}: it is empty, expected names separated by commas`);
  return names;
}

/** @throws {UsageError} where it is no number of at least `least` */
export function numberFlag<T>(flags: Flags, name: string, fallback: T, least = 0): number | T {
  const text = textFlag(flags, name);
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new UsageError(`Cannot read --${name}: it is "${text}", expected a number of at least ${least}`);
}

/** @throws {UsageError} where it is no whole number of at least `least` */
export function wholeFlag<T>(flags: Flags, name: string, fallback: T, least = 0): number | T {
  const text = textFlag(flags, name);
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`Cannot read --${name}: it is "${text}", expected a whole number of at least ${least}`);
}

/** @throws {UsageError} where it is none of the choices */
export function choiceFlag<C extends string, T>(flags: Flags, name: string, choices: readonly C[], fallback: T): C | T {
  const text = textFlag(flags, name);
  if (text === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new UsageError(`Cannot read --${name}: it is "${text}", expected one of ${choices.join(', ')}`);
  }
  return choice;
}

/**
 * The positional arguments, as many as there must be.
 *
 * @param wish how to call the command
 * @throws {UsageError}
 */
export function positional(values: readonly string[], count: { least: number; most: number }, wish: string): string[] {
  if (values.length < count.least || values.length > count.most) {
    const state = values.length === 0 ? 'no argument is given' : `the arguments are ${values.join(' ')}`;
    throw new UsageError(`Cannot read arguments: ${state}, expected ${wish}`);
  }
  return [...values];
}
