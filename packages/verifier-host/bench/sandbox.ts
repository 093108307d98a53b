/**
 * Verdicts per second through the sandbox, puzzles per second, start-up and memory, by task. Reads `/proc`: Linux only.
 *
 *     node packages/verifier-host/bench/sandbox.ts [verdicts=40000]
 */
import { readFileSync } from 'node:fs';
import { openSandbox } from '../src/index.ts';

const count = Number(process.argv[2] ?? 40_000);
const puzzles = 2000;

for (const verifier of ['countdown', 'zebra', 'arc']) {
  const opened = performance.now();
  const sandbox = await openSandbox({ verifier });
  const startMs = performance.now() - opened;
  const queries = Array.from({ length: puzzles }, (_, index) => ({
    seed: 1,
    index,
    level: 'tiny',
    split: 'train' as const,
  }));
  const drawing = performance.now();
  const drawn = await sandbox.draw(queries, { style: 'compact', gold: 0, decoy: 0 });
  const drawMs = performance.now() - drawing;
  const submissions = Array.from({ length: count }, (_, at) => {
    const { puzzle, gold, decoy } = drawn[at % puzzles]!;
    return { groundTruth: puzzle.groundTruth, completion: at % 2 === 0 ? gold! : decoy! };
  });
  const hostCpu = process.cpuUsage();
  const sandboxCpuMs = cpuMs(sandbox.pid!);
  const scoring = performance.now();
  const verdicts = await sandbox.score(submissions);
  const scoreMs = performance.now() - scoring;
  const { user, system } = process.cpuUsage(hostCpu);
  const sandboxUs = ((cpuMs(sandbox.pid!) - sandboxCpuMs) * 1000) / count;
  const right = verdicts.filter((verdict, at) => verdict.kind === 'scored' && verdict.reward === (at % 2 ? 0.1 : 1));
  console.log(
    JSON.stringify({
      verifier,
      startMs: Math.round(startMs),
      puzzlesPerSecond: Math.round((puzzles / drawMs) * 1000),
      verdictsPerSecond: Math.round((count / scoreMs) * 1000),
      // Computing time of the two sides: what a busy machine does not change much.
      hostUsPerVerdict: Number(((user + system) / count).toFixed(1)),
      sandboxUsPerVerdict: Number(sandboxUs.toFixed(1)),
      asExpected: `${right.length}/${count}`,
      sandboxMb: Math.round(residentMb(sandbox.pid!)),
    }),
  );
  await sandbox.close();
}

function residentMb(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096) / 1e6;
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
