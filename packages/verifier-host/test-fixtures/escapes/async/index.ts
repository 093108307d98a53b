/**
 * Entries that need the language's own async code. vm2 refuses a module that has any, so each is a module of its own; see
 * `escapes.process.test.ts`.
 */
export const asyncEntries = [
  'async-generator',
  'async-rejection',
  'async-nobody-awaits',
  'async-disposal',
  'async-after-the-answer',
] as const;
