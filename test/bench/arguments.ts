/** Arguments of the benches as numbers; what is none ends the process as wrong usage does. */

/** A whole number from 1 on. */
export function wholeNumber(bench: string, name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`Cannot bench ${bench}: --${name} is ${text}, expected a whole number from 1 on`);
  process.exit(2);
}

/** Whole numbers from 1 on, with commas between them. */
export function wholeNumbers(bench: string, name: string, text: string): number[] {
  return text.split(',').map((part) => wholeNumber(bench, name, part));
}
