/**
 * For each rule what its description says of an input and an output, as a predicate over the texts of the grids (a digit for a cell). It is
 * written without the rules' code, mostly as equations and patterns, so that a mistake would have to be made twice in different ways.
 */

/** Whether a pair is one of the rule's. */
export type Checker = (input: string, output: string) => boolean;

const backwards = (text: string): string => [...text].reverse().join('');
const inMirror =
  (checker: Checker): Checker =>
  (input, output) =>
    checker(backwards(input), backwards(output));
const either =
  (one: Checker): Checker =>
  (input, output) =>
    one(input, output) || inMirror(one)(input, output);

const zeros = (count: number): string => '0'.repeat(count);
const inOrder = (text: string): string => [...text].sort().join('');
const filled = (text: string): string => text.replaceAll('0', '');
const isOneColor = (text: string): boolean => new Set(filled(text)).size === 1;
const blocksOf = (text: string): string[] => text.split(/0+/).filter((block) => block !== '');

const movesRight =
  (distance: number, solid: boolean): Checker =>
  (input, output) =>
    zeros(distance) + input === output + zeros(distance) && /^0*[1-9]+0*$/.test(input) && (!solid || isOneColor(input));

const turnsRight =
  (distance: number, solid: boolean): Checker =>
  (input, output) =>
    output.slice(distance) + output.slice(0, distance) === input &&
    /^(0*[1-9]+0*|[1-9]+0+[1-9]+)$/.test(input) &&
    (!solid || isOneColor(input));

/** The same cells, and the output of a form. */
const sameCells =
  (form: RegExp, colors = /^[0-9]+$/): Checker =>
  (input, output) =>
    inOrder(input) === inOrder(output) && form.test(output) && colors.test(input);

interface Seen {
  readonly dot: number;
  /** Signed: negative where the block is left of the dot. */
  readonly gap: number;
  readonly block: string;
}

function dotAndBlock(text: string, dot: string): Seen | null {
  const right = text.match(`^(0*)${dot}(0*)(([^0${dot}])\\4*)0*$`);
  if (right !== null) return { dot: right[1]!.length, gap: right[2]!.length + 1, block: right[3]! };
  const left = text.match(`^(0*)(([^0${dot}])\\3*)(0*)${dot}0*$`);
  if (left === null) return null;
  const [, before, block, , between] = left as unknown as [string, string, string, string, string];
  return { dot: before.length + block.length + between.length, gap: -between.length - 1, block };
}

const touchesDot =
  (dot: string, reach: number): Checker =>
  (input, output) => {
    const [before, after] = [dotAndBlock(input, dot), dotAndBlock(output, dot)];
    if (before === null || after === null || before.dot !== after.dot || before.block !== after.block) return false;
    const gap = Math.max(1, Math.abs(before.gap) - reach);
    return after.gap === Math.sign(before.gap) * gap;
  };

const growsToDot: Checker = (input, output) => {
  const seen = dotAndBlock(input, '2');
  if (seen === null || !isOneColor(output) || filled(output)[0] !== seen.block[0]) return false;
  // The block's far end stays, and the dot is the other.
  const size = seen.block.length + Math.abs(seen.gap);
  const start = seen.gap > 0 ? seen.dot : seen.dot - size + 1;
  return blocksOf(output).length === 1 && output.search(/[1-9]/) === start && filled(output).length === size;
};

const isMirroredAtDot: Checker = (input, output) => {
  const [before, after] = [dotAndBlock(input, '2'), dotAndBlock(output, '2')];
  return (
    before !== null &&
    after !== null &&
    before.dot === after.dot &&
    before.block === after.block &&
    before.gap === -after.gap
  );
};

const losesNoise: Checker = (input, output) => {
  const noise = blocksOf(input).filter((block) => block.length === 1).length;
  const alone = /(?<![1-9])[1-9](?![1-9])/g;
  return (
    isOneColor(input) &&
    noise >= 1 &&
    noise <= 3 &&
    /^0*[1-9]{2,}0*$/.test(output) &&
    input.replace(alone, '0') === output
  );
};

const losesNoiseInside: Checker = (input, output) => {
  if (!/^0*[1-9]{6,}0*$/.test(input) || !isOneColor(output)) return false;
  const block = filled(input);
  const noise = [...block].filter((color) => color !== filled(output)[0]).length;
  const isMinority = noise >= 1 && noise <= Math.max(1, Math.floor(block.length / 2) - 1);
  return isMinority && input.replace(/[1-9]/g, '1') === output.replace(/[1-9]/g, '1');
};

const movesByOwnSize: Checker = (input, output) => {
  const size = filled(input).length;
  return /^0*([1-9])\1*0*$/.test(input) && zeros(size) + input === output + zeros(size);
};

/** The points of `points` are the ends of the block. */
const areEnds = (points: string, block: string): boolean =>
  /^0*([1-9])0*\1?0*$/.test(points) &&
  filled(points).length === 2 &&
  /^0*([1-9])\1+0*$/.test(block) &&
  points.length === block.length &&
  [...block].every((color, at) =>
    color === '0' || block[at - 1] !== color || block[at + 1] !== color ? points[at] === color : points[at] === '0',
  );

const copiesToDots =
  (takesDotColor: boolean): Checker =>
  (input, output) => {
    const start = input.match(/^(([1-9])\2{2}|([1-9])\3{4})0/);
    if (start === null) return false;
    const block = start[1]!;
    const dots = [...input].map((color, at) => (at > block.length && color !== '0' ? at : -1)).filter((at) => at >= 0);
    if (dots.length === 0 || !dots.every((at) => takesDotColor || input[at] === block[0])) return false;
    const half = (block.length - 1) / 2;
    return [...output].every((color, at) => {
      if (at < block.length) return color === block[0];
      const dot = dots.find((place) => Math.abs(place - at) <= half);
      return color === (dot === undefined ? '0' : input[dot]);
    });
  };

const repeats: Checker = (input, output) => {
  const pattern = input.match(/^([1-9]{2,5})\1(0+)$/)?.[1];
  return pattern !== undefined && input.length === output.length && pattern.repeat(input.length).startsWith(output);
};

const isReversedInPlace = (input: string, output: string, form: (block: string) => boolean): boolean => {
  const [, before, block, after] = input.match(/^(0*)([1-9]+)(0*)$/) ?? [];
  return block !== undefined && form(block) && output === before + backwards(block) + after;
};
const hasPixelAtEnd = (block: string): boolean =>
  /^([1-9])((?!\1)[1-9])\2*$/.test(block) || /^([1-9])\1*(?!\1)[1-9]$/.test(block);
const hasEndOfOwnColor = (block: string): boolean =>
  block.length > 1 && [block[0]!, block.at(-1)!].some((end) => block.split(end).length === 2);

const paintsBiggest: Checker = (input, output) => {
  const [color] = filled(input);
  const sizes = blocksOf(input)
    .map(({ length }) => length)
    .sort((a, b) => b - a);
  const isClear = sizes.length > 1 && sizes[0]! > sizes[1]! && sizes.at(-1)! > 1;
  if (!isOneColor(input) || color === '1' || !isClear) return false;
  const painted = output.match(/1+/g) ?? [];
  return painted.length === 1 && painted[0].length === sizes[0] && output.replaceAll('1', color!) === input;
};

const paintsBySize: Checker = (input, output) => {
  const blocks = blocksOf(output).map((block) => [...new Set(block)].join(''));
  const [ones, twos] = ['1', '2'].map((color) => output.split(color).length - 1) as [number, number];
  return (
    /^0*3{2,}0+3{2,}0*$/.test(input) &&
    output.replace(/[12]/g, '3') === input &&
    inOrder(blocks.join('')) === '12' &&
    ones > twos
  );
};

const paintsFromPalette: Checker = (input, output) => {
  const [, palette, rest] = input.match(/^([1-9]+)(0(?:0*(?:5{2,4}))+0*)$/) ?? [];
  if (palette === undefined || rest === undefined || new Set(palette).size < palette.length) return false;
  const painted = blocksOf(output.slice(palette.length));
  return (
    output.startsWith(`${palette}0`) &&
    output.slice(palette.length).replace(/[1-9]/g, '5') === rest &&
    new Set(painted.map(({ length }) => length)).size === 1 &&
    painted.map((block) => [...new Set(block)].join('')).join(',') === [...palette].join(',')
  );
};

const paintsLeftHalves: Checker = (input, output) =>
  /^0*(2{2,}0+)+2{2,}0*$/.test(input) &&
  output.replaceAll('8', '2') === input &&
  blocksOf(output).every((block) => /^8+2+$/.test(block) && block.indexOf('2') === Math.floor(block.length / 2));

const sortsBlocks: Checker = (input, output) => {
  const sorted = blocksOf(output);
  return (
    isOneColor(input) &&
    sorted.length > 1 &&
    /^[1-9]+(0[1-9]+)*0*$/.test(output) &&
    sorted.every((block, at) => at === 0 || block.length >= sorted[at - 1]!.length) &&
    blocksOf(input).sort().join() === sorted.toSorted().join() &&
    input.length === output.length
  );
};

const sortsSequence: Checker = (input, output) =>
  sortsBlocks(input, output) &&
  /^[1-9]+(0[1-9]+)*0*$/.test(input) &&
  blocksOf(output).every((block, at) => block.length === at + 1);

/** The pixel at the left end. */
const fillsToTheLeft: Checker = (input, output) => {
  const [, before, pixel, after] = input.match(/^(0*)([1-9])((?!\2)([1-9])\4{2,}0*)$/) ?? [];
  return before !== undefined && output === pixel!.repeat(before.length + 1) + after;
};

/** The wall at the left edge. */
const fillsUntilCollision: Checker = (input, output) => {
  const pixels = filled(input).length - 1;
  if (input[0] !== '5' || input.lastIndexOf('5') > 0 || pixels < 2 || pixels > 4) return false;
  return (
    input.length === output.length &&
    [...output].every((color, at) => color === (input[at] === '0' ? (output[at + 1] ?? '0') : input[at]))
  );
};

const duplicates: Checker = (input, output) => {
  const [, before, left, block, right, after] = input.match(/^(0*)([1-9]?)0(1{2,4})0([1-9]?)(0*)$/) ?? [];
  if (block === undefined || left + right! === '') return false;
  const row = (seed: string, length: number): string =>
    seed === '' ? zeros(length) : `${seed.repeat(block.length)}0`.repeat(length).slice(0, length);
  const [toLeft, toRight] = [before!.length + left!.length, right!.length + after!.length];
  return output === `${backwards(row(left!, toLeft))}0${block}0${row(right!, toRight)}`;
};

const marksPairs: Checker = (input, output) => {
  const pairs = /(?<![1-9])([1-24-9])\1(?![1-9])/;
  const framed = `0${input}0`.replace(/0(([1-9])\2)0/g, '3$13').slice(1, -1);
  return pairs.test(input) && !input.includes('3') && output === framed;
};

const directed = (name: string, right: Checker): [string, Checker][] => [
  [`${name}_right`, right],
  [`${name}_left`, inMirror(right)],
];

const moves = [1, 2, 3, 4].flatMap((distance) =>
  (['solid', 'colorful'] as const).flatMap((texture) => [
    ...directed(`move_${distance}pix_${texture}`, movesRight(distance, texture === 'solid')),
    ...directed(`move_${distance}pix_${texture}_wrapped`, turnsRight(distance, texture === 'solid')),
  ]),
);

/** `gravity_right` packs to the left: the names are the published ones. */
const gravity = [
  ...directed(
    'gravity',
    (input, output) => filled(input) === filled(output) && /^[1-9]+0*$/.test(output) && input.length === output.length,
  ),
  ...directed(
    'gravity_counting',
    (input, output) =>
      /^1+0*$/.test(output) && filled(input).length === filled(output).length && input.length === output.length,
  ),
  ...directed('gravity_antigravity', sameCells(/^2*0*1*$/, /^0*[12][012]*$/)),
  ...directed('gravity_one_step', (input, output) => {
    const stays = input.match(/^[1-9]*/)![0];
    return filled(input) !== '' && output === (stays === input ? input : `${stays}${input.slice(stays.length + 1)}0`);
  }),
  ...directed('gravity_weighted_colors', sameCells(/^2*1*0*$/, /^0*[12][012]*$/)),
];

/** By the name of the rule. */
export const checkers: ReadonlyMap<string, Checker> = new Map<string, Checker>([
  ...moves,
  ...gravity,
  ['block_touch_dot', touchesDot('1', Number.POSITIVE_INFINITY)],
  ...[1, 2, 3, 4].map((reach): [string, Checker] => [`block_touch_dot_${reach}pix`, touchesDot('2', reach)]),
  ['block_scale_to_dot', growsToDot],
  ['reflect_block_around_dot', isMirroredAtDot],
  ['block_and_noise_remove', losesNoise],
  ['block_and_noise_remove_inside', losesNoiseInside],
  ['move_block_by_own_size', movesByOwnSize],
  ['two_points_and_fill', (input, output) => areEnds(input, output)],
  ['two_points_and_fill_inv', (input, output) => areEnds(output, input)],
  ['copy_block_to_dots', copiesToDots(false)],
  ['copy_block_to_dots_colors', copiesToDots(true)],
  ['repeat_pattern_full', repeats],
  ['reflect_block_with_border_pixel', (input, output) => isReversedInPlace(input, output, hasPixelAtEnd)],
  ['reflect_block_random', (input, output) => isReversedInPlace(input, output, hasEndOfOwnColor)],
  ['change_to_five', (input, output) => filled(input) !== '' && input.replace(/[1-9]/g, '5') === output],
  ['paint_biggest_block', paintsBiggest],
  ['recolor_blocks_by_size', paintsBySize],
  ['recolor_blocks_from_palette', paintsFromPalette],
  ['color_left_half_blocks', paintsLeftHalves],
  ['sort_blocks_by_size', sortsBlocks],
  ['sort_complete_sequence', sortsSequence],
  ['fill_from_pixel', either(fillsToTheLeft)],
  ['fill_until_collision', either(fillsUntilCollision)],
  ['duplicate_block_from_seeds', duplicates],
  ['mark_size_two_blocks', marksPairs],
]);
