/**
 * Verdicts per second through the sandbox as `openVerifier` gives them (checked, spot checks included), with one process and with as
 * many as there are cores; puzzles per second, start-up and memory, by task. Reads `/proc`: Linux only.
 *
 *     node packages/verifier-host/bench/sandbox.ts [verdicts=40000]
 */
import { readFileSync } from 'node:fs';
import type { Submission } from '@evenkeel/verifier';
import { openVerifier, type SandboxedVerifier } from '../src/open-verifier.ts';
import { usualProcesses } from '../src/verifier-pool.ts';

const count = Number(process.argv[2] ?? 40_000);
const puzzles = 2000;
const CHUNK = 1024;

for (const verifier of ['countdown', 'zebra', 'arc']) {
  const opened = performance.now();
  const one = await open(verifier, 1);
  const startMs = performance.now() - opened;
  const queries = Array.from({ length: puzzles }, (_, index) => ({
    seed: 1,
    index,
    level: 'tiny',
    split: 'train' as const,
  }));
  const drawing = performance.now();
  const drawn = await one.draw(queries, { style: 'compact', gold: 0, decoy: 0 });
  const drawMs = performance.now() - drawing;
  const submissions = Array.from({ length: count }, (_, at) => {
    const { puzzle, gold, decoy } = drawn[at % puzzles]!;
    return { groundTruth: puzzle.groundTruth, completion: at % 2 === 0 ? gold! : decoy! };
  });
  const hostCpu = process.cpuUsage();
  const sandboxCpuMs = cpuMs(one.pids[0]!);
  const alone = await score(one, submissions);
  const { user, system } = process.cpuUsage(hostCpu);
  const sandboxUs = ((cpuMs(one.pids[0]!) - sandboxCpuMs) * 1000) / count;
  const sandboxMb = memoryMb(one.pids[0]!);
  await one.close();

  const many = await open(verifier, usualProcesses());
  // A first round starts the processes.
  await score(many, submissions);
  const together = await score(many, submissions);
  console.log(
    JSON.stringify({
      verifier,
      startMs: Math.round(startMs),
      puzzlesPerSecond: Math.round((puzzles / drawMs) * 1000),
      verdictsPerSecond: alone.perSecond,
      // Computing time of the two sides: what a busy machine does not change much.
      hostUsPerVerdict: Number(((user + system) / count).toFixed(1)),
      sandboxUsPerVerdict: Number(sandboxUs.toFixed(1)),
      asExpected: `${alone.right}/${count}`,
      processes: many.pids.length,
      verdictsPerSecondTogether: together.perSecond,
      sandboxMb,
      spotChecked: many.counts().spotChecked,
    }),
  );
  await many.close();
}

async function open(verifier: string, processes: number): Promise<SandboxedVerifier> {
  return (await openVerifier({ verifier, processes })) as SandboxedVerifier;
}

/** In chunks, a few under way at once, as the verifier host does. */
async function score(
  verifier: SandboxedVerifier,
  submissions: readonly Submission[],
): Promise<{ perSecond: number; right: number }> {
  let next = 0;
  let right = 0;
  const startedAt = performance.now();
  const lane = async () => {
    while (next < submissions.length) {
      const from = next;
      next += CHUNK;
      const verdicts = await verifier.score(submissions.slice(from, from + CHUNK));
      for (const [at, verdict] of verdicts.entries()) {
        if (verdict.kind === 'scored' && verdict.reward === ((from + at) % 2 ? 0.1 : 1)) right++;
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return { perSecond: Math.round((submissions.length / (performance.now() - startedAt)) * 1000), right };
}

/** Resident, and of it what no other process shares. */
function memoryMb(pid: number): { resident: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const mb = (name: string) => Math.round((Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) * 1024) / 1e6);
  return { resident: mb('Rss'), own: mb('Private_Dirty') };
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
