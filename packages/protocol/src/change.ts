/**
 * What may be changed of a run that is under way. A run is a function of its configuration and of its changes, each of which takes
 * effect between two steps and is recorded with the number of steps that were done then. What a change does to a configuration is
 * said by `changedConfig`; this file knows the forms only.
 */
import { z } from 'zod';
import { taskConfigSchema } from './config.ts';
import { artefactRefSchema, sha256Schema } from './jobs.ts';

const stepNumber = z.number().int().nonnegative();

/** A number of a run's configuration that may be set while the run goes on. */
export interface RunSetting {
  /** Its place in `RunConfig`; of λ in the method's weighter. */
  readonly path: readonly string[];
  /** What it does, for help texts. */
  readonly what: string;
  /** Whether it must be a whole number. */
  readonly whole: boolean;
}

/** The settings by name. What a value may be, the configuration's own schema and the method's parts say. */
export const runSettings = {
  lambda: {
    path: ['method', 'weighter', 'lambda'],
    what: 'λ of the improvement-aware weights: how much a task’s reward counts beside its improvement',
    whole: false,
  },
  learningRate: { path: ['optimizer', 'learningRate'], what: 'AdamW’s learning rate', whole: false },
  weightDecay: { path: ['optimizer', 'weightDecay'], what: 'AdamW’s weight decay', whole: false },
  maxGradientNorm: {
    path: ['optimizer', 'maxGradientNorm'],
    what: 'bound of the gradient’s norm in each minibatch',
    whole: false,
  },
  temperature: { path: ['sampling', 'temperature'], what: 'temperature of the training rollouts', whole: false },
  maxNewTokens: { path: ['sampling', 'maxNewTokens'], what: 'longest completion, in tokens', whole: true },
  promptsPerStep: { path: ['promptsPerStep'], what: 'B: groups in a step’s batch', whole: true },
  groupSize: { path: ['groupSize'], what: 'G: rollouts of a prompt', whole: true },
  minibatches: { path: ['minibatches'], what: 'optimizer steps of a training step', whole: true },
  steps: { path: ['steps'], what: 'steps of the run', whole: true },
  evaluateEvery: {
    path: ['evaluation', 'every'],
    what: 'steps between two evaluations; 0: only at the start and at the end',
    whole: true,
  },
  checkpointEvery: {
    path: ['checkpointEvery'],
    what: 'steps between two checkpoints of the optimizer',
    whole: true,
  },
} as const satisfies Readonly<Record<string, RunSetting>>;

export type RunSettingName = keyof typeof runSettings;

/** New values by name; what is left out stays as it is. */
export type RunSettings = { readonly [name in RunSettingName]?: number };

const settingsSchema = z
  .partialRecord(z.enum(Object.keys(runSettings) as [RunSettingName, ...RunSettingName[]]), z.number())
  .refine((settings) => Object.keys(settings).length > 0, 'expected at least one setting');

/** A change of a run that is under way. */
export const runChangeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('set'), settings: settingsSchema }),
  z.strictObject({
    kind: z.literal('add-task'),
    task: taskConfigSchema,
    /** Which code scores it, as in a configuration's inputs. */
    verifier: z.strictObject({ version: z.string().min(1), sha256: sha256Schema }),
    /** The rows of its prompt set; left out where its puzzles are generated. */
    prompts: artefactRefSchema.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('retire-task'), task: z.string().min(1) }),
  /** Evaluates after the step under way. */
  z.strictObject({ kind: z.literal('evaluate') }),
  /** Ends the run after this step, as `stop` does. */
  z.strictObject({ kind: z.literal('stop-after'), step: stepNumber }),
  /** Keeps the state after this step from being tidied away. No part in the weights, as `unpin`. */
  z.strictObject({ kind: z.literal('pin'), step: stepNumber }),
  z.strictObject({ kind: z.literal('unpin'), step: stepNumber }),
  z.strictObject({ kind: z.literal('pause') }),
  z.strictObject({ kind: z.literal('resume') }),
  z.strictObject({ kind: z.literal('stop') }),
  /** The run goes on under another engine: numbers may round differently from here. */
  z.strictObject({ kind: z.literal('engine'), from: z.string(), to: z.string() }),
]);
export type RunChange = z.infer<typeof runChangeSchema>;

/** `runs/<run>/changes/000001.json`: a change that has taken effect. */
export const appliedChangeSchema = z.strictObject({
  version: z.literal(1),
  /** From 1, in the order in which they took effect. */
  number: z.number().int().positive(),
  /** Steps that were done when it took effect. */
  step: stepNumber,
  change: runChangeSchema,
  /** It was given with the run's start, not to the run under way. */
  scheduled: z.literal(true).exactOptional(),
});
export type AppliedChange = z.infer<typeof appliedChangeSchema>;

/** A change that is to take effect when so many steps are done. What a run recorded is such a list for another run. */
export const scheduledChangeSchema = z.object({ step: stepNumber, change: runChangeSchema });
export type ScheduledChange = z.infer<typeof scheduledChangeSchema>;
