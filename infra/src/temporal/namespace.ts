/**
 * Bringing the namespace into the wanted state, as often as one likes: a server that finds its database file ignores the flags that
 * would create a namespace or search attributes, and gives a new namespace a retention of one day.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';

export const TEMPORAL_NAMESPACE = 'evenkeel';

/** The search attributes by which runs and steps are found in the Web UI. */
export const SEARCH_ATTRIBUTES = {
  EvenkeelRun: 'Keyword',
  EvenkeelStep: 'Int',
  EvenkeelPhase: 'Keyword',
  EvenkeelMethod: 'Keyword',
  EvenkeelWorstTask: 'Keyword',
  EvenkeelWorstAccuracy: 'Double',
} as const;

/** Ten years: a run's history stays as long as its home. */
const RETENTION_HOURS = 87_600;

const namespaceSchema = z.object({
  config: z.object({
    workflowExecutionRetentionTtl: z.string(),
    customSearchAttributeAliases: z.record(z.string(), z.string()).default({}),
  }),
});

interface Server {
  readonly cli: string;
  readonly address: string;
}

/** Whether the server answers for the namespace, and what it says of it. */
export async function describeNamespace(server: Server): Promise<z.infer<typeof namespaceSchema> | null> {
  const result = await operator(server, ['namespace', 'describe', '--output', 'json']);
  if (result.code !== 0) return null;
  return namespaceSchema.parse(JSON.parse(result.stdout));
}

/** Sets the retention and adds the search attributes that are missing. Returns what was changed. */
export async function prepareNamespace(
  server: Server,
  namespace: z.infer<typeof namespaceSchema>,
): Promise<readonly string[]> {
  const changes: string[] = [];
  const there = new Set(Object.values(namespace.config.customSearchAttributeAliases));
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !there.has(name));
  if (missing.length > 0) {
    const flags = missing.flatMap(([name, type]) => ['--name', name, '--type', type]);
    await change(server, ['search-attribute', 'create', ...flags]);
    changes.push(`search attributes ${missing.map(([name]) => name).join(', ')}`);
  }
  if (namespace.config.workflowExecutionRetentionTtl !== `${RETENTION_HOURS * 3600}s`) {
    await change(server, ['namespace', 'update', '--retention', `${RETENTION_HOURS}h`]);
    changes.push(`retention ${RETENTION_HOURS} h`);
  }
  return changes;
}

async function change(server: Server, args: readonly string[]): Promise<void> {
  const { code, stderr } = await operator(server, args);
  if (code === 0) return;
  throw new InfraError(`Cannot prepare the Temporal namespace: ${args[0]} ${args[1]} said "${stderr.trim()}"`, {
    code: 'temporal-refused',
    retryable: true,
  });
}

function operator({ cli, address }: Server, args: readonly string[]) {
  const where = ['--address', address, '--namespace', TEMPORAL_NAMESPACE, '--command-timeout', '10s'];
  return runCommand(cli, ['operator', ...args, ...where], { timeoutMs: 15_000 });
}
