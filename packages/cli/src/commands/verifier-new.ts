/** `evenkeel verifier new`: a package with a task in it that conforms as it stands. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { discoverVerifiers, findVerifier, openSandbox, workspaceVerifiersDir } from '@evenkeel/verifier-host';
import { type Command, exitCodes, UsageError } from '../command.ts';
import { positional, textFlag } from '../flag-values.ts';
import { updateGolden } from '../verifiers/golden-file.ts';
import { sandboxSubject } from '../verifiers/sandbox-subject.ts';
import { nameFault, type ScaffoldKind, scaffoldFiles } from '../verifiers/scaffold.ts';

export const verifierNewCommand: Command = {
  name: 'verifier new',
  summary: 'make a package with a task in it that passes the conformance kit, to put your own in its place',
  usage: 'NAME',
  flags: {
    dir: { type: 'string', value: 'PARENT', help: 'the folder that the new one is made in (default: the current one)' },
    js: { type: 'boolean', help: 'JavaScript with types in comments (the default outside this workspace)' },
    ts: { type: 'boolean', help: "TypeScript (the default in this workspace's verifiers/)" },
  },
  help: `
NAME is what configurations call the task: kebab-case, at most 40 characters. The package stands alone: it carries the SDK along (sdk/),
its tests run with node --test, npm pack makes a tarball of it that evenkeel verifier add takes. With --dir verifiers it is a package of
this workspace instead. docs/write-a-verifier.md goes on from here.

Examples:
  evenkeel verifier new words
  evenkeel verifier test ./words`,
  async run({ positionals, flags, home, json, print, printJson }) {
    const [name = ''] = positional(positionals, { least: 1, most: 1 }, 'one name: evenkeel verifier new NAME');
    const fault = nameFault(name);
    if (fault !== null) throw new UsageError(`Cannot read NAME: ${fault}`);
    const parent = resolve(textFlag(flags, 'dir') ?? '.');
    const kind = kindOf(flags, parent);
    const folder = join(parent, name);
    refuseTaken(name, folder, home);
    const files = scaffoldFiles(name, kind);
    try {
      for (const [path, text] of files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      await recordGolden(folder);
    } catch (error) {
      // Half a package would be in the way of the next try.
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    const shown = relative('.', folder);
    const path = shown.startsWith('..') ? shown : `./${shown}`;
    const paths = [...files.keys(), 'golden.json'].sort();
    if (json) {
      printJson({ kind: 'made', name, folder, files: paths });
      return exitCodes.done;
    }
    print(`Made ${path}: ${paths.join(', ')}`);
    const door = kind === 'javascript' ? 'src/index.js' : 'src/index.ts';
    print(`Next: evenkeel verifier test ${path}; then put your task into ${join(path, door)}`);
    if (kind === 'workspace') print('Run npx pnpm install once, so that the lockfile knows the package.');
    return exitCodes.done;
  },
};

function kindOf(flags: Readonly<Record<string, unknown>>, parent: string): ScaffoldKind {
  if (flags.js === true && flags.ts === true) {
    throw new UsageError('Cannot choose a language: --js and --ts are both given, expected at most one');
  }
  if (flags.js === true) return 'javascript';
  if (parent === workspaceVerifiersDir()) return 'workspace';
  return flags.ts === true ? 'typescript' : 'javascript';
}

function refuseTaken(name: string, folder: string, home: string): void {
  const refuse = (state: string, expected: string): never => {
    throw new ConfigError(`Cannot make verifier "${name}": ${state}, expected ${expected}`, {
      code: 'verifier-exists',
    });
  };
  if (existsSync(folder)) refuse(`${folder} is there already`, 'a new folder; give another name or --dir');
  const taken = discoverVerifiers({ home }).find(({ id }) => id === name);
  if (taken !== undefined) refuse(`there is one of this name in ${taken.folder}`, 'another name');
}

async function recordGolden(folder: string): Promise<void> {
  const sandbox = await openSandbox({ verifier: findVerifier(folder).folder });
  try {
    await updateGolden(folder, sandboxSubject(sandbox));
  } finally {
    await sandbox.close();
  }
}
