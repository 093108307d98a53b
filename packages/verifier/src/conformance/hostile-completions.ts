/** What a scorer must survive: for the conformance kit. */
const MEGABYTE = 1_000_000;

/** Texts that scorers have been seen to trip over. */
export function hostileCompletions(): string[] {
  const boxed = [
    '',
    ' \n\t',
    '\u0000',
    '\ud800',
    '\u202e1\u202c',
    '٣ + ٤',
    '１２',
    '1e999',
    '0x10',
    '__proto__',
    'constructor',
    '{0}',
    '(()=>{throw 1})()',
    '{}{}',
    '\\boxed{1}',
    '1'.repeat(100_000),
    '('.repeat(MEGABYTE),
    `${'('.repeat(4000)}1${')'.repeat(4000)}`,
    '-'.repeat(9999),
    `${'1+'.repeat(4000)}1`,
    '{'.repeat(1000) + '}'.repeat(1000),
    '😀'.repeat(300),
  ];
  return [
    ...boxed,
    ...boxed.map((content) => `\\boxed{${content}}`),
    '\\boxed{',
    '\\boxed',
    '{'.repeat(MEGABYTE),
    '}'.repeat(MEGABYTE),
    '\\boxed{'.repeat(MEGABYTE / 5),
    `\\boxed{${'a'.repeat(2 * MEGABYTE)}}`,
    ' '.repeat(2 * MEGABYTE),
    `\\boxed{${' '.repeat(2 * MEGABYTE)}}`,
  ];
}

/** To make more of them. */
export const hostilePieces = [
  '\\boxed{',
  '\\boxed{',
  '}',
  '}',
  '{',
  ' ',
  '\n',
  '\\',
  '(',
  ')',
  '-',
  '**',
  '//',
  '=',
  '0',
  '²',
  '٣',
  '\ud83d',
  'e',
  '.',
  ',',
];
