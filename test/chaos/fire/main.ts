/**
 * `npm run chaos`: the same run twice, once undisturbed, once under fire, and whether they end with the same weights.
 *
 *     npm run chaos -- [--kills 100] [--seed 1] [--steps 60] [--config RUN.json] [--out DIR] [--keep]
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openFolderStore } from '@evenkeel/store';
import { defaultChaosRun } from './default-run.ts';
import { proveStore } from './proof.ts';
import { type Fire, holds, markdown, timelineSvg } from './report.ts';
import { runUnderFire } from './run-under-fire.ts';
import { schedule } from './schedule.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
    config: { type: 'string' },
    out: { type: 'string', default: '.evenkeel/chaos' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
});
if (values.help) {
  console.log(`A run under random kills, stops and cut sockets, beside the same run undisturbed.

  --kills N      SIGKILLs, over all kinds of process (default 100); 4 stops, cuts or stalls for each 10 of them
  --seed N       of the blows: the same seed, the same blows (default 1)
  --steps N      of the run (default 60)
  --config FILE  another run than the small one that is meant for this
  --out DIR      where report.md, timeline.svg and report.json go (default .evenkeel/chaos)
  --keep         keeps both homes, in DIR/homes`);
  process.exit(0);
}

const [kills, seed, steps] = [Number(values.kills), Number(values.seed), Number(values.steps)];
const out = resolve(values.out);
await mkdir(out, { recursive: true });
const homes = values.keep ? join(out, 'homes') : await mkdtemp(join(tmpdir(), 'evenkeel-chaos-'));
if (values.keep) {
  await rm(homes, { recursive: true, force: true });
  await mkdir(homes);
}
const say = (line: string) => console.error(line);
try {
  const base = values.config === undefined ? defaultChaosRun : JSON.parse(await readFile(values.config, 'utf8'));
  const config = join(homes, 'run.json');
  const run = 'under-fire';
  await writeFile(config, JSON.stringify({ ...base, steps, run }));

  say(`The undisturbed run, ${steps} steps …`);
  const calm = await runUnderFire({ home: join(homes, 'calm'), config, blows: [], say });
  say(
    `Undisturbed: ${(calm.wallMs / 1000).toFixed(1)} s, sha256 ${calm.result.policy.sha256.slice(0, 16)}. Under fire, ${kills} kills …`,
  );
  const blows = schedule({ seed, kills, othersPerTenKills: 4, meanGapMs: (0.8 * calm.wallMs) / (1.4 * kills) });
  const home = join(homes, 'fire');
  const fire = await runUnderFire({ home, config, blows, say });
  const store = await openFolderStore(join(home, 'store'));
  const proof = await proveStore(store, run, steps);
  await store.close();

  const command = `npm run chaos -- --kills ${kills} --seed ${seed} --steps ${steps}`;
  const report: Fire = { seed, command, calm: { sha256: calm.result.policy.sha256, wallMs: calm.wallMs }, fire, proof };
  await writeFile(join(out, 'report.md'), markdown(report));
  await writeFile(join(out, 'timeline.svg'), timelineSvg(report));
  await writeFile(join(out, 'report.json'), JSON.stringify(report, null, 2));
  console.log(markdown(report));
  const done = fire.interruptions.filter(({ blow }) => blow.action === 'kill').length;
  if (done < kills) say(`Only ${done} of ${kills} kills fell before the run's end: more --steps, or fewer --kills`);
  say(`${holds(report) ? 'Everything held' : 'A promise did not hold'}; ${join(out, 'report.md')}`);
  process.exitCode = holds(report) && done >= kills ? 0 : 1;
} finally {
  if (!values.keep) await rm(homes, { recursive: true, force: true });
}
