/**
 * The tasks that are fuzzed: the verifier, the oracle for its verdicts, and sources beside the generated puzzles, with ground truths
 * as a row could carry them: small numbers and zeros that make divisions by zero frequent, names in capitals, grids of one cell.
 */
import type { Json, KeyedRandom } from '@evenkeel/core';
import type { TaskVerifier } from '@evenkeel/verifier';
import arc from '@evenkeel/verifier-arc';
import countdown from '@evenkeel/verifier-countdown';
import zebra from '@evenkeel/verifier-zebra';
import type { FuzzSource } from './completions.ts';
import { type Deserved, deservedArc, deservedCountdown, deservedZebra } from './oracle.ts';

export interface FuzzTask {
  readonly verifier: TaskVerifier;
  deserved(completion: string, truth: never): Deserved;
  /** Ground truths that are malformed for this task alone. */
  readonly malformedTruths: readonly Json[];
  /** A source that no generator draws. */
  invent(random: KeyedRandom): { readonly groundTruth: Json; readonly source: FuzzSource };
}

interface CountdownTruth {
  readonly target: number;
  readonly numbers: readonly number[];
}

const fuzzCountdown: FuzzTask = {
  verifier: countdown as unknown as TaskVerifier,
  deserved: (completion, { target, numbers }: CountdownTruth) => deservedCountdown(completion, target, numbers),
  malformedTruths: [
    { target: 1 },
    { target: 1, numbers: [] },
    { target: 1, numbers: 1 },
    { target: 1, numbers: { length: 1, 0: 1 } },
    { target: 1, numbers: [1, -1] },
    { target: 1, numbers: [1, null] },
    { target: 1, numbers: ['1'] },
    { target: 1, numbers: [1.5] },
    { target: 2 ** 53, numbers: [1] },
    { target: '1', numbers: [1] },
    { target: 1, numbers: new Array<number>(65).fill(1) },
  ],
  invent(random) {
    const most = random.pick([3, 5, 12, 100, Number.MAX_SAFE_INTEGER]);
    const count = 1 + random.integer(random.pick([4, 6, 6, 64]));
    const number = (): number => (most > 100 ? most - random.integer(4) : random.integer(most));
    const numbers = Array.from({ length: count }, number);
    const target = random.integer(4) === 0 ? -random.integer(Math.min(most, 100)) : number();
    const expression = (): string => expressionOf(random, numbers);
    return {
      groundTruth: { target: target + 0, numbers },
      source: {
        gold: [expression(), expression(), String(target)],
        decoys: [expression(), numbers.join(' + '), expressionOf(random, [...numbers, numbers[0]!])],
        prompt: `make ${target} from ${numbers.join(' ')} :`,
      },
    };
  },
};

/** The numbers in some order under random operators, in random brackets, some of which are needless. */
function expressionOf(random: KeyedRandom, numbers: readonly number[]): string {
  const parts = random.shuffle(numbers).map(String);
  while (parts.length > 1) {
    const at = random.integer(parts.length - 1);
    const sign = random.integer(8) === 0 ? random.pick(['-', '+', '- ', '-+']) : '';
    const text = `${parts[at]} ${random.pick(['+', '-', '*', '/'])} ${sign}${parts[at + 1]}`;
    parts.splice(at, 2, random.integer(2) === 0 ? `(${text})` : text);
  }
  return parts[0]!;
}

const fuzzZebra: FuzzTask = {
  verifier: zebra as unknown as TaskVerifier,
  deserved: (completion, { target }: { target: string }) => deservedZebra(completion, target),
  malformedTruths: [{ target: 1 }, { target: ['alice'] }, { name: 'alice' }, { target: '\u00a0\ufeff' }],
  invent(random) {
    const names = ['Erik', 'KIKI', 'mary ann', ' Alice ', 'bob\n', "o'neil", 'x', 'a'.repeat(300), '\\bob', '12', '$1'];
    const target = random.pick(names);
    return {
      groundTruth: { target },
      source: {
        gold: [target, target.toLowerCase(), target.toUpperCase()],
        decoys: [random.pick(names), `${target}${target}`, target.slice(1)],
        prompt: `zebra : ${names.join(' ')} :`,
      },
    };
  },
};

const fuzzArc: FuzzTask = {
  verifier: arc as unknown as TaskVerifier,
  deserved: (completion, { target }: { target: string }) => deservedArc(completion, target),
  malformedTruths: [
    { target: 1 },
    { target: '10' },
    { target: '0, 3' },
    { target: '0 ３' },
    { target: [0, 3] },
    { target: '-1' },
  ],
  invent(random) {
    const length = random.pick([1, 1, 2, 5, 99, 100, 101, 400]);
    const colours = random.pick([1, 2, 10]);
    const row = (): number[] => Array.from({ length }, () => random.integer(colours));
    const cells = row();
    const target = cells.join(random.pick([' ', ' ', '  ', '\n', '\t ']));
    return {
      groundTruth: { target },
      source: {
        gold: [target, cells.join(' '), cells.join('\n')],
        decoys: [row().join(' '), [...cells, 0].join(' '), cells.slice(1).join(' ')],
        prompt: `arc ${row().join(' ')} > ${row().join(' ')} ; ${cells.join(' ')} > :`,
      },
    };
  },
};

const tasks: Readonly<Record<string, FuzzTask>> = { countdown: fuzzCountdown, zebra: fuzzZebra, arc: fuzzArc };

/** The tasks that can be fuzzed. */
export const fuzzTasks: readonly string[] = Object.keys(tasks);

/** @throws {RangeError} if there is no such task */
export function fuzzTaskOf(name: string): FuzzTask {
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task !== undefined) return task;
  throw new RangeError(`Cannot fuzz "${name}": there is no such task here, expected one of ${fuzzTasks.join(', ')}`);
}
