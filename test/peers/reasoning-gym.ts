/**
 * The comparison with reasoning-gym: its environment, the answers that both score, and the classes in which the scores differ
 * (`docs/verdicts.md`). What runs in Python is `reasoning-gym.py` beside this.
 */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KeyedRandom } from '@evenkeel/core';
import { pythonEnvironment } from './python-environment.ts';

/** The version that is compared with. */
export const reasoningGymVersion = '0.1.19';

const PYTHON = [3, 11] as const;

/** The Python of an environment that has reasoning-gym; made where there is none. */
export async function reasoningGymPython(): Promise<string> {
  const version = await promisify(execFile)('python3', ['-c', 'import sys; print(*sys.version_info[:2])']).catch(
    () => null,
  );
  const [major = 0, minor = 0] = (version?.stdout ?? '').trim().split(' ').map(Number);
  if (major < PYTHON[0] || (major === PYTHON[0] && minor < PYTHON[1])) {
    const seen = version === null ? 'there is no python3' : `python3 is ${major}.${minor}`;
    throw new Error(
      `Cannot compare with reasoning-gym: ${seen}, expected Python ${PYTHON.join('.')} or newer on the PATH`,
    );
  }
  return join(await pythonEnvironment([`reasoning-gym==${reasoningGymVersion}`]), 'python');
}

/** Runs the script; its lines as JSON. */
export function askReasoningGym(python: string, args: readonly string[], rows: readonly unknown[]): Promise<unknown[]> {
  const child = spawn(python, [join(import.meta.dirname, 'reasoning-gym.py'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.end(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0)
        resolve(
          said
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        );
      else reject(new Error(`Cannot compare with reasoning-gym: its script ended with ${code}, expected 0`));
    });
  });
}

/** A puzzle of either side, and a right answer to it. */
export interface PeerPuzzle {
  readonly task: string;
  readonly truth: { readonly target: number | string; readonly numbers?: readonly number[] };
  readonly answer: string;
}

type Change = (random: KeyedRandom, puzzle: PeerPuzzle) => string;

const pickNumber = (random: KeyedRandom, text: string): string => random.pick(text.match(/\d+/g) ?? ['1']);

const anyTask: readonly Change[] = [
  (_, { answer }) => ` ${answer} `,
  (_, { answer }) => `${answer}\n`,
  (_, { answer }) => `The answer is ${answer}.`,
  (_, { answer }) => `${answer}, ${answer}`,
  (_, { answer }) => `\\text{${answer}}`,
  (_, { answer }) => `(${answer})`,
  (_, { answer }) => [...answer].reverse().join(''),
  (random, { answer }) => answer.slice(random.integer(answer.length)),
  (random, { answer }) => {
    const at = random.integer(answer.length);
    return answer.slice(0, at) + answer.slice(at + 1);
  },
  () => '',
  () => 'I do not know',
];

/** No tower of powers: what they score, they evaluate. */
const changes: Readonly<Record<string, readonly Change[]>> = {
  countdown: [
    (random, { answer }) => answer.replace(/[-+*/]/, () => random.pick(['+', '-', '*', '/'])),
    (random, { answer }) => answer.replace(/\d+(?=\D*$)/, () => String(random.integer(100))),
    (random, { answer }) => `${answer} + ${pickNumber(random, answer)} - ${pickNumber(random, answer)}`,
    (random, { answer }) => `${answer} + 0 * ${pickNumber(random, answer)}`,
    (_, { answer }) => `${answer} + ${answer.match(/\d+/)} - ${answer.match(/\d+/)}`,
    (random, { answer }) => `${answer} * (1 + ${pickNumber(random, answer)} / 100000)`,
    (_, { truth }) => truth.numbers!.join(' + '),
    (random, { truth }) => random.shuffle(truth.numbers!).join(random.pick([' * ', ' - ', ' / '])),
    (_, { truth }) => `${truth.target}`,
    (_, { truth }) => truth.numbers!.join(''),
    (_, { answer, truth }) => `${answer} = ${truth.target}`,
    (_, { answer }) => answer.replaceAll('*', '×'),
    (_, { answer }) => answer.replaceAll('*', '**').replaceAll(/\d+/g, '2'),
    (_, { answer }) => answer.replaceAll('/', '//'),
    (_, { answer }) => answer.replace(/\d+/, (number) => `${number}.`),
    (_, { answer }) => answer.replace(/\d+/, (number) => `${number}.0`),
    (_, { answer }) => answer.replace(/\d+/, (number) => `0${number}`),
    (_, { answer }) => answer.replace(/\d+/, (number) => `abs(${number})`),
    (_, { answer }) => answer.replace(/\d/, (digit) => String.fromCharCode(0xff10 + Number(digit))),
    (_, { answer }) => answer.replace(' ', '\n'),
    (_, { answer }) => answer.replaceAll(' ', ''),
    (_, { answer }) => answer.replaceAll(/\d+/g, (number) => `((${number}))`),
    (_, { answer }) => `-(-(${answer}))`,
    (_, { answer, truth }) => `(${answer}) + ${truth.numbers![0]} / 1000000 / ${truth.numbers![0]}`,
    (_, { answer, truth }) => `${answer} + 1 / (${truth.numbers!.join(' + ')} + 1)`,
    (_, { answer }) => `2 * (${answer}) / 2`,
    (_, { answer }) => `${answer} # so`,
    (_, { answer }) => `${answer},`,
  ],
  zebra: [
    (_, { answer }) => answer.toUpperCase(),
    (_, { answer }) => answer.charAt(0).toUpperCase() + answer.slice(1),
    (_, { answer }) => `${answer.slice(0, 2)}\n${answer.slice(2)}`,
    (_, { answer }) => `\n${answer}\n`,
    (_, { answer }) => `\t${answer}`,
    (random, { answer }) => random.pick(['alice', 'Bob', 'carol', 'arnold', 'eric', answer]),
    (_, { answer }) => answer.replaceAll('a', 'а'),
    (_, { answer }) => answer.replaceAll('k', '\u212a'),
  ],
  arc: [
    (_, { answer }) => answer.replaceAll(' ', '  '),
    (_, { answer }) => answer.replaceAll(' ', ''),
    (_, { answer }) => answer.replaceAll(' ', ', '),
    (_, { answer }) => answer.replaceAll(' ', '\n'),
    (_, { answer }) => `[${answer}]`,
    (_, { answer }) => `Output: ${answer}`,
    (_, { answer }) => `${answer} 0`,
    (_, { answer }) => answer.slice(2),
    (random, { answer }) => {
      const at = 2 * random.integer((answer.length + 1) / 2);
      return answer.slice(0, at) + random.integer(10) + answer.slice(at + 1);
    },
    (_, { answer }) => answer.split(' ').reverse().join(' '),
  ],
};

/**
 * The numbers of a Countdown puzzle under an expression with a broken value, and the whole part of that as the target. Null where it
 * is whole.
 */
export function cutPuzzle({ task, truth }: PeerPuzzle): PeerPuzzle | null {
  const [a, b, c, d] = truth.numbers as [number, number, number, number];
  const value = a * b + c / d;
  if (Number.isInteger(value)) return null;
  return { task, truth: { target: Math.trunc(value), numbers: truth.numbers! }, answer: `${a} * ${b} + ${c} / ${d}` };
}

/** Answers to a puzzle: the right one, another puzzle's, and changed ones. */
export function answersTo(random: KeyedRandom, puzzle: PeerPuzzle, other: PeerPuzzle, count: number): string[] {
  const all = [...anyTask, ...changes[puzzle.task]!];
  return Array.from({ length: count }, (_, at) => {
    if (at === 0) return puzzle.answer;
    return at === 1 ? other.answer : random.pick(all)(random, puzzle);
  });
}

/** In what ways a full score differs. */
export const peerDifferences = [
  'numbers-as-a-set',
  'value-cut',
  'python-expression',
  'line-break',
  'white-space',
] as const;
export type PeerDifference = (typeof peerDifferences)[number];

/** Why one side gives a full score and the other does not; null for what is not explained. */
export function peerDifferenceOf(
  { task, truth }: PeerPuzzle,
  answer: string,
  fullHere: boolean,
): PeerDifference | null {
  if (task === 'countdown') {
    if (fullHere) return answer.trim().includes('\n') ? 'line-break' : null;
    if (!/^[-+*/()\d\s]*$/.test(answer) || /\*\*|\/\/|\b0\d/.test(answer)) return 'python-expression';
    const written = (answer.match(/\d+/g) ?? []).map(Number);
    const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b).join();
    return ascending(written) === ascending(truth.numbers!) ? 'value-cut' : 'numbers-as-a-set';
  }
  const [mine, wanted] = [answer.trim().toLowerCase(), String(truth.target).toLowerCase()];
  if (fullHere) return task === 'arc' || mine === wanted ? 'white-space' : null;
  return mine.replaceAll('\n', '') === wanted ? 'line-break' : null;
}
