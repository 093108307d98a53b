/** `evenkeel check`: every file of a home against its hash or its form, what each damage means, and what becomes of it. */
import { databaseFile, examineDatabase, livingSupervisor } from '@evenkeel/infra';
import { examineStore, openFolderStore } from '@evenkeel/store';
import { examineRun, runFolders } from '../check/examine-runs.ts';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { requireStore } from './gc.ts';

/** What follows from damage in the store. */
const MEANINGS = {
  artefact: 'set aside, it is made again by the work that made it, when a run needs it',
  commit: 'set aside, its work is done again when a run asks for it; the same inputs give the same bytes',
  journal: 'the journal is for people and tests: nothing is decided by it',
} as const;

export const checkCommand: Command = {
  name: 'check',
  summary: 'look at every file of a home: what is damaged, what it means, and what heals by itself',
  usage: '',
  flags: { repair: { type: 'boolean', help: 'set damaged files aside, so that what they held is made again' } },
  help: `
Reads everything: each artefact against its hash, each commit, each record of each run, and, where the home is at rest, the Temporal
server's file. Changes nothing without --repair. What is set aside is kept: in store/damaged, or beside its place as NAME.damaged.
A run that meets damage heals in the same way by itself; check finds it before the run does. Exits with 1 where damage is left.

Examples:
  evenkeel check
  evenkeel check --repair --home /mnt/restored`,
  async run({ positionals, flags, home, json, print, printJson }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel check');
    const repair = flags.repair === true;
    const store = await openFolderStore(requireStore(home));
    let [found, left] = [0, 0];
    const tell = (damage: { kind: string; path: string; state: string; means: string; repaired: boolean }) => {
      found++;
      if (!damage.repaired) left++;
      if (json) printJson({ ...damage, damage: damage.kind, kind: 'damage' });
      else
        print(
          `${damage.repaired ? 'heals  ' : 'damaged'}  ${damage.path}\n         ${damage.state}\n         → ${damage.means}`,
        );
    };
    try {
      for await (const { kind, path, state, aside } of examineStore(store, { repair })) {
        tell({ kind, path, state, means: MEANINGS[kind], repaired: aside !== null });
      }
      for (const run of await runFolders(home)) {
        for await (const damage of examineRun(home, run, store, repair)) tell(damage);
      }
      const database = livingSupervisor(home) === null ? examineDatabase(databaseFile(home)) : null;
      if (database !== null) {
        const means = 'the next start sets it aside and makes a new one; runs go on from their newest states';
        tell({ kind: 'history', path: databaseFile(home), state: database, means, repaired: true });
      }
    } finally {
      await store.close();
    }
    if (json) printJson({ kind: 'check', found, left });
    else
      print(
        found === 0
          ? `Nothing in ${home} is damaged`
          : `${found} damaged, ${left} left${left > 0 && !repair ? ': evenkeel check --repair' : ''}`,
      );
    return left === 0 ? exitCodes.done : exitCodes.failed;
  },
};
