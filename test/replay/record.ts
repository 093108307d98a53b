/**
 * Records histories for the replay tests: of a run, of one of its steps with one round, of one with several rounds if there is
 * one, and of its first evaluation.
 *
 *     node test/replay/record.ts --home DIR --run NAME [--to test/replay/histories/VERSION] [--prefix NAME]
 *
 * The home may be at work or at rest. Default of `--to` is the folder of this version; those of earlier ones stay as they are
 * (`histories/README.md`).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '@evenkeel/protocol';
import { evaluationWorkflowId, stepWorkflowId } from '@evenkeel/workflows';
import type { Client } from '@temporalio/client';
import { type RecordedHistory, timelineOf } from '../support/history.ts';
import { fetchHistory, withHomeTemporal } from '../support/home-temporal.ts';

const { values } = parseArgs({
  options: {
    home: { type: 'string' },
    run: { type: 'string' },
    to: { type: 'string', default: join(import.meta.dirname, 'histories', version) },
    prefix: { type: 'string' },
  },
});
const { home, run, to } = values;
if (home === undefined || run === undefined) {
  console.error('Cannot record: --home and --run are missing, expected both');
  process.exit(2);
}
const prefix = values.prefix ?? run;
const place = resolve(home);

/** Without what belongs to the machine that it was recorded on: its host's name, and where its home lay. */
function cleaned(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^\d+@/.test(value)) return 'worker';
  if (key !== 'data') return value;
  const text = Buffer.from(value, 'base64').toString();
  return text.includes(place) ? Buffer.from(text.replaceAll(place, '/home-of-the-run')).toString('base64') : value;
}

function write(kind: string, history: RecordedHistory['history']): void {
  const path = join(to, `${prefix}-${kind}.json`);
  writeFileSync(path, `${JSON.stringify(JSON.parse(JSON.stringify(history), cleaned), null, 1)}\n`);
  console.log(`${path}: ${history.events.length} events`);
}

/** The first finished step with one round, and the first with several. */
async function recordSteps(client: Client, name: string): Promise<void> {
  const wanted = new Set(['step', 'step-several-rounds']);
  for (let step = 1; wanted.size > 0; step++) {
    const history = await fetchHistory(client, stepWorkflowId(name, step));
    if (history === null) break;
    const rounds = timelineOf(history)?.activities.filter(({ type }) => type === 'closeRound').length ?? 0;
    const kind = rounds === 1 ? 'step' : 'step-several-rounds';
    if (rounds > 0 && wanted.delete(kind)) write(kind, history);
  }
  if (wanted.size > 0) console.log(`not in this run: ${[...wanted].join(', ')}`);
}

mkdirSync(to, { recursive: true });
await withHomeTemporal(home, async (client) => {
  const whole = await fetchHistory(client, run);
  if (whole === null) throw new Error(`Cannot record: ${home} knows no run "${run}", expected one that train started`);
  write('run', whole);
  await recordSteps(client, run);
  const evaluated = await fetchHistory(client, evaluationWorkflowId(run, 0));
  if (evaluated !== null) write('evaluation', evaluated);
});
