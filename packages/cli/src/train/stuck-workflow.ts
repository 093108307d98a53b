/**
 * A workflow whose own code fails: Temporal tries the same task again and again, and the workflow stands still, but nothing is lost.
 * The one such failure that is expected is another version's code that asks for other work than the history has.
 */
import { version } from '@evenkeel/protocol';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { Retry } from './run-client.ts';

/** An attempt that a worker's end cost looks the same, once. */
const FAILED_FROM_ATTEMPT = 2;
/** Events back from the end in which the failure stands: the server writes down the first of a row of failures. */
const EVENTS = 10;

const NON_DETERMINISTIC = 'TMPRL1100';

/** What keeps a workflow's code from going on; null where nothing does. */
export async function workflowTaskFailure(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<Retry | null> {
  const attempt = description.raw.pendingWorkflowTask?.attempt ?? 1;
  if (attempt < FAILED_FROM_ATTEMPT) return null;
  const { workflowId, runId, type } = description;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: EVENTS,
  });
  const failed = history?.events?.find((event) => event.workflowTaskFailedEventAttributes != null);
  const message = failed?.workflowTaskFailedEventAttributes?.failure?.message;
  return message == null ? null : { activity: `workflow ${type}`, attempt, message: explained(message, workflowId) };
}

function explained(message: string, workflowId: string): string {
  const isOther = message.includes(NON_DETERMINISTIC) || /nondetermin/i.test(message);
  if (!isOther) return message;
  const reason = message.replaceAll(/\s+/g, ' ').slice(0, 300);
  return `Cannot go on with ${workflowId} under evenkeel ${version}: its history was made by other workflow code, expected code that leads to the same commands; nothing is lost: stop this command, go back to the version that the run was at work under, and start it again (${reason})`;
}
