/**
 * What a change makes of a configuration: a pure function, so that a run stays a function of its configuration and its changes. It
 * refuses what the changed run could not do; whether the store holds what a new task needs, it does not know.
 */
import { checkRunShape, type MethodOverrides, methods, resolveMethod } from '@evenkeel/algorithms';
import { ConfigError, type Json } from '@evenkeel/core';
import { type RunChange, type RunSettingName, type RunSettings, runChangeSchema, runSettings } from './change.ts';
import { parseRunConfig, type RunConfig } from './config.ts';

/** Where a run stands when a change takes effect. */
export interface ChangeMoment {
  /** The run's name, for messages. */
  readonly run: string;
  /** Steps that are done then. */
  readonly step: number;
}

/** Checks what claims to be a change. @throws {ConfigError} `change-invalid` */
export function parseRunChange(value: unknown): RunChange {
  const parsed = runChangeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const state = `${issue.path.length === 0 ? 'the change' : `field "${issue.path.join('.')}"`}: ${issue.message}`;
  throw new ConfigError(`Cannot read a change: ${state}`, { code: 'change-invalid', cause: parsed.error });
}

/**
 * The configuration after a change; the same one where the change is none of the configuration.
 *
 * @throws {ConfigError} `change-invalid` where the run could not go on with it, with the reason and what could be done
 */
export function changedConfig(config: RunConfig, change: RunChange, moment: ChangeMoment): RunConfig {
  const refuse = refusal(moment.run);
  switch (change.kind) {
    case 'set':
      return withSettings(config, change.settings, moment);
    case 'add-task':
      return withTask(config, change, refuse);
    case 'retire-task':
      return withoutTask(config, change.task, refuse);
    case 'stop-after':
      if (change.step < moment.step) refuse(`stop after step ${change.step}`, 'it is done', `${moment.step} or more`);
      if (change.step > config.steps) {
        refuse(`stop after step ${change.step}`, `the run has ${config.steps} steps`, 'at most as many');
      }
      return config;
    case 'pin':
      if (change.step > moment.step) {
        refuse(`pin step ${change.step}`, `only ${moment.step} steps are done`, 'a step that is done');
      }
      return config;
    case 'evaluate':
    case 'unpin':
    case 'pause':
    case 'resume':
    case 'stop':
    case 'engine':
      return config;
  }
}

type Refuse = (action: string, state: string, wish: string) => never;

function refusal(run: string): Refuse {
  return (action, state, wish) => {
    throw new ConfigError(`Cannot ${action} in run "${run}": ${state}, expected ${wish}`, { code: 'change-invalid' });
  };
}

function withSettings(config: RunConfig, settings: RunSettings, { run, step }: ChangeMoment): RunConfig {
  const refuse: Refuse = refusal(run);
  const next = structuredClone(config) as unknown as Record<string, Json>;
  for (const [name, value] of Object.entries(settings) as [RunSettingName, number][]) {
    const { path, whole } = runSettings[name];
    if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
      refuse(`set ${name}`, `it is ${value}`, whole ? 'a whole number' : 'a finite number');
    }
    if (name === 'steps' && value < step)
      refuse('set steps', `it is ${value}, and ${step} are done`, `${step} or more`);
    if (name === 'lambda') expectLambda(config, refuse);
    let place = next;
    for (const field of path.slice(0, -1)) place = place[field] as Record<string, Json>;
    place[path.at(-1)!] = value;
  }
  return checked(next, `the settings of run "${run}"`);
}

function expectLambda({ method }: RunConfig, refuse: Refuse): void {
  if ('lambda' in method.weighter) return;
  const having = Object.values(methods).filter(({ weighter }) => 'lambda' in weighter);
  const names = having.map(({ name }) => name).join(', ');
  refuse('set lambda', `method ${method.name} has none (its weighter is ${method.weighter.kind})`, `a run of ${names}`);
}

function withTask(
  config: RunConfig,
  { task, verifier, prompts }: Extract<RunChange, { kind: 'add-task' }>,
  refuse: Refuse,
): RunConfig {
  const action = `add task "${task.name}"`;
  if (config.tasks.some(({ name }) => name === task.name)) {
    refuse(action, 'the run has a task of this name', 'a new name');
  }
  if ((task.prompts === undefined) !== (prompts === undefined)) {
    refuse(action, 'its prompt set and the rows of it are not both there', 'both, or neither');
  }
  const known = config.inputs.verifiers[task.verifier];
  if (known !== undefined && known.sha256 !== verifier.sha256) {
    const wish = `the code that the run began with, or another version by its name: ${task.verifier.split('@', 1)[0]}@VERSION`;
    refuse(action, `the run has other code of verifier "${task.verifier}" (version ${known.version})`, wish);
  }
  const set = task.prompts === undefined ? undefined : config.inputs.prompts?.[task.prompts];
  if (set !== undefined && set.sha256 !== prompts?.sha256) {
    refuse(action, `the run has other rows of prompt set "${task.prompts}"`, 'the same rows, or a set of another name');
  }
  const inputs = {
    ...config.inputs,
    verifiers: { ...config.inputs.verifiers, [task.verifier]: known ?? verifier },
    ...(prompts === undefined ? {} : { prompts: { ...config.inputs.prompts, [task.prompts!]: prompts } }),
  };
  return checked({ ...config, tasks: [...config.tasks, task], inputs }, `task "${task.name}"`);
}

function withoutTask(config: RunConfig, name: string, refuse: Refuse): RunConfig {
  const tasks = config.tasks.filter((task) => task.name !== name);
  const names = config.tasks.map((task) => task.name).join(', ');
  if (tasks.length === config.tasks.length) refuse(`retire task "${name}"`, 'it has no such task', `one of ${names}`);
  if (tasks.length === 0) refuse(`retire task "${name}"`, 'it is the only one', 'at least one task to stay');
  // What only the retired task used goes with it: the task may come back with newer code.
  const used = (reference: string) => tasks.some(({ verifier }) => verifier === reference);
  const verifiers = Object.entries(config.inputs.verifiers).filter(([reference]) => used(reference));
  const sets = Object.entries(config.inputs.prompts ?? {}).filter(([set]) => tasks.some((t) => t.prompts === set));
  const { prompts: _sets, verifiers: _verifiers, ...rest } = config.inputs;
  const inputs = {
    ...rest,
    verifiers: Object.fromEntries(verifiers),
    ...(sets.length === 0 ? {} : { prompts: Object.fromEntries(sets) }),
  };
  return checked({ ...config, tasks, inputs }, `run "${config.run}" without task "${name}"`);
}

/** A configuration that a run could have begun with. */
function checked(value: unknown, source: string): RunConfig {
  // As JSON it is stored and hashed; what JSON writes otherwise (−0) is to be the same before and after.
  const config = parseRunConfig(JSON.parse(JSON.stringify(value)), source);
  const { name, ...parts } = config.method;
  const method = resolveMethod(name, parts as MethodOverrides);
  checkRunShape({
    tasks: config.tasks.map((task) => task.name),
    promptsPerStep: config.promptsPerStep,
    groupSize: config.groupSize,
  });
  return { ...config, method };
}
