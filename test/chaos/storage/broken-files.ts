/** Every file of a home that must be whole and is not, found by looking at the files themselves, as the store's own code does not. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths below the home, each with what is wrong. */
export async function brokenFiles(home: string): Promise<string[]> {
  const broken: string[] = [];
  const tell = (path: string, wrong: string) => broken.push(`${path.slice(home.length + 1)}: ${wrong}`);
  for (const path of filesBelow(join(home, 'store/objects'))) {
    const name = path.slice(-65).replace('/', '');
    const found = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (found !== name) tell(path, `holds ${found}`);
  }
  for (const path of [...filesBelow(join(home, 'store/commits')), ...filesBelow(join(home, 'runs'))]) {
    if (!path.endsWith('.json')) continue;
    const record = jsonOf(readFileSync(path, 'utf8')) as { refs?: { sha256: string; bytes: number }[] } | undefined;
    if (record === undefined) tell(path, 'is no JSON');
    else if (path.includes('/store/commits/')) {
      for (const { sha256, bytes } of record.refs ?? []) {
        const object = join(home, 'store/objects', sha256.slice(0, 2), sha256.slice(2));
        if (!existsSync(object) || readFileSync(object).length !== bytes)
          tell(path, `names ${sha256}, which is not there`);
      }
    }
  }
  for (const path of filesBelow(join(home, 'store/journal'))) {
    const lines = readFileSync(path, 'utf8').split('\n');
    lines.pop();
    for (const [index, line] of lines.entries())
      if (jsonOf(line) === undefined) tell(path, `line ${index + 1} is no JSON`);
  }
  return broken;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  // Drafts have names that begin with a dot or a process's number and are not what anybody reads.
  return entries
    .filter((entry) => entry.isFile() && !/^\.|^\d+-[0-9a-f]{8}-[0-9a-f-]{27}$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
