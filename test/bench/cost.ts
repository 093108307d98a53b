/**
 * What a step costs, so that a run can be foreseen: one table each against length, batch, group size, parameters and tasks, time and
 * memory. All but the tasks' are whole steps of the engine (generate, loss with gradient, AdamW) in a process of their own each; the
 * tasks' is what a step plans and weighs, for there is nothing else that more tasks make slower.
 *
 *     npm run bench cost [-- --tables length,batch,group,parameters,tasks] [--repeats 3] [--threads 2] [--json]
 *
 * Where a table does not vary it: 0.99 M parameters, 16 prompts of 36 to 40 tokens × 8 rollouts of 32 tokens.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { wholeNumber } from './arguments.ts';
import { benchConfigs } from './bench-policy.ts';
import type { CostMeasured, CostPoint } from './cost-point.ts';
import { machine, warnIfBusy } from './machine.ts';
import { taskCost } from './task-cost.ts';
import { textTable } from './text-table.ts';

const BENCH = 'cost';
const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: 'length,batch,group,parameters,tasks' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
warnIfBusy(machine());
const repeats = wholeNumber(BENCH, 'repeats', values.repeats);
const threads = wholeNumber(BENCH, 'threads', values.threads);

const base: CostPoint = {
  ...{ model: benchConfigs['0.99M'], groups: 16, rollouts: 8, promptTokens: 38, newTokens: 32 },
  ...{ threads, repeats },
};

/** A decoder of this width: heads of 32, half as many key heads, an inner width of about four times. */
const decoder = (width: number, layers: number): CostPoint['model'] => ({
  ...{ hidden_size: width, intermediate_size: 4 * width, num_hidden_layers: layers },
  ...{ num_attention_heads: width / 32, num_key_value_heads: width / 64 },
});

interface Table {
  readonly head: string;
  readonly points: readonly { readonly name: string; readonly point: CostPoint }[];
}

const tables: Readonly<Record<string, Table>> = {
  length: {
    head: 'prompt + new tokens',
    points: [
      [38, 8],
      [38, 32],
      [38, 128],
      [38, 512],
      [152, 32],
      [608, 32],
    ].map(([promptTokens, newTokens]) => {
      const model = { ...base.model, max_position_embeddings: 1024 };
      const lengths = { promptTokens: promptTokens!, newTokens: newTokens! };
      return { name: `${promptTokens} + ${newTokens}`, point: { ...base, model, ...lengths } };
    }),
  },
  batch: {
    head: 'prompts × rollouts',
    points: [2, 8, 32, 128].map((groups) => ({ name: `${groups} × 8`, point: { ...base, groups } })),
  },
  group: {
    head: 'prompts × group size',
    points: [
      [64, 2],
      [32, 4],
      [16, 8],
      [8, 16],
      [4, 32],
    ].map(([groups, rollouts]) => ({
      name: `${groups} × ${rollouts}`,
      point: { ...base, groups: groups!, rollouts: rollouts! },
    })),
  },
  parameters: {
    head: 'layers × width',
    points: [
      { name: '2 × 64', model: decoder(64, 2) },
      { name: '4 × 128', model: benchConfigs['0.99M'] },
      { name: '6 × 256', model: benchConfigs['5.9M'] },
      { name: '8 × 512', model: decoder(512, 8) },
    ].map(({ name, model }) => ({ name, point: { ...base, model } })),
  },
};

async function measured(point: CostPoint): Promise<CostMeasured> {
  const path = join(import.meta.dirname, 'cost-point.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', path, JSON.stringify(point)]);
  return JSON.parse(stdout) as CostMeasured;
}

function cells(name: string, { groups, rollouts, newTokens }: CostPoint, result: CostMeasured): string[] {
  const ms = (value: number): string => value.toFixed(0);
  return [
    name,
    result.parameters < 1e6 ? `${(result.parameters / 1e6).toFixed(2)} M` : `${(result.parameters / 1e6).toFixed(1)} M`,
    ms(result.generateMs),
    ms(result.updateMs),
    ms(result.wholeMs),
    `${((groups * rollouts * newTokens) / result.wholeMs).toFixed(1)} k`,
    ms(result.firstMs),
    ms(result.memoryMb),
  ];
}

const wanted = values.tables.split(',');
for (const name of wanted) {
  if (name === 'tasks' || Object.hasOwn(tables, name)) continue;
  console.error(
    `Cannot bench ${BENCH}: --tables has ${name}, expected ${[...Object.keys(tables), 'tasks'].join(', ')}`,
  );
  process.exit(2);
}
for (const name of wanted) {
  const table = tables[name];
  if (table === undefined) continue;
  const rows: string[][] = [];
  for (const { name: row, point } of table.points) {
    const result = await measured(point);
    if (values.json) console.log(JSON.stringify({ kind: 'point', table: name, ...point, ...result }));
    rows.push(cells(row, point, result));
  }
  if (values.json) continue;
  const head = ['parameters', 'generate ms', 'update ms', 'step ms', 'tokens/s', 'first step ms', 'memory MB'];
  console.log(`\n${textTable([table.head, ...head], rows)}`);
}
if (wanted.includes('tasks')) {
  const rows = [3, 30, 300, 3000, 10_000].map((tasks) => {
    const cost = taskCost(tasks);
    if (values.json) console.log(JSON.stringify({ kind: 'tasks', ...cost }));
    const { planMs, observeMs, stateBytes } = cost;
    return [`${tasks}`, planMs.toFixed(2), observeMs.toFixed(2), (stateBytes / 1000).toFixed(1)];
  });
  if (!values.json) {
    console.log(`\n${textTable(['tasks', 'planning ms a step', 'weighing ms a step', 'state kB'], rows)}`);
  }
}
