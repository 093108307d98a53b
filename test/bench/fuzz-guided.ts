/**
 * Coverage-guided fuzzing of the verifiers by Jazzer.js: the corpus grows by inputs that reach new branches of the scoring code. Each
 * verdict is compared with the oracle of `test/fuzz`.
 *
 *     npm run bench fuzz-guided [-- --task countdown,zebra,arc] [--seconds 60] [--node FILE] [--libc DIR]
 *
 * `--node` names a Node 20: under Node 26 the addon of Jazzer.js 4.0.0 corrupts its own heap after some ten thousand runs (a native
 * crash whose input passes alone). The scoring code is bundled for it as plain JavaScript. Jazzer.js is no dependency of the workspace: it is installed below `.evenkeel/peers` when it is first asked for. Its addon wants
 * glibc 2.38 or newer. On a system with an older one, `--libc` names a folder with `ld-linux-x86-64.so.2`, `libc.so.6`, `libstdc++.so.6`
 * and their like of a newer one (from Debian 13: `apt-get download libc6 libstdc++6 libgcc-s1`, and `dpkg-deb -x` of each). The corpus
 * stays in that folder for the next time, and what failed in `crash-*` beside it. Exits 1 where anything was found.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keyedRandom } from '@evenkeel/core';
import { fuzzCompletion } from '../fuzz/completions.ts';
import { fragments } from '../fuzz/pieces.ts';
import { fuzzTaskOf, fuzzTasks } from '../fuzz/tasks.ts';

const JAZZER = '4.0.0';
const ESBUILD = '0.28.2';
const folder = join(import.meta.dirname, '../../.evenkeel/peers', `jazzer-${JAZZER}`);
const LONGEST = 4096;
const SEEDS = 300;

interface Ended {
  readonly code: number;
  readonly said: string;
}

function run(program: string, args: readonly string[], show = false): Promise<Ended> {
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (show) process.stderr.write(text);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, said }));
  });
}

async function install(): Promise<void> {
  const made = join(folder, 'installed');
  if (existsSync(made)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  console.error(`Installing Jazzer.js ${JAZZER} in ${folder}`);
  const packages = [`@jazzer.js/core@${JAZZER}`, `esbuild@${ESBUILD}`];
  const { code, said } = await run('npm', ['install', '--no-audit', '--no-fund', ...packages]);
  if (code !== 0) throw new Error(`Cannot install Jazzer.js: npm ended with ${code}, expected 0\n${said.trim()}`);
  writeFileSync(made, '');
}

/** The scoring code, the oracle and the target, one file that Jazzer.js instruments. */
async function bundle(task: string): Promise<string> {
  const entry = join(folder, `${task}.entry.ts`);
  const target = join(import.meta.dirname, '../fuzz/guided-target.ts');
  writeFileSync(
    entry,
    `import { guidedTarget } from ${JSON.stringify(target)};\nexport const fuzz = guidedTarget('${task}');\n`,
  );
  const outfile = join(folder, `${task}.target.js`);
  const args = ['--bundle', '--platform=node', '--format=cjs', '--target=es2023', `--outfile=${outfile}`, entry];
  const { code, said } = await run(join(folder, 'node_modules/.bin/esbuild'), args);
  if (code !== 0) throw new Error(`Cannot bundle ${task}: esbuild ended with ${code}, expected 0\n${said.trim()}`);
  return outfile;
}

/** Nearly right completions to begin with, and words to build with. */
function writeSeeds(task: string): { readonly corpus: string; readonly dictionary: string } {
  const corpus = join(folder, `${task}.corpus`);
  mkdirSync(corpus, { recursive: true });
  for (let index = 0; index < SEEDS; index++) {
    const random = keyedRandom(0, `fuzz-guided/${task}`, index);
    const { source } = fuzzTaskOf(task).invent(random);
    const text = fuzzCompletion(random, source);
    if (text.length >= LONGEST) continue;
    writeFileSync(join(corpus, `seed-${index}`), Buffer.concat([Buffer.of(random.integer(8) * 2), Buffer.from(text)]));
  }
  const dictionary = join(folder, 'dictionary.txt');
  const quoted = fragments
    .filter((fragment) => fragment.length <= 32)
    .map((fragment) => [...Buffer.from(fragment)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''));
  writeFileSync(dictionary, quoted.map((word) => `"${word}"\n`).join(''));
  return { corpus, dictionary };
}

interface Machine {
  /** The Node that fuzzes. */
  readonly node: string;
  /** Folder of a newer glibc. */
  readonly libc: string | undefined;
}

async function fuzz(task: string, seconds: number, { node, libc }: Machine): Promise<boolean> {
  const target = await bundle(task);
  const { corpus, dictionary } = writeSeeds(task);
  const limits = [`-max_total_time=${seconds}`, `-max_len=${LONGEST}`, `-dict=${dictionary}`, '-timeout=5', '-seed=1'];
  const jazzer = [join(folder, 'node_modules/@jazzer.js/core/dist/cli.js'), target, corpus];
  const args = [...jazzer, '--sync', '-i', `${task}.target`, '--', ...limits];
  const { code, said } =
    libc === undefined
      ? await run(node, args)
      : await run(join(libc, 'ld-linux-x86-64.so.2'), [
          '--library-path',
          `${libc}:/lib/x86_64-linux-gnu`,
          node,
          ...args,
        ]);
  if (/version `GLIBC_\S+' not found/.test(said)) {
    throw new Error(
      "Cannot run Jazzer.js: this system's glibc is too old for its addon, expected 2.38 or newer, or --libc DIR with one",
    );
  }
  if (/malloc\(\)|corrupt|double free/.test(said.slice(-200))) {
    throw new Error('Cannot go on with Jazzer.js: its addon corrupted its heap, expected Node 20 by --node FILE');
  }
  const done = said.match(/#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)\S* .*exec\/s: (\d+)/);
  if (code === 0 && done !== null) {
    const [, runs, branches, features, kept, perSecond] = done;
    console.log(
      `${task}: ${runs} runs (${perSecond}/s), ${branches} branches, ${features} features, corpus of ${kept}, nothing found`,
    );
    return true;
  }
  console.log(`${task}: ended with ${code}\n${said.slice(-4000).trim()}`);
  return false;
}

const { values } = parseArgs({
  options: {
    task: { type: 'string', default: fuzzTasks.join(',') },
    seconds: { type: 'string', default: '60' },
    node: { type: 'string', default: process.execPath },
    libc: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
if (!Number.isSafeInteger(seconds) || seconds < 1) {
  console.error(`Cannot fuzz: --seconds is "${values.seconds}", expected a whole number from 1 on`);
  process.exit(2);
}
try {
  for (const task of values.task.split(',')) fuzzTaskOf(task);
  await install();
  let clean = true;
  for (const task of values.task.split(','))
    clean = (await fuzz(task, seconds, { node: values.node, libc: values.libc })) && clean;
  process.exitCode = clean ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
