/**
 * Our verifiers beside reasoning-gym's scorers, on the same answers: how often they agree that an answer is right, why not where they
 * do not, and how fast each is on one core. Puzzles of both sides, right answers, wrong ones and changed ones.
 *
 *     npm run bench reasoning-gym [-- --cases 12000] [--seed 0] [--json]
 *
 * Makes its virtual environment under `.evenkeel/peers` (Python 3.11 or newer). All times are CPU time of one thread. Exits 1 where a
 * difference belongs to no class that `docs/verdicts.md` lists.
 */
import { parseArgs } from 'node:util';
import { keyedRandom } from '@evenkeel/core';
import type { Submission, TaskVerifier } from '@evenkeel/verifier';
import { fuzzTaskOf, fuzzTasks } from '../fuzz/tasks.ts';
import {
  answersTo,
  askReasoningGym,
  cutPuzzle,
  type PeerPuzzle,
  peerDifferenceOf,
  reasoningGymPython,
  reasoningGymVersion,
} from '../peers/reasoning-gym.ts';

/** The figure to reach. */
const TIMES = 20;
const LEVEL = 'medium';
const ANSWERS = 5;
/** Puzzles whose target is a value cut to a whole number. */
const CUT = 50;
const CPU_US = 300_000;

interface PeerCase {
  readonly origin: 'theirs' | 'ours';
  readonly puzzle: PeerPuzzle;
  readonly answer: string;
}

interface Generated {
  readonly puzzles: readonly PeerPuzzle[];
  readonly perSecond: Readonly<Record<string, number>>;
}

async function theirPuzzles(python: string, count: number, seed: number): Promise<Generated> {
  const lines = await askReasoningGym(python, ['generate', String(count), String(seed)], []);
  const { perSecond } = lines.pop() as Pick<Generated, 'perSecond'>;
  return { puzzles: lines as PeerPuzzle[], perSecond };
}

function ourPuzzles(count: number, seed: number): Generated {
  const perSecond: Record<string, number> = {};
  const puzzles = fuzzTasks.flatMap((task) => {
    const { verifier } = fuzzTaskOf(task);
    const draw = (index: number) => verifier.generate({ seed, index, level: LEVEL, split: 'train' });
    for (let index = 0; index < count; index++) draw(index);
    const start = process.threadCpuUsage();
    const drawn = Array.from({ length: count }, (_, index) => draw(index));
    perSecond[task] = (count / cpuUsSince(start)) * 1e6;
    return drawn.map((puzzle): PeerPuzzle => {
      const gold = verifier.gold(puzzle, 'chat');
      const answer = gold.slice(gold.indexOf('{') + 1, gold.lastIndexOf('}'));
      return { task, truth: puzzle.groundTruth as PeerPuzzle['truth'], answer: answer.toLowerCase() };
    });
  });
  return { puzzles, perSecond };
}

function cpuUsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return user + system;
}

function casesOf(origin: PeerCase['origin'], puzzles: readonly PeerPuzzle[], count: number, seed: number): PeerCase[] {
  return fuzzTasks.flatMap((task) => {
    const mine = puzzles.filter((puzzle) => puzzle.task === task);
    const each = Math.max(ANSWERS, Math.ceil(count / mine.length));
    return mine
      .flatMap((puzzle, index) => {
        const random = keyedRandom(seed, `peers/${origin}/${task}`, index);
        const answers = answersTo(random, puzzle, mine[(index + 1) % mine.length]!, each);
        return answers.map((answer): PeerCase => ({ origin, puzzle, answer }));
      })
      .slice(0, count);
  });
}

const submissionOf = ({ puzzle, answer }: PeerCase): Submission => ({
  groundTruth: puzzle.truth as Submission['groundTruth'],
  completion: `\\boxed{${answer}}`,
});

/** CPU microseconds of one verdict, the box's search included. */
function microseconds(verifier: TaskVerifier, submissions: readonly Submission[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 3; repeat++) {
    const start = process.threadCpuUsage();
    let verdicts = 0;
    while (cpuUsSince(start) < CPU_US) {
      for (const submission of submissions) verifier.score(submission);
      verdicts += submissions.length;
    }
    best = Math.min(best, cpuUsSince(start) / verdicts);
  }
  return best;
}

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '12000' },
    seed: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const [total, seed] = [Number(values.cases), Number(values.seed)];
if (!Number.isSafeInteger(total) || total < 60 || !Number.isSafeInteger(seed) || seed < 0) {
  console.error('Cannot compare with reasoning-gym: expected --cases from 60 on and --seed from 0 on, whole numbers');
  process.exit(2);
}
const share = Math.ceil(total / 6);
const python = await reasoningGymPython();
const isCountdown = ({ task }: PeerPuzzle): boolean => task === 'countdown';
const theirs = await theirPuzzles(python, Math.ceil(share / ANSWERS), seed);
const ours = ourPuzzles(Math.ceil(share / ANSWERS), seed);
const cases = [...casesOf('theirs', theirs.puzzles, share, seed), ...casesOf('ours', ours.puzzles, share, seed)];
const cut = ours.puzzles.filter(isCountdown).slice(0, CUT).map(cutPuzzle);
for (const puzzle of cut) if (puzzle !== null) cases.push({ origin: 'ours', puzzle, answer: puzzle.answer });
const rows = cases.map(({ puzzle, answer }) => ({ task: puzzle.task, ...puzzle.truth, answer }));
const answers = await askReasoningGym(python, ['score'], rows);
const { secondsPerVerdict } = answers.pop() as {
  secondsPerVerdict: Record<string, { readonly answer: number; readonly completion: number }>;
};

interface Compared {
  readonly at: PeerCase;
  readonly fullHere: boolean;
  readonly fullThere: boolean;
  readonly score: number | null;
}

const compared = cases.map((at, index): Compared => {
  const verdict = fuzzTaskOf(at.puzzle.task).verifier.score(submissionOf(at));
  const { score } = answers[index] as { score: number | null };
  return { at, fullHere: verdict.kind === 'scored' && verdict.reward === 1, fullThere: score === 1, score };
});

let unexplained = 0;
let [oursSum, theirsSum, theirsCompletionSum] = [0, 0, 0];
const say = (text: string): void => {
  if (!values.json) console.log(text);
};
say(`beside reasoning-gym ${reasoningGymVersion}, ${cases.length} answers, level ${LEVEL}, seed ${seed}`);
for (const task of fuzzTasks) {
  const mine = compared.filter(({ at }) => at.puzzle.task === task);
  const differences: Record<string, number> = {};
  const examples: Record<string, string> = {};
  for (const { at, fullHere, fullThere, score } of mine) {
    if (fullHere === fullThere) continue;
    const reason = peerDifferenceOf(at.puzzle, at.answer, fullHere) ?? 'unexplained';
    if (reason === 'unexplained') unexplained++;
    const name = `${reason}, full ${fullHere ? 'here' : 'there'}`;
    differences[name] = (differences[name] ?? 0) + 1;
    examples[name] ??= `${JSON.stringify(at.answer)} for ${JSON.stringify(at.puzzle.truth)}, there ${score}`;
  }
  const both = mine.filter(({ fullHere, fullThere }) => fullHere && fullThere).length;
  const agreed = mine.filter(({ fullHere, fullThere }) => fullHere === fullThere).length;
  const ownRight = mine.filter(
    ({ at, fullHere }) => at.origin === 'theirs' && at.answer === at.puzzle.answer && !fullHere,
  ).length;
  const unanswered = mine.filter(({ score }) => score === null).length;
  const verifier = fuzzTaskOf(task).verifier;
  const us = microseconds(
    verifier,
    mine.map(({ at }) => submissionOf(at)),
  );
  const there = secondsPerVerdict[task]!;
  oursSum += us;
  theirsSum += there.answer * 1e6;
  theirsCompletionSum += there.completion * 1e6;
  const result = {
    kind: 'task',
    task,
    cases: mine.length,
    agreed,
    fullOnBothSides: both,
    differences,
    theirAnswersWrongHere: ownRight,
    unanswered,
    oursUs: us,
    theirsUs: there.answer * 1e6,
    theirsWithExtractionUs: there.completion * 1e6,
    generatedPerSecond: { ours: ours.perSecond[task], theirs: theirs.perSecond[task] },
  };
  if (values.json) console.log(JSON.stringify(result));
  say(`\n${task}: ${mine.length} answers, ${agreed} agreed (${both} right on both sides)`);
  for (const [name, count] of Object.entries(differences))
    say(`  ${name.padEnd(34)} ${String(count).padStart(6)}   ${examples[name]}`);
  if (ownRight > 0) say(`  of their own answers ${ownRight} are wrong here`);
  if (unanswered > 0) say(`  ${unanswered} without a score there within the time`);
  const times = (value: number): string => `${(value / us).toFixed(0)}x`;
  say(
    `  a verdict: ours ${us.toFixed(2)} µs from the completion; theirs ${result.theirsUs.toFixed(2)} µs from the answer (${times(result.theirsUs)}), ` +
      `${result.theirsWithExtractionUs.toFixed(2)} µs from the completion (${times(result.theirsWithExtractionUs)})`,
  );
  const [here, elsewhere] = [ours.perSecond[task]!, theirs.perSecond[task]!];
  say(`  puzzles/s: ours ${here.toFixed(0)}, theirs ${elsewhere.toFixed(0)} (${(here / elsewhere).toFixed(0)}x)`);
}
const [ratio, ratioCompletion] = [theirsSum / oursSum, theirsCompletionSum / oursSum];
if (values.json)
  console.log(JSON.stringify({ kind: 'result', cases: cases.length, unexplained, ratio, ratioCompletion }));
say(
  `\nthe three tasks in equal shares: ${ratio.toFixed(0)}x from the answer, ${ratioCompletion.toFixed(0)}x from the completion (expected at least ${TIMES}x)`,
);
if (unexplained > 0) say(`${unexplained} differences belong to no listed class`);
process.exitCode = unexplained === 0 ? 0 : 1;
