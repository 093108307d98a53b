import { type TaskConfig, type TaskEntry, taskEntryOf } from '@evenkeel/protocol';
import { findVerifier, isVerifierPath, linkVerifier } from '@evenkeel/verifier-host';

/**
 * The tasks as entries, each verifier by reference: one that is named by the path of its folder is installed into the home, so that
 * a run can name it, and find it on another day.
 *
 * @param install whether to; otherwise a path is only read for what it names
 * @throws {VerifierHostError} where a folder holds no verifier, or one that cannot be installed
 */
export async function linkedTasks(
  tasks: readonly (string | TaskEntry | TaskConfig)[],
  home: string,
  install = true,
): Promise<TaskEntry[]> {
  const entries = tasks.map((task) => (typeof task === 'string' ? taskEntryOf(task) : task));
  const paths = new Set(entries.map(({ verifier }) => verifier).filter(isVerifierPath));
  const references = new Map<string, string>();
  // One after the other: a home has one installation at a time.
  for (const path of paths) {
    if (install) references.set(path, (await linkVerifier(home, path)).reference);
    else {
      const { id, version } = findVerifier(path, { home });
      references.set(path, `${id}@${version}`);
    }
  }
  return entries.map((entry) => ({ ...entry, verifier: references.get(entry.verifier) ?? entry.verifier }));
}
