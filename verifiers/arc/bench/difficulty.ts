/** How hard ARC's puzzles are: the mixture of rules, how many rules explain the examples, and how much changes. */
import { explains, generate } from '../src/generate.ts';
import { levels } from '../src/levels.ts';

/** A row of the README's table. */
export function arcDifficulty(level: string, puzzles: number) {
  const { rules } = levels[level]!;
  const drawn = new Map(rules.map(({ name }) => [name, 0]));
  let explaining = 0;
  let alone = 0;
  let changed = 0;
  let cells = 0;
  for (let index = 0; index < puzzles; index++) {
    const { data, groundTruth } = generate({ seed: 2, index, level, split: 'train' });
    drawn.set(data.rule, drawn.get(data.rule)! + 1);
    const fitting = rules.filter((rule) => explains(rule, data.examples)).length;
    explaining += fitting;
    if (fitting === 1) alone++;
    const target = (groundTruth as { readonly target: string }).target.split(' ').map(Number);
    changed += target.filter((cell, at) => cell !== data.input[at]).length;
    cells += target.length;
  }
  const share = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`;
  const inOrder = [...drawn].sort(([, one], [, other]) => one - other);
  const [rarest, commonest] = [inOrder[0]!, inOrder.at(-1)!];
  return {
    rules: rules.length,
    'each about': share(1, rules.length),
    rarest: `${rarest[0]} ${share(rarest[1], puzzles)}`,
    commonest: `${commonest[0]} ${share(commonest[1], puzzles)}`,
    'rules that explain': (explaining / puzzles).toFixed(2),
    'one rule only': share(alone, puzzles),
    'cells that change': share(changed, cells),
  };
}
