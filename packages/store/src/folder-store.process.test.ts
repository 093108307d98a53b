/** The store under several processes, under SIGKILL, and on file systems that refuse. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FolderStore, openFolderStore } from './folder-store.ts';

let folder: string;
let store: FolderStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-store-'));
  store = await openFolderStore(join(folder, 'store'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const INDEX = new URL('./index.ts', import.meta.url).href;

/** Runs a program that has `store`, the store in `path`, in a process of its own. */
function program(path: string, body: string) {
  const text = `import { openFolderStore } from ${JSON.stringify(INDEX)};
    const store = await openFolderStore(${JSON.stringify(path)});
    ${body}`;
  return [process.execPath, '--input-type=module-typescript', '--eval', text] as const;
}

describe('commits', () => {
  test('of many processes that commit one key at once exactly one wins, and all are told the same', async () => {
    const children = Array.from({ length: 4 }, (_, index) => {
      const [node, ...args] = program(
        store.folder,
        `const keys = Array.from({ length: 8 }, (_, key) => 'run/step/' + key);
         process.stdout.write('ready\\n');
         await new Promise((go) => process.stdin.once('data', go));
         const winners = [];
         for (const key of keys) winners.push((await store.commit(key, { result: ${index}, refs: [], attempt: 1 })).result);
         process.stdout.write(JSON.stringify(winners) + '\\n');
         process.exit();`,
      );
      return spawn(node, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    });
    const lines = children.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]());
    await Promise.all(lines.map((line) => line.next()));
    for (const child of children) child.stdin.write('go\n');
    const winners = await Promise.all(lines.map(async (line) => (await line.next()).value));
    expect(new Set(winners).size).toBe(1);
    const committed = await store.listCommits();
    expect(committed).toHaveLength(8);
    for (const { key, result } of committed) expect(JSON.parse(winners[0]!)[Number(key.slice(9))]).toBe(result);
  });

  test('what a killed process had reported as committed is there, whole, and nothing half-made beside it', async () => {
    const [node, ...args] = program(
      store.folder,
      `for (let index = 0; ; index++) {
         const ref = await store.put('text', new Uint8Array(50_000).fill(index));
         await store.commit('run/step/' + index, { result: index, refs: [ref], attempt: 1 });
         process.stdout.write(index + '\\n');
       }`,
    );
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let reported = -1;
    for await (const line of createInterface(child.stdout)) {
      reported = Number(line);
      if (reported === 15) child.kill('SIGKILL');
    }
    const commits = await store.listCommits('run/step/');
    expect(commits.length).toBeGreaterThanOrEqual(reported + 1);
    for (const { refs } of commits) for (const ref of refs) expect((await store.get(ref)).length).toBe(50_000);
  });
});

/** Of util-linux; where it is missing, the tests below are skipped. */
const UNSHARE = 'unshare';
/** A file system of its own, in a namespace of its own: no rights needed where the kernel lets users have one. */
const namespaces =
  spawnSync(UNSHARE, ['-rm', 'mount', '-t', 'tmpfs', 'none', dirname(fileURLToPath(INDEX))]).status === 0;

describe.skipIf(!namespaces)(
  'on a file system that refuses (skipped where users may not make mount namespaces)',
  () => {
    async function onTmpfs(body: string): Promise<string> {
      const [node, ...args] = program(
        folder,
        `const run = async () => { ${body} }; console.log(await run().catch((error) => error.code + ' ' + error.retryable + ' ' + error.message)); process.exit();`,
      );
      const script = `mount -t tmpfs -o size=256k none "${folder}" && exec "$@"`;
      const child = spawn(UNSHARE, ['-rm', 'sh', '-c', script, 'sh', node, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk) => chunks.push(chunk));
      child.stderr.on('data', (chunk) => chunks.push(chunk));
      await once(child, 'close');
      return Buffer.concat(chunks).toString();
    }

    test('a full disk is told as such, changes nothing, and what was there can still be read', async () => {
      const output = await onTmpfs(`
      const small = await store.put('text', new TextEncoder().encode('small'));
      const told = await store.put('policy', new Uint8Array(1_000_000).fill(7)).catch((error) => error);
      const { readdir } = await import('node:fs/promises');
      const left = await readdir(store.folder + '/temporary');
      return [told.code, told.retryable, told.message, left.length, Buffer.from(await store.get(small)).toString()].join(' | ');`);
      expect(output.trim()).toMatch(
        /^disk-full \| true \| Cannot write artefact policy [0-9a-f]{12}: no space is left for .*, expected some: free space there and go on, nothing committed is lost \| 0 \| small$/,
      );
    });

    test('a read-only file system is told when the store is opened', async () => {
      const output = await onTmpfs(`
      const { spawnSync } = await import('node:child_process');
      spawnSync('mount', ['-o', 'remount,ro', store.folder], { stdio: 'inherit' });
      await openFolderStore(store.folder);
      return 'opened';`);
      expect(output.trim()).toMatch(
        /^read-only false Cannot open store: .* is not writable here, expected write access: mend its permissions, or choose another folder with --home$/,
      );
    });
  },
);
