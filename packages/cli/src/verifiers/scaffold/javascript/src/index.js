// @ts-check
/**
 * Who has the most: an example to put a task of your own in place of. A task answers three questions, all of them pure: which puzzle
 * (`generate`), which words (`prompt`), which verdict (`score`); `gold` and `decoy` are answers to test them with.
 */
import { drawInSplit, keyedRandom, lastBoxed } from '../sdk/verifier.js';

/**
 * @typedef {import('../sdk/verifier.js').KeyedRandom} KeyedRandom
 * @typedef {import('../sdk/verifier.js').PromptStyle} PromptStyle
 * @typedef {import('../sdk/verifier.js').Verdict} Verdict
 * @typedef {{ readonly name: string, readonly points: number }} Player
 * @typedef {{ readonly players: readonly Player[] }} GameData what a prompt needs to know
 * @typedef {{ readonly players: number, readonly mostPoints: number }} LevelRule
 */

/** @type {ReadonlyMap<string, LevelRule>} */
const levels = new Map([
  ['tiny', { players: 3, mostPoints: 20 }],
  ['easy', { players: 5, mostPoints: 999 }],
  ['hard', { players: 8, mostPoints: 99_999 }],
]);

/** The first three are words that the shipped tiny policy knows. */
const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];

/** @type {import('../sdk/verifier.js').TaskVerifier<GameData>} */
const verifier = {
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

/**
 * @param {KeyedRandom} random the only source of chance that there is
 * @param {LevelRule} rule
 * @returns {Player[] | null} null where two have the same points: there is one answer, or the draw is no puzzle and is made again
 */
function drawPlayers(random, rule) {
  const players = names.slice(0, rule.players).map((name) => ({ name, points: random.integer(rule.mostPoints + 1) }));
  return new Set(players.map(({ points }) => points)).size === players.length ? players : null;
}

/** @param {readonly Player[]} players */
function winnerOf(players) {
  return players.reduce((best, player) => (player.points > best.points ? player : best));
}

/** @param {readonly Player[]} players */
function identityOf(players) {
  return players.map(({ points }) => points).join(',');
}

/**
 * @param {Player} player
 * @param {PromptStyle} style
 */
function boxed({ name }, style) {
  return style === 'compact' ? `\\boxed{ ${name} }` : `\\boxed{${capitalised(name)}}`;
}

/** @param {string} name */
function capitalised(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** @param {unknown} truth of a puzzle, or of a row that somebody wrote */
function targetOf(truth) {
  if (typeof truth !== 'object' || truth === null || !('target' in truth)) return null;
  return typeof truth.target === 'string' && truth.target !== '' ? truth.target : null;
}

/**
 * @param {1 | 0.1 | 0} reward right; in the form, but wrong; no answer in the form
 * @param {string | null} answer
 * @param {string} reason stable, in a few words: people count them
 * @returns {Verdict}
 */
function verdict(reward, answer, reason) {
  return {
    kind: 'scored',
    reward,
    correct: reward === 1,
    formatted: reward > 0,
    answer: answer === null ? null : answer.slice(0, 200).toWellFormed(),
    reason,
  };
}
