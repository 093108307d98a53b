/**
 * The workflow worker of a home with other workflow code than the checkout's: the entry file that `<home>/workflow-code` names. Started by
 * a supervisor, in place of `evenkeel worker workflow`.
 *
 *     node workflow-worker-of.ts HOME
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@evenkeel/core';
import { exitWithParent, reportReady } from '@evenkeel/infra';
import { startWorkflowWorker } from '../../packages/cli/src/train/workflow-worker.ts';

const [home = ''] = process.argv.slice(2);
const workflowsPath = readFileSync(join(home, 'workflow-code'), 'utf8').trim();
const worker = await startWorkflowWorker(home, silentLogger, { workflowsPath });
reportReady();
exitWithParent(worker.close);
await worker.ended;
