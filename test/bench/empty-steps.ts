/**
 * The least that a step's orchestration can cost on this machine, in this minute: steps with one round and nothing in them, on the
 * same Temporal server and SDK. Beside it, a run's figure says how much of it is ours.
 *
 *     npm run bench empty-steps -- [--steps N] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readEndpoints } from '@evenkeel/infra';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { timelineOf, unionMs } from '../support/history.ts';
import { fetchHistory, withHomeTemporal } from '../support/home-temporal.ts';
import { median } from './median.ts';

const CONTROL = 'bench-control';
const QUEUES = ['bench-rollout', 'bench-verify', 'bench-train'];
/** The first steps are of a cold server and cold code. */
const COLD = 5;

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '40' }, json: { type: 'boolean', default: false } },
});
const steps = COLD + Number(values.steps);
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });
const workflowsPath = fileURLToPath(new URL('./empty-step.ts', import.meta.url));
const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
const home = mkdtempSync(join(tmpdir(), 'evenkeel-empty-'));
const costs = await withHomeTemporal(home, async (client) => {
  const { temporal } = readEndpoints(home);
  const connection = await NativeConnection.connect({ address: temporal!.address });
  const common = { connection, namespace: temporal!.namespace, activities: { nothing: async () => {} } };
  const workers = [
    await Worker.create({ ...common, taskQueue: CONTROL, workflowBundle }),
    ...(await Promise.all(QUEUES.map((taskQueue) => Worker.create({ ...common, taskQueue })))),
  ];
  const ended = Promise.all(workers.map((worker) => worker.run()));
  await client.workflow.execute('emptyRun', { workflowId: 'empty', taskQueue: CONTROL, args: [steps, QUEUES] });
  const found: number[] = [];
  for (let step = COLD + 1; step <= steps; step++) {
    const timeline = timelineOf((await fetchHistory(client, `empty/${step}`))!)!;
    found.push(
      timeline.to -
        timeline.from -
        unionMs(
          timeline.activities.filter(({ from, to }) => to > from),
          timeline,
        ),
    );
  }
  for (const worker of workers) worker.shutdown();
  await ended;
  await connection.close();
  return found;
});
rmSync(home, { recursive: true, force: true });
const result = { steps: costs.length, medianMs: median(costs), worstMs: Math.max(...costs) };
if (values.json) console.log(JSON.stringify(result));
else
  console.log(
    `empty steps ${result.steps}: median ${result.medianMs.toFixed(1)} ms, most ${result.worstMs.toFixed(1)} ms`,
  );
process.exit(0);
