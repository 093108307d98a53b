/** `evenkeel verifier generate`: puzzles of a task as JSON lines, the same for the same flags. */
import { once } from 'node:events';
import { type Command, exitCodes } from '../command.ts';
import { choiceFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { stderrLogger } from '../stderr-logger.ts';
import { openGranted, yesFlag } from '../verifiers/open-granted.ts';

const CHUNK = 512;
const LARGEST_INDEX = 2 ** 32 - 1;

export const verifierGenerateCommand: Command = {
  name: 'verifier generate',
  summary: 'generate puzzles of a task: JSON lines { id, task, level, prompt, groundTruth }',
  usage: 'TASK',
  flags: {
    level: { type: 'string', value: 'NAME', help: 'tiny (default), easy, medium, hard or very_hard' },
    seed: { type: 'string', value: 'N', help: 'of the sequence of puzzles (default: 0)' },
    count: { type: 'string', value: 'N', help: 'how many (default: 20)' },
    from: { type: 'string', value: 'N', help: "the first one's index in the sequence (default: 0)" },
    split: { type: 'string', value: 'NAME', help: 'train (default), tune or heldout' },
    style: { type: 'string', value: 'NAME', help: 'chat or compact (default: compact at the tiny level, else chat)' },
    gold: { type: 'boolean', help: 'a completion that scores 1 with each' },
    yes: yesFlag,
  },
  help: `
TASK is the name of a verifier (words, or words@1.2.0 for one version) or the path of its package.

Examples:
  evenkeel verifier generate zebra --level hard --seed 7 --count 20
  evenkeel verifier generate countdown --count 3 --gold`,
  async run(invocation) {
    const { positionals, flags, printJson } = invocation;
    const [task = ''] = positional(positionals, { least: 1, most: 1 }, 'one task: evenkeel verifier generate TASK');
    const level = textFlag(flags, 'level') ?? 'tiny';
    const seed = wholeFlag(flags, 'seed', 0);
    const from = wholeFlag(flags, 'from', 0);
    const count = Math.min(wholeFlag(flags, 'count', 20), LARGEST_INDEX + 1 - from);
    const split = choiceFlag(flags, 'split', ['train', 'tune', 'heldout'] as const, 'train');
    const style = choiceFlag(flags, 'style', ['chat', 'compact'] as const, level === 'tiny' ? 'compact' : 'chat');
    const withGold = flags.gold === true;
    const verifier = await openGranted(task, invocation, { logger: stderrLogger() });
    try {
      for (let start = from; start < from + count; start += CHUNK) {
        const length = Math.min(CHUNK, from + count - start);
        const queries = Array.from({ length }, (_, at) => ({ seed, index: start + at, level, split }));
        const drawn = await verifier.draw(queries, { style, ...(withGold ? { gold: 0 } : {}) });
        for (const { puzzle, prompt, gold } of drawn) {
          const { id, groundTruth } = puzzle;
          printJson({ id, task: verifier.manifest.id, level, prompt, groundTruth, ...(withGold ? { gold } : {}) });
        }
        if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
      }
    } finally {
      await verifier.close();
    }
    return exitCodes.done;
  },
};
