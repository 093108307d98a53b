/**
 * The benches by name: `npm run bench NAME -- ARGS`. Each is a program of its own and says itself what it takes: `--help` shows the head
 * of its file.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const benches: Readonly<Record<string, { readonly path: string; readonly summary: string }>> = {
  orchestration: { path: './orchestration.ts', summary: 'what Temporal and the sockets cost of each step of a run' },
  overhead: { path: './overhead.ts', summary: 'what durability costs: a run beside the same run as a bare loop' },
  'long-run': {
    path: './long-run.ts',
    summary: '2,000 steps of a stub-sized policy: does anything grow or slow down?',
  },
  'many-runs': {
    path: './many-runs.ts',
    summary: 'several runs on shared workers: steps per second, fairness, updates done again',
  },
  'empty-steps': { path: './empty-steps.ts', summary: 'the least that a step can cost: the same round trips, empty' },
  sandbox: {
    path: '../../packages/verifier-host/bench/sandbox.ts',
    summary: 'verdicts per second through the sandbox',
  },
  'hostile-mix': {
    path: '../../packages/verifier-host/bench/hostile-mix.ts',
    summary: 'hostile items among good ones: every good verdict right, and what they cost',
  },
  service: {
    path: '../../packages/verifier-service/bench/service.ts',
    summary: 'what HTTP costs: requests and verdicts per second, beside the sandbox without it',
  },
  verdicts: { path: './verdicts.ts', summary: 'verdicts per second on one core, in process and through the sandbox' },
  'reasoning-gym': { path: './reasoning-gym.ts', summary: "our verdicts beside reasoning-gym's: agreement and speed" },
  fuzz: { path: './fuzz.ts', summary: 'hostile and nearly right completions: no throw, no hang, no other reward' },
  'fuzz-guided': { path: './fuzz-guided.ts', summary: 'the same, guided by the branches that are reached (Jazzer.js)' },
  generators: {
    path: './generators.ts',
    summary: 'puzzles per second, a million without a throw, and how hard they are',
  },
  'train-step': { path: './train-step.ts', summary: "a whole training step beside TRL's, in turns" },
  decode: { path: './decode.ts', summary: "completion tokens per second beside transformers' generate, in turns" },
  matmul: { path: './matmul.ts', summary: 'training beside the rate of plain products of matrices, and what is lost' },
  'shared-prompts': { path: './shared-prompts.ts', summary: "what it gains to compute a group's prompt once" },
  cost: { path: './cost.ts', summary: 'what a step costs against length, batch, group size, parameters, tasks' },
  large: { path: './large.ts', summary: "Qwen2.5-0.5B's shape: score, decode, train; peak memory beside its estimate" },
  startup: { path: './startup.ts', summary: 'how long the engine takes to be ready for the tiny policy' },
  peers: { path: './peers.ts', summary: 'makes the virtual environment with torch, transformers and TRL' },
  profile: { path: './profile.ts', summary: "where the engine's time goes, by operation (onnxruntime's profiler)" },
};

const [name, ...rest] = process.argv.slice(2).filter((argument) => argument !== '--');
const bench = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
if (bench === undefined) {
  if (name !== undefined) console.error(`Cannot bench ${name}: there is no such bench, expected one of these`);
  for (const [known, { summary }] of Object.entries(benches)) console.error(`  ${known.padEnd(14)} ${summary}`);
  process.exit(2);
}
const path = fileURLToPath(new URL(bench.path, import.meta.url));
if (rest.includes('--help')) {
  const [, head = ''] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(path, 'utf8')) ?? [];
  console.log(head.replaceAll(/^ \* ?/gm, '').trim());
  process.exit(0);
}
const child = spawn(process.execPath, ['--no-warnings', path, ...rest], { stdio: 'inherit' });
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
