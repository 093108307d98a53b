/**
 * Looks at every file of a store: each artefact against its hash, each commit against its own and its artefacts, each line of the journal.
 * What is damaged can be set aside, so that the work behind it is done again. Reads everything: as fast as the disk.
 */
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from './content.ts';
import { ensureFolder, replaceFile } from './durable-file.ts';
import { type FolderStore, parseCommit } from './folder-store.ts';
import { parseJournalLine } from './journal.ts';
import { DAMAGED_FOLDER, setAside } from './set-aside.ts';
import { artefactFiles, commitFiles, namesIn } from './survey.ts';

/** One damaged file. */
export interface StoreDamage {
  readonly kind: 'artefact' | 'commit' | 'journal';
  readonly path: string;
  /** What is wrong with it, in words. */
  readonly state: string;
  /** Where it lies now; null where it was left in its place. */
  readonly aside: string | null;
}

/** @param repair whether what is damaged is set aside; safe beside living processes */
export async function* examineStore(
  store: FolderStore,
  { repair }: { readonly repair: boolean },
): AsyncGenerator<StoreDamage> {
  const { folder } = store;
  const damagedArtefacts = new Set<string>();
  for await (const { path, sha256 } of artefactFiles(store)) {
    const isDamaged = async (where: string) => (await hashFile(where))?.sha256 !== sha256;
    const found = await hashFile(path);
    if (found === null || found.sha256 === sha256) continue;
    damagedArtefacts.add(sha256);
    const aside = repair ? await setAside(folder, path, isDamaged) : null;
    yield { kind: 'artefact', path, state: `${found.bytes} bytes that are not those of its name`, aside };
  }
  for await (const { path, commit } of commitFiles(store)) {
    if (commit === null) {
      const aside = repair
        ? await setAside(folder, path, async (where) => parseCommit(await readFile(where, 'utf8')) === null)
        : null;
      yield { kind: 'commit', path, state: 'no commit record', aside };
      continue;
    }
    for (const ref of commit.refs) {
      if (!damagedArtefacts.has(ref.sha256) && (await store.has(ref))) continue;
      // Whoever looks a commit up sets it aside where its artefacts are not there.
      const isAside = repair && (await store.lookup(commit.key)) === null;
      const state = `${commit.key} names ${ref.kind} ${ref.sha256.slice(0, 12)}, which is damaged or gone`;
      yield { kind: 'commit', path, state, aside: isAside ? join(folder, DAMAGED_FOLDER) : null };
      break;
    }
  }
  yield* journalDamage(folder, repair);
}

/** The last line of a file may be cut off: that is how a kill leaves it. */
async function* journalDamage(folder: string, repair: boolean): AsyncGenerator<StoreDamage> {
  for (const name of await namesIn(join(folder, 'journal'))) {
    const path = join(folder, 'journal', name);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
    const whole = lines.filter((line) => parseJournalLine(line) !== null);
    if (whole.length === lines.length) continue;
    let aside: string | null = null;
    if (repair) {
      aside = join(folder, DAMAGED_FOLDER, `journal-${name}`);
      await ensureFolder(join(folder, DAMAGED_FOLDER));
      await rename(path, aside);
      await replaceFile(path, Buffer.from(whole.map((line) => `${line}\n`).join('')), join(folder, 'temporary'));
    }
    yield {
      kind: 'journal',
      path,
      state: `${lines.length - whole.length} of ${lines.length} lines are no events`,
      aside,
    };
  }
}
