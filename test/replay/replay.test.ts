/**
 * Every recorded history against the workflow code of today, without a server: a run that began with yesterday's code goes on
 * with today's. What fails here would stop a run that is under way; see `record.ts` for how histories are made.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { type RecordedHistory, readHistories, timelineOf } from '../support/history.ts';

const histories = readHistories(join(import.meta.dirname, 'histories'));
let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger, telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(import.meta.resolve('@evenkeel/workflows')),
    logger,
  });
}, 120_000);

async function replay(history: RecordedHistory['history']): Promise<void> {
  const { workflowId } = timelineOf(history) ?? { workflowId: 'unfinished' };
  await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
}

/** The history as it was at the start of each of its workflow tasks but the first. */
function cutHistories({ events }: RecordedHistory['history']): RecordedHistory['history'][] {
  const starts = events.flatMap(({ eventType }, at) => (eventType === 'EVENT_TYPE_WORKFLOW_TASK_STARTED' ? [at] : []));
  return starts.slice(1).map((at) => ({ events: events.slice(0, at + 1) }));
}

describe('a recorded history', () => {
  test('is there of a run, of its steps and of an evaluation', () => {
    const types = new Set(histories.map(({ history }) => timelineOf(history)?.workflowType));
    expect([...types].sort()).toEqual(expect.arrayContaining(['evaluation', 'trainingRun', 'trainingStep']));
  });

  test.each(histories.map(({ name, history }) => [name, history] as const))(
    '%s leads the code of today to the same commands',
    async (_name, history) => {
      await replay(history);
    },
  );

  test('cut off after any of its workflow tasks replays too: what a worker meets that takes a run over in its midst', async () => {
    const cut = histories.flatMap(({ name, history }) =>
      cutHistories(history).map((prefix) => ({
        workflowId: `${name}, ${prefix.events.length} of ${history.events.length} events`,
        history: prefix,
      })),
    );
    expect(cut.length).toBeGreaterThan(5 * histories.length);
    const failed: string[] = [];
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, cut)) {
      if (error !== undefined) failed.push(`${workflowId}: ${error.message}`);
    }
    expect(failed).toEqual([]);
  });

  test('of a step with one round has few events, and tells its decisions apart from its work', () => {
    const step = timelineOf(histories.find(({ name }) => name === '0.1.0/recorded-step')!.history)!;
    expect(step.events).toBeLessThanOrEqual(60);
    const types = step.activities.toSorted((a, b) => a.from - b.from).map(({ type }) => type);
    expect(types).toEqual(['planRound', 'rollOut', 'rollOut', 'verify', 'closeRound', 'update', 'finishStep']);
    for (const { from, to } of step.activities) expect(to).toBeGreaterThan(from);
  });

  test('of a step whose verdicts failed has its replacements as rounds of their own', () => {
    const step = timelineOf(histories.find(({ name }) => name === '0.1.0/replaced-step')!.history)!;
    expect(step.events).toBeLessThanOrEqual(60);
    const types = step.activities.toSorted((a, b) => a.from - b.from).map(({ type }) => type);
    expect(types.filter((type) => type === 'planRound')).toHaveLength(1);
    expect(types.filter((type) => type === 'verify')).toHaveLength(3);
    expect(types.filter((type) => type === 'update')).toHaveLength(1);
  });

  test('of other code is refused: the check sees what it is there for', async () => {
    const step = histories.find(({ history }) => timelineOf(history)?.workflowType === 'trainingStep')!;
    const changed = JSON.parse(JSON.stringify(step.history).replaceAll('"rollOut"', '"rollAnything"'));
    await expect(replay(changed)).rejects.toMatchObject({ name: 'DeterminismViolationError' });
  });
});
