/**
 * Mixed text for the tokenizers' goldens, the same lines from the same seed: code, numbers, scripts with and without combining marks,
 * CJK, emoji, control characters, white space of all kinds, special tokens and pieces of them. `node test/golden/mixed-text.ts COUNT`
 * writes them as JSON for the Python side.
 *
 * Only characters that Unicode has had for long: engines differ in the version that they were built with.
 */
import { keyedRandom } from '@evenkeel/core';

/** Ranges that have been full, or as they are, since Unicode 10. */
const RANGES: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x20, 0x7e],
  [0x7f, 0xff],
  [0x100, 0x24f],
  [0x300, 0x36f],
  [0x391, 0x3a1],
  [0x3b1, 0x3c9],
  [0x410, 0x44f],
  [0x5d0, 0x5ea],
  [0x621, 0x652],
  [0x660, 0x669],
  [0x905, 0x939],
  [0x93e, 0x94d],
  [0xe01, 0xe3a],
  [0x1100, 0x1112],
  [0x1161, 0x1175],
  [0x11a8, 0x11c2],
  [0x1e00, 0x1eff],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x2070, 0x2071],
  [0x2150, 0x2188],
  [0x2190, 0x22ff],
  [0x2460, 0x24ff],
  [0x3000, 0x303f],
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x4e00, 0x9fa5],
  [0xac00, 0xd7a3],
  [0xe000, 0xe010],
  [0xf900, 0xfa2d],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xff10, 0xff5a],
  [0xfffd, 0xfffd],
  [0x1d400, 0x1d454],
  [0x1f1e6, 0x1f1ff],
  [0x1f300, 0x1f320],
  [0x1f3fb, 0x1f3ff],
  [0x1f600, 0x1f64f],
  [0x20000, 0x20010],
  [0xe0020, 0xe007f],
];

const FRAGMENTS = [
  ...[
    'the',
    'The quick brown fox',
    ' jumps over',
    "it's",
    "IT'S",
    "we'll",
    "I'\u017f",
    "don't",
    'don\u2019t',
    "'re",
    "'VE",
    'o\u2019clock',
  ],
  ...[
    'na\u00efve',
    'nai\u0308ve',
    '\u1100\u1161\u11a8',
    '\u212b',
    'e\u0301\u0323',
    'q\u0307\u0323',
    '\u01d5',
    '\u0958',
    '\ufb1d',
  ],
  ...[
    '\u4e2d\u6587\u5b57\u7b26',
    '\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3001',
    '\ud55c\uad6d\uc5b4',
    '\u0440\u0443\u0441\u0441\u043a\u0438\u0439',
    '\u0639\u0631\u0628\u064a',
    '\u0e44\u0e17\u0e22',
    '\u0939\u093f\u0928\u094d\u0926\u0940',
  ],
  ...[
    '\u{1f600}',
    '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}',
    '\u{1f1e9}\u{1f1ea}',
    '\u2764\ufe0f',
    '\u{1f44d}\u{1f3fd}',
    '\u{1d54f}',
    '\u{20000}',
  ],
  ...[
    '7',
    '42',
    '1234567890',
    '3.14e-10',
    '0xFF',
    '1,000,000',
    '\u0663\u0664',
    '\u00b2\u00bd',
    '\u2167',
    '2026-11-22T01:02:03Z',
  ],
  ...[
    'def f(x):\n    return x ** 2\n',
    'for (let i=0;i<n;++i){\n\t',
    '</div>',
    'a_b__c',
    'camelCaseName',
    '#include <stdio.h>\n',
    'SELECT * FROM t;',
    '=>',
    '===',
    '!=',
    '::',
    '->',
  ],
  ...['\\boxed{', '}', '\\frac{1}{2}', '$$', '...', '?!', '-->', '"', "'", '`', '\u201c\u201d', '\u2014', '\u00ab'],
  ...[
    ' ',
    '  ',
    '    ',
    '\t',
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    ' \n ',
    '\u00a0',
    '\u3000',
    '\u0085',
    '\ufeff',
    '\u200b',
    '\u2028',
    '\u2029',
    '\u000b',
    '\u000c',
  ],
  ...['\u0000', '\u0001\u001b[0m', '\u007f', '\u0080', '\u009f', '\uffff', '\ufffd'],
  ...[
    '<|endoftext|>',
    '<|im_start|>',
    '<|im_end|>',
    '<|begin_of_text|>',
    '<|eot_id|>',
    '<think>',
    '</think>',
    '<|im_start',
    '|>',
    '<|',
    '<|endoftext|> <|endoftext|>',
  ],
  // Added tokens of the trained tokenizers, as themselves and within words and white space.
  ...[
    '<mask>',
    ' <mask> ',
    '\t<left>',
    '  <left>  ',
    '<right>\n\n',
    '<right> <left>',
    'cat',
    'cats',
    'concat',
    ' cat ',
    '\u00e9cat',
    'cat\u0301',
    '_cat',
    '\u0441\u043a\u0438\u0438\u0306',
    '\u0441\u043a\u0438\u0439',
  ],
  ...['user', 'assistant', 'make 85 from 3 17 20 :', ' 100', ' 101'],
];

function character(random: ReturnType<typeof keyedRandom>): string {
  const [from, to] = RANGES[random.integer(RANGES.length)]!;
  return String.fromCodePoint(from + random.integer(to - from + 1));
}

/** Lines of one to twelve pieces. */
export function mixedText(count: number, seed: number): string[] {
  return Array.from({ length: count }, (_, line) => {
    const random = keyedRandom(seed, 'golden/mixed-text', line);
    let text = '';
    for (let pieces = 1 + random.integer(12); pieces > 0; pieces--) {
      const kind = random.integer(8);
      if (kind < 5) text += FRAGMENTS[random.integer(FRAGMENTS.length)]!;
      else if (kind === 5) for (let size = 1 + random.integer(4); size > 0; size--) text += character(random);
      else if (kind === 6) text += character(random).repeat(1 + random.integer(3));
      else text += String(random.integer(10 ** (1 + random.integer(9))));
      if (random.integer(4) === 0) text += ' ';
    }
    return text;
  });
}

if (import.meta.main)
  process.stdout.write(JSON.stringify(mixedText(Number(process.argv[2]), Number(process.argv[3] ?? 0))));
