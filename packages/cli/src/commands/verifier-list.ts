/** `evenkeel verifier list`: every verifier that there is, of the workspace and installed. */
import type { VerifierPermissions } from '@evenkeel/verifier';
import {
  brokenVerifiers,
  discoverVerifiers,
  type Grants,
  inspectVerifier,
  isNothing,
  readGrants,
  readInstallRecord,
  type VerifierPackage,
} from '@evenkeel/verifier-host';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { printable } from '../verifiers/open-granted.ts';
import { textTable } from '../view/text-table.ts';

interface Listed {
  readonly kind: 'verifier';
  readonly id: string;
  readonly version: string;
  readonly origin: VerifierPackage['origin'];
  readonly title: string;
  readonly levels: readonly string[];
  readonly permissions: VerifierPermissions;
  /** Whether it has all that it asks for. */
  readonly granted: boolean;
  readonly sha256: string;
  readonly folder: string;
  /** Where it was installed from; null where that is not known, or it was not. */
  readonly source: string | null;
  /** The endpoint that gives its verdicts; null where it is code. */
  readonly url: string | null;
}

interface Broken {
  readonly kind: 'broken';
  readonly folder: string;
  readonly problem: string;
}

export const verifierListCommand: Command = {
  name: 'verifier list',
  summary: 'list the verifiers: those of the workspace, and those installed in the home',
  usage: '',
  flags: {},
  help: `
Each is opened in the sandbox to read its manifest. Of one name the first is the one that the name without a version means.
A verifier that is marked with * asks for something that was not granted: evenkeel verifier grant ID@VERSION.`,
  async run({ positionals, home, json, print, printJson, note }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel verifier list');
    const grants = await readGrants(home);
    const rows: (Listed | Broken)[] = [];
    for (const found of discoverVerifiers({ home })) rows.push(await look(found, home, grants));
    for (const { folder, error } of brokenVerifiers({ home })) {
      rows.push({ kind: 'broken', folder, problem: error.message });
    }
    if (json) {
      for (const row of rows) printJson(row);
      return exitCodes.done;
    }
    const listed = rows.filter((row) => row.kind === 'verifier');
    for (const line of table(listed)) print(line);
    for (const row of rows) if (row.kind === 'broken') note(`${row.folder}: ${row.problem}`);
    return exitCodes.done;
  },
};

async function look(found: VerifierPackage, home: string, grants: Grants): Promise<Listed | Broken> {
  const { id, version, origin, folder, remote } = found;
  try {
    const { manifest, sha256, missing } = await inspectVerifier(found, grants);
    const record = origin === 'installed' ? await readInstallRecord(home, id, version) : null;
    return {
      kind: 'verifier',
      id,
      version,
      origin,
      title: manifest.title,
      levels: manifest.levels,
      permissions: manifest.permissions,
      granted: isNothing(missing),
      sha256,
      folder,
      source: record?.source ?? null,
      url: remote?.url ?? null,
    };
  } catch (error) {
    return { kind: 'broken', folder, problem: (error as Error).message };
  }
}

function table(rows: readonly Listed[]): string[] {
  return textTable(
    [
      { heading: 'verifier' },
      { heading: 'version' },
      { heading: 'from' },
      { heading: 'content' },
      { heading: 'levels' },
      { heading: 'may' },
      { heading: 'title' },
    ],
    rows.map(({ id, version, origin, sha256, levels, permissions, granted, title, url }) => [
      id,
      version,
      url ?? origin,
      sha256.slice(0, 12),
      levels.map(printable).join(', '),
      isNothing(permissions) ? 'compute' : `${granted ? '' : '* '}${shortly(permissions)}`,
      printable(title),
    ]),
  );
}

/** What is meant is said by `verifier grant`. */
function shortly({ net, read, env }: VerifierPermissions): string {
  const all = [
    ...net.map((name) => `ask ${name}`),
    ...read.map((name) => `read ${name}`),
    ...env.map((name) => `see ${name}`),
  ];
  return printable(all.join(', '));
}
