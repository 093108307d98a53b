/**
 * Who has the most: an example to put a task of your own in place of. A task answers three questions, all of them pure: which puzzle
 * (`generate`), which words (`prompt`), which verdict (`score`); `gold` and `decoy` are answers to test them with.
 */
import {
  drawInSplit,
  type KeyedRandom,
  keyedRandom,
  lastBoxed,
  type PromptStyle,
  type TaskVerifier,
  type Verdict,
} from '@evenkeel/verifier';

type Player = { readonly name: string; readonly points: number };

/** What a prompt needs to know. Type aliases, as interfaces would not count as JSON. */
export type GameData = { readonly players: readonly Player[] };

interface LevelRule {
  readonly players: number;
  readonly mostPoints: number;
}

const levels: ReadonlyMap<string, LevelRule> = new Map([
  ['tiny', { players: 3, mostPoints: 20 }],
  ['easy', { players: 5, mostPoints: 999 }],
  ['hard', { players: 8, mostPoints: 99_999 }],
]);

/** The first three are words that the shipped tiny policy knows. */
const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];

const verifier: TaskVerifier<GameData> = {
  manifest: {
    id: 'template-task',
    version: '1.0.0',
    sdk: '^1',
    title: 'Who has the most',
    levels: [...levels.keys()],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },

  generate(query) {
    const rule = levels.get(query.level);
    if (rule === undefined) {
      throw new RangeError(
        `Cannot generate a puzzle: level is "${query.level}", expected one of ${[...levels.keys()].join(', ')}`,
      );
    }
    // Two puzzles of one identity are one puzzle: it decides the split, and is the id.
    const players = drawInSplit(query, 'template-task-1', (random) => drawPlayers(random, rule), identityOf);
    return {
      id: identityOf(players),
      level: query.level,
      data: { players },
      groundTruth: { target: winnerOf(players).name },
    };
  },

  prompt({ data }, style) {
    if (style === 'compact')
      return `most : ${data.players.map(({ name, points }) => `${name} is ${points}`).join(' , ')} :`;
    const game = data.players.map(({ name, points }) => `${capitalised(name)} has ${points} points.`).join(' ');
    return `${game} Who has the most? Put the name into \\boxed{}, for example \\boxed{Zoe}.`;
  },

  gold({ data }, style) {
    return boxed(winnerOf(data.players), style);
  },

  decoy({ id, data }, style, variant) {
    const winner = winnerOf(data.players);
    const others = data.players.filter(({ name }) => name !== winner.name);
    return boxed(keyedRandom(variant, `template-task-1/decoy/${id}`).pick(others), style);
  },

  score({ groundTruth, completion }) {
    const target = targetOf(groundTruth);
    if (target === null) {
      const message = 'Cannot score an answer: ground truth is malformed, expected { target } with a name';
      return { kind: 'failed', error: { code: 'ground-truth', message } };
    }
    const answer = lastBoxed(completion)?.trim() ?? '';
    if (answer === '') return verdict(0, null, 'no-answer');
    const name = answer.length > 40 ? '' : answer.toLowerCase();
    if (name === target) return verdict(1, answer, 'correct');
    return verdict(0.1, answer, names.includes(name) ? 'wrong-name' : 'not-a-name');
  },
};

export default verifier;

/** @returns null where two have the same points: there is one answer, or the draw is no puzzle and is made again */
function drawPlayers(random: KeyedRandom, rule: LevelRule): Player[] | null {
  const players = names.slice(0, rule.players).map((name) => ({ name, points: random.integer(rule.mostPoints + 1) }));
  return new Set(players.map(({ points }) => points)).size === players.length ? players : null;
}

function winnerOf(players: readonly Player[]): Player {
  return players.reduce((best, player) => (player.points > best.points ? player : best));
}

function identityOf(players: readonly Player[]): string {
  return players.map(({ points }) => points).join(',');
}

function boxed({ name }: Player, style: PromptStyle): string {
  return style === 'compact' ? `\\boxed{ ${name} }` : `\\boxed{${capitalised(name)}}`;
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** @param truth of a puzzle, or of a row that somebody wrote */
function targetOf(truth: unknown): string | null {
  if (typeof truth !== 'object' || truth === null || !('target' in truth)) return null;
  return typeof truth.target === 'string' && truth.target !== '' ? truth.target : null;
}

/**
 * @param reward right; in the form, but wrong; no answer in the form
 * @param reason stable, in a few words: people count them
 */
function verdict(reward: 1 | 0.1 | 0, answer: string | null, reason: string): Verdict {
  return {
    kind: 'scored',
    reward,
    correct: reward === 1,
    formatted: reward > 0,
    answer: answer === null ? null : answer.slice(0, 200).toWellFormed(),
    reason,
  };
}
