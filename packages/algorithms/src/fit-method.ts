/** A method for a run: what depends on the run's size is put in, and what the run cannot give is refused. */
import { ConfigError } from '@evenkeel/core';
import type { MethodSpec } from './method.ts';
import type { PartDefinition, PartOptions, PartSpec, RunSize } from './part.ts';
import { advantages, filters, planners, rewards, weighters } from './parts.ts';

/** What a method needs to know of a run. */
export interface RunOfMethod extends RunSize {
  /** By task: components that its verifier declares, besides those that every verdict has. */
  readonly components: Readonly<Record<string, readonly string[]>>;
}

/** Components of every verdict: the verifier's reward, and 1 or 0 for a right answer and for the right form. */
export const verdictComponents = ['verdict', 'correct', 'formatted'] as const;

const ROLES = {
  weighter: weighters,
  planner: planners,
  filter: filters,
  advantage: advantages,
  reward: rewards,
} as const;
type Role = keyof typeof ROLES;

/**
 * A method as a run has it. A method that is fitted already stays as it is.
 *
 * @throws {ConfigError} `component-unknown` where a part reads a component that no task has; `task-unknown` where one names a task
 * that the run has not; where the groups are too small
 */
export function fitMethod(spec: MethodSpec, run: RunOfMethod): MethodSpec {
  const tasks = Object.keys(run.components);
  const parts: Partial<Record<Role, PartSpec>> = {};
  for (const role of Object.keys(ROLES) as Role[]) {
    const { kind, ...options } = spec[role];
    const part = ROLES[role][kind] as PartDefinition<PartOptions, unknown>;
    for (const name of part.components?.(options) ?? []) expectComponent(role, kind, name, run.components);
    for (const name of part.tasks?.(options) ?? []) expectTask(`the ${role} ${kind}`, name, tasks);
    parts[role] = part.fit === undefined ? spec[role] : { kind, ...part.fit(options, run) };
  }
  if (spec.advantage.kind === 'mc-grpo' && run.groupSize < 3) {
    throw new ConfigError(
      `Cannot configure ${spec.name}: groupSize is ${run.groupSize}, expected 3 or more, for advantage mc-grpo leaves one rollout of each group out`,
    );
  }
  const { objective } = spec;
  if (objective.kl.kind !== 'none' && typeof objective.kl.beta === 'object') {
    for (const name of Object.keys(objective.kl.beta)) expectTask('the objective (kl.beta)', name, tasks);
  }
  const fixed = objective.fixedLength === 0 ? { ...objective, fixedLength: run.maxNewTokens } : objective;
  return { ...spec, ...parts, objective: fixed };
}

function expectComponent(role: Role, kind: string, name: string, declared: RunOfMethod['components']): void {
  const known = new Set<string>([...verdictComponents, ...Object.values(declared).flat()]);
  if (known.has(name)) return;
  const own = Object.entries(declared).filter(([, names]) => names.length > 0);
  const tasks = own.map(([task, names]) => `${task}: ${names.join(', ')}`).join('; ');
  throw new ConfigError(
    `Cannot configure the ${role} ${kind}: no task's verifier declares the component "${name}", expected one of ${[...known].join(', ')}${tasks === '' ? '' : ` (${tasks})`}`,
    { code: 'component-unknown' },
  );
}

function expectTask(part: string, name: string, tasks: readonly string[]): void {
  if (tasks.includes(name)) return;
  throw new ConfigError(
    `Cannot configure ${part}: it names "${name}", which is no task of the run, expected one of ${tasks.join(', ')}`,
    { code: 'task-unknown' },
  );
}
