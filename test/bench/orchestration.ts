/**
 * What orchestration costs: of each step, the time in which neither a worker nor a control activity computed.
 *
 *     npm run bench orchestration -- --home DIR --run NAME [--json]
 *     npm run bench orchestration -- --histories test/replay/histories [--json]
 *
 * The step lasts from the first event of its workflow's history to the last. An activity computes from its started to its
 * completed event; a job that it hands to a worker computes as long as the home's work journal says, from asked for to
 * committed. So a step's time is: computing + Temporal (no activity is started) + sockets (an activity is started, but its job
 * does not run: the server's word on its way to the activity, most of it, and the job's on its way to the worker and back). A control activity counts as computing as a whole, the puzzles that it asks the verifier host for included.
 * Histories alone do not know the journal: then Temporal's part is all that is told.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openFolderStore } from '@evenkeel/store';
import { stepWorkflowId } from '@evenkeel/workflows';
import { readHistories, timelineOf } from '../support/history.ts';
import { fetchHistory, withHomeTemporal } from '../support/home-temporal.ts';
import { costOf, type StepCost } from '../support/step-cost.ts';
import { median } from './median.ts';

/** The figures to reach, for a step with one round. */
const EVENTS = 60;
const MILLISECONDS = 100;

async function fromHome(home: string, run: string): Promise<StepCost[]> {
  const store = await openFolderStore(join(home, 'store'));
  const journal = await store.readJournal();
  await store.close();
  return await withHomeTemporal(home, async (client) => {
    const costs: StepCost[] = [];
    for (let step = 1; ; step++) {
      const history = await fetchHistory(client, stepWorkflowId(run, step));
      if (history === null) return costs;
      const timeline = timelineOf(history);
      if (timeline !== null) costs.push(costOf(timeline, journal));
    }
  });
}

function fromHistories(folder: string): StepCost[] {
  return readHistories(folder)
    .map(({ history }) => timelineOf(history))
    .filter((timeline) => timeline?.workflowType === 'trainingStep')
    .map((timeline) => costOf(timeline!, null));
}

function sumOf({ temporalMs, socketsMs }: StepCost): number {
  return temporalMs + (socketsMs ?? 0);
}

function summaryOf(costs: readonly StepCost[]) {
  const simple = costs.filter(({ rounds }) => rounds === 1);
  if (simple.length === 0) return null;
  const sockets = simple.every(({ socketsMs }) => socketsMs !== null)
    ? simple.map(({ socketsMs }) => socketsMs!)
    : null;
  return {
    steps: simple.length,
    events: Math.max(...simple.map(({ events }) => events)),
    temporalMs: median(simple.map(({ temporalMs }) => temporalMs)),
    socketsMs: sockets === null ? null : median(sockets),
    sumMs: median(simple.map(sumOf)),
    worstMs: Math.max(...simple.map(sumOf)),
  };
}

function print(costs: readonly StepCost[]): void {
  const number = (value: number | null) => (value === null ? '–' : value.toFixed(1)).padStart(10);
  const width = Math.max(...costs.map(({ step }) => step.length), 24);
  console.log(`${'step'.padEnd(width)} rounds events    step ms  Temporal    sockets        sum`);
  for (const cost of costs) {
    const counts = `${String(cost.rounds).padStart(6)} ${String(cost.events).padStart(6)}`;
    const times = [cost.durationMs, cost.temporalMs, cost.socketsMs, sumOf(cost)].map(number).join(' ');
    console.log(`${cost.step.padEnd(width)} ${counts} ${times}`);
  }
  const summary = summaryOf(costs);
  if (summary === null) {
    console.log('\nno finished step with one round');
    return;
  }
  const { steps, events, temporalMs, socketsMs, sumMs, worstMs } = summary;
  const sockets = socketsMs === null ? 'sockets unknown' : `sockets ${socketsMs.toFixed(1)} ms`;
  console.log(`\nsteps with one round: ${steps}`);
  console.log(`events, most          ${events} (expected at most ${EVENTS})`);
  console.log(`orchestration, median ${sumMs.toFixed(1)} ms = Temporal ${temporalMs.toFixed(1)} ms, ${sockets}`);
  console.log(`orchestration, most   ${worstMs.toFixed(1)} ms (expected at most ${MILLISECONDS} in the median)`);
}

const { values } = parseArgs({
  options: {
    home: { type: 'string' },
    run: { type: 'string' },
    histories: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const { home, run, histories } = values;
if (histories === undefined && (home === undefined || run === undefined)) {
  console.error('Cannot bench orchestration: nothing to read, expected --home DIR --run NAME, or --histories DIR');
  process.exit(2);
}
const costs = histories === undefined ? await fromHome(home!, run!) : fromHistories(histories);
if (values.json) {
  for (const cost of costs) console.log(JSON.stringify({ kind: 'step', ...cost, sumMs: sumOf(cost) }));
  console.log(JSON.stringify({ kind: 'summary', ...summaryOf(costs) }));
} else {
  print(costs);
}
