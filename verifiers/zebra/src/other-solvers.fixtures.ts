/**
 * Two more exact solvers for the tests, which share nothing with the one that generates (`grid.ts`, `small-grid.ts`): trying every grid,
 * and search for models of a formula (Davis, Putnam, Logemann, Loveland). Both read a puzzle's words, as a reader would.
 */
import type { ZebraData } from './generate.ts';

/** What is proved about a puzzle. */
export interface Proof {
  /** The names in house 1 of the grids that agree with all clues: one for each grid, at most two. */
  readonly answers: readonly string[];
  /** Places of clues that can be left out, one by one, and still only one grid agrees. */
  readonly needless: readonly number[];
  /** How often the search had to guess to find all grids; 0 where each step follows from those before it. */
  readonly guesses: number;
}

/** Value by value its house, counted from 1. */
type Houses = ReadonlyMap<string, number>;

function agrees(houses: Houses, [kind, subject, object]: ZebraData['clues'][number]): boolean {
  const house = houses.get(subject)!;
  if (kind === 'in') return house === object;
  const other = houses.get(String(object))!;
  return kind === 'same' ? house === other : kind === 'left' ? house + 1 === other : Math.abs(house - other) === 1;
}

function permutationsOf(count: number): number[][] {
  if (count === 0) return [[]];
  return permutationsOf(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, at) => [...rest.slice(0, at), count, ...rest.slice(at)]),
  );
}

/** By trying all grids: 216 of three houses, 331,776 of four. A grid that breaks one clue only proves that this clue is needed. */
export function proofByEveryGrid({ houses, characteristics, clues }: ZebraData): Proof {
  const orders = permutationsOf(houses);
  const places = new Map<string, number>();
  const answers: string[] = [];
  const needed = new Set<number>();
  const place = (at: number): void => {
    if (at < characteristics.length) {
      for (const order of orders) {
        characteristics[at]!.values.forEach((value, which) => {
          places.set(value, order[which]!);
        });
        place(at + 1);
      }
      return;
    }
    let broken = -1;
    for (let clue = 0; clue < clues.length; clue++) {
      if (agrees(places, clues[clue]!)) continue;
      if (broken >= 0) return;
      broken = clue;
    }
    if (broken >= 0) needed.add(broken);
    else if (answers.length < 2) answers.push(characteristics[0]!.values.find((name) => places.get(name) === 1)!);
  };
  place(0);
  return { answers, needless: [...clues.keys()].filter((clue) => !needed.has(clue)), guesses: 0 };
}

/** A variable, counted from 1, or its negation. */
type Literal = number;
type Clause = readonly Literal[];

/** As a formula: `value v stands in house h` is a variable. */
export function proofByModels(data: ZebraData): Proof {
  const all = modelsOf(data, data.clues);
  const needless = [...data.clues.keys()].filter(
    (left) =>
      modelsOf(
        data,
        data.clues.filter((_, at) => at !== left),
      ).answers.length === 1,
  );
  return { ...all, needless };
}

function modelsOf(
  data: ZebraData,
  clues: ZebraData['clues'],
): { readonly answers: string[]; readonly guesses: number } {
  const { houses, characteristics } = data;
  const values = characteristics.flatMap((characteristic) => characteristic.values);
  const stands = (value: string | number, house: number): Literal => values.indexOf(String(value)) * houses + house;
  const row = Array.from({ length: houses }, (_, at) => at + 1);
  const clauses: Clause[] = [];
  const exactlyOne = (literals: Clause): void => {
    clauses.push(literals);
    literals.forEach((one, at) => {
      for (const other of literals.slice(at + 1)) clauses.push([-one, -other]);
    });
  };
  for (const value of values) exactlyOne(row.map((house) => stands(value, house)));
  for (const characteristic of characteristics) {
    for (const house of row) exactlyOne(characteristic.values.map((value) => stands(value, house)));
  }
  /** If `one` stands in a house, the other stands in that house moved by one of the steps. */
  const implies = (one: string | number, other: string | number, steps: readonly number[]): void => {
    for (const house of row) {
      const places = steps.map((step) => house + step).filter((place) => place >= 1 && place <= houses);
      clauses.push([-stands(one, house), ...places.map((place) => stands(other, place))]);
    }
  };
  for (const [kind, subject, object] of clues) {
    switch (kind) {
      case 'in':
        clauses.push([stands(subject, Number(object))]);
        break;
      case 'same':
        implies(subject, object, [0]);
        implies(object, subject, [0]);
        break;
      case 'left':
        implies(subject, object, [1]);
        implies(object, subject, [-1]);
        break;
      case 'by':
        implies(subject, object, [-1, 1]);
        implies(object, subject, [-1, 1]);
    }
  }
  const answers: string[] = [];
  const names = characteristics[0]!.values;
  const guesses = eachModel(clauses, values.length * houses, (truth) => {
    answers.push(names.find((name) => truth[stands(name, 1)] === 1)!);
    return answers.length < 2;
  });
  return { answers, guesses };
}

/**
 * Visits the models of a formula until `visit` says no more.
 *
 * @returns how many guesses it took
 */
function eachModel(clauses: readonly Clause[], variables: number, visit: (truth: Int8Array) => boolean): number {
  const truth = new Int8Array(variables + 1);
  const assigned: number[] = [];
  let guesses = 0;
  const truthOf = (literal: Literal): number => truth[Math.abs(literal)]! * Math.sign(literal);
  const assign = (literal: Literal): void => {
    truth[Math.abs(literal)] = Math.sign(literal);
    assigned.push(Math.abs(literal));
  };
  /** Assigns what follows from clauses with one literal left. @returns false where a clause has none */
  const follow = (): boolean => {
    for (let changed = true; changed; ) {
      changed = false;
      for (const clause of clauses) {
        let open: Literal = 0;
        let count = 0;
        for (const literal of clause) {
          const value = truthOf(literal);
          if (value > 0) {
            count = 2;
            break;
          }
          if (value < 0) continue;
          open = literal;
          count++;
        }
        if (count === 0) return false;
        if (count > 1) continue;
        assign(open);
        changed = true;
      }
    }
    return true;
  };
  /** @returns whether to go on */
  const search = (): boolean => {
    const mark = assigned.length;
    const undo = (): void => {
      while (assigned.length > mark) truth[assigned.pop()!] = 0;
    };
    let goOn = true;
    if (follow()) {
      const open = truth.indexOf(0, 1);
      if (open < 0) goOn = visit(truth);
      else {
        guesses++;
        const inner = assigned.length;
        for (const literal of [open, -open]) {
          if (!goOn) break;
          assign(literal);
          goOn = search();
          while (assigned.length > inner) truth[assigned.pop()!] = 0;
        }
      }
    }
    undo();
    return goOn;
  };
  search();
  return guesses;
}
