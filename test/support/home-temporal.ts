import { livingSupervisor, readEndpoints, startSupervisor } from '@evenkeel/infra';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { RecordedHistory } from './history.ts';

/** gRPC's status. */
const NOT_FOUND = 5;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Works with the Temporal server of a home; starts it for that long where the home is at rest. */
export async function withHomeTemporal<T>(home: string, work: (client: Client) => Promise<T>): Promise<T> {
  const supervisor =
    livingSupervisor(home) === null ? await startSupervisor({ home, processes: [], log: silent }) : null;
  try {
    const { temporal } = readEndpoints(home);
    if (temporal === null) throw new Error(`Cannot reach the Temporal server of ${home}: it is still starting`);
    const connection = await Connection.connect({ address: temporal.address });
    try {
      return await work(new Client({ connection, namespace: temporal.namespace }));
    } finally {
      await connection.close();
    }
  } finally {
    await supervisor?.stop();
  }
}

/** A workflow's history as it is recorded; null where the server knows no such workflow. */
export async function fetchHistory(client: Client, workflowId: string): Promise<RecordedHistory['history'] | null> {
  try {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    return JSON.parse(historyToJSON(history)) as RecordedHistory['history'];
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return null;
    throw error;
  }
}
