/**
 * What is asked of a worker and what it answers: the payloads of `submit` and `done` frames. Large data is an artefact reference;
 * its tables are described in `packages/store`. A job is a pure function of its payload: the same payload, the same result.
 */
import { z } from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

export const artefactRefSchema = z.strictObject({
  kind: z.string().min(1).max(40),
  sha256: sha256Schema,
  bytes: z.number().int().nonnegative(),
});

const count = z.number().int().nonnegative();
const seed = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Puzzles of one task to be drawn: indices `from` … `from + count − 1` of a seed's sequence. */
export const puzzleDrawSchema = z.strictObject({
  task: z.string().min(1),
  /** A verifier reference: an id, or `id@version`. It stands in the prompts table as it is here. */
  verifier: z.string().min(1),
  level: z.string().min(1),
  style: z.enum(['chat', 'compact']),
  split: z.enum(['train', 'tune', 'heldout']),
  seed,
  from: count,
  count,
  /** SHA-256 of the verifier's bundled code; the host uses no other. */
  script: sha256Schema.exactOptional(),
});

/**
 * The key of the commit under which a run keeps a verifier's bundled code in the store: by the hash that its jobs ask for. Its result
 * is a `KeptScript`.
 */
export function keptScriptKey(sha256: string): string {
  return `verifier-scripts/${sha256}`;
}

export const keptScriptSchema = z.strictObject({
  /** The verifier's id and its manifest's version. */
  id: z.string().min(1),
  version: z.string().min(1),
  /** A `verifier-script` artefact: the text. Its hash is the key's where no files were granted. */
  script: artefactRefSchema,
});

/** Verifier host: draw puzzles and put them into words. Result: a `prompts` table, in the order of the draws. */
export const puzzlesJobSchema = z.strictObject({ kind: z.literal('puzzles'), draws: z.array(puzzleDrawSchema) });
export const puzzlesResultSchema = z.strictObject({ prompts: artefactRefSchema, count });

/** How much an engine does at once, where the run's configuration says it; else the engine's own number. */
const engineSchema = z.strictObject({
  tokensPerRun: z.number().int().positive().exactOptional(),
  decodeBatch: z.number().int().positive().exactOptional(),
});

/** Rollout worker: sample completions of the prompts `from` … `to − 1` of a `prompts` table. */
export const rolloutJobSchema = z.strictObject({
  kind: z.literal('rollout'),
  /** A `policy` artefact. */
  policy: artefactRefSchema,
  prompts: artefactRefSchema,
  from: count,
  to: count,
  /** Tasks whose prompts are what a user says: the policy is asked them in its chat template, where it has one. Absent: none. */
  turns: z.array(z.string().min(1)).min(1).exactOptional(),
  samplesPerPrompt: z.number().int().positive(),
  maxNewTokens: z.number().int().positive(),
  /** 0 is greedy. */
  temperature: z.number().nonnegative(),
  seed,
  /** Names the draw: every uniform is keyed (seed, stream, prompt's position in the table, sample, position). */
  stream: z.string().min(1),
  ...engineSchema.shape,
});
export const rolloutResultSchema = z.strictObject({
  /** A `rollouts` table: one row per completion, by prompt, then by sample. */
  rollouts: artefactRefSchema,
  sequences: count,
  promptTokens: count,
  completionTokens: count,
});

/** Verifier host: a verdict for each row of the `rollouts` tables, which all belong to one `prompts` table. */
export const verifyJobSchema = z.strictObject({
  kind: z.literal('verify'),
  prompts: artefactRefSchema,
  rollouts: z.array(artefactRefSchema).min(1),
  /** By verifier reference, as in the prompts table: SHA-256 of its bundled code; the host uses no other. */
  scripts: z.record(z.string(), sha256Schema).exactOptional(),
});
export const verdictCountsSchema = z.strictObject({
  scored: count,
  correct: count,
  formatted: count,
  abstained: count,
  failed: count,
  /** Of the failed: how many for which reason, by `VerifierFailureCode`. Left out where nothing failed. */
  failures: z.record(z.string().min(1).max(40), count).exactOptional(),
  /** Scored, but only when they were asked a second time, alone. Left out where there are none. */
  retried: count.exactOptional(),
});
export const verifyResultSchema = z.strictObject({
  /** A `verdicts` table: one row per rollout, in the order of the tables. */
  verdicts: artefactRefSchema,
  tasks: z.record(z.string(), verdictCountsSchema),
});

/** `ObjectiveSpec` of `@evenkeel/algorithms`, as it crosses a process. */
export const objectiveSpecSchema = z.strictObject({
  /** What is maximised per token; left out: the clipped ratio. */
  form: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('cispo') }),
      z.strictObject({ kind: z.literal('reinforce') }),
      z.strictObject({
        kind: z.literal('discriminative'),
        score: z.enum(['log-likelihood', 'ratio']),
        negatives: z.enum(['log-mean-exp', 'mean']),
        temperature: z.number().positive(),
        klBound: z.number().nonnegative(),
        klPenalty: z.number().nonnegative(),
      }),
    ])
    .exactOptional(),
  /** Of aggregation `fixed-length`; left out: the longest completion of the minibatch. */
  fixedLength: count.exactOptional(),
  /** ExPO's term. A run that asks for it is refused, with the reason; the loss knows it. */
  explanations: z.number().nonnegative().exactOptional(),
  ratio: z.enum(['token', 'sequence']),
  clipLow: z.number().nonnegative(),
  clipHigh: z.number().nonnegative(),
  aggregation: z.enum(['sequence-mean', 'token-mean', 'fixed-length']),
  kl: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.enum(['k1', 'k2', 'k3']),
      beta: z.union([z.number().nonnegative(), z.record(z.string(), z.number().nonnegative())]),
    }),
  ]),
});

export const optimizerSpecSchema = z.strictObject({
  learningRate: z.number().positive(),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]),
  epsilon: z.number().positive(),
  weightDecay: z.number().nonnegative(),
  /** Global-norm bound of each minibatch's gradient. */
  maxGradientNorm: z.number().positive(),
});

/** As the policy's graphs name them, in a layer's order. */
const loraTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

/** The adapters that an update trains in place of the weights. */
export const loraSchema = z.strictObject({
  rank: z.number().int('expected a whole number of at least 1').positive('expected a whole number of at least 1'),
  /** Their product counts alpha / rank times. */
  alpha: z.number().positive('expected a number above 0'),
  /** The projections that have one, in every layer. */
  targets: z
    .array(z.enum(loraTargets, { error: `expected one of ${loraTargets.join(', ')}` }))
    .min(1, 'expected at least one projection')
    .refine((targets) => new Set(targets).size === targets.length, 'expected each projection once'),
});

/** What an update is made under, besides its batch. */
export const updateSettingsSchema = z.strictObject({
  minibatches: z.number().int().positive(),
  optimizer: optimizerSpecSchema,
  objective: objectiveSpecSchema,
});

/** One finished update since the checkpoint: its batch, and the policy it must arrive at when it is done again. */
export const redoEntrySchema = z.strictObject({
  step: count,
  batch: artefactRefSchema,
  policy: artefactRefSchema,
  /** What it was made under, where that was changed since; left out where it is what the job says. */
  settings: updateSettingsSchema.exactOptional(),
});

/** Trainer worker: one optimizer step of the run (several minibatches) on a committed batch. */
export const updateJobSchema = z.strictObject({
  kind: z.literal('update'),
  run: z.string(),
  step: count,
  policy: artefactRefSchema,
  /** The optimizer's last checkpoint and the policy it belongs to; null before the first: moments are zero, policy is the base. */
  checkpoint: z.strictObject({ step: count, policy: artefactRefSchema, optimizer: artefactRefSchema }).nullable(),
  /** The base policy, where a run without a checkpoint starts. */
  base: artefactRefSchema,
  /** Updates since the checkpoint, oldest first: the redo log of a trainer that lost its memory. */
  redo: z.array(redoEntrySchema),
  batch: artefactRefSchema,
  ...updateSettingsSchema.shape,
  /** Adapters beside the base, drawn by the seed; left out where the weights themselves are trained. */
  lora: loraSchema.extend({ seed }).exactOptional(),
  /** The frozen reference policy of the KL term; null without one. */
  reference: artefactRefSchema.nullable(),
  /** Whether each task's objective is computed before and after the update (the improvement signal of MT-GRPO). */
  improvement: z.boolean(),
  /** Whether to write the optimizer's state after this step. */
  checkpointAfter: z.boolean(),
  ...engineSchema.pick({ tokensPerRun: true }).shape,
});
export const updateResultSchema = z.strictObject({
  policy: artefactRefSchema,
  optimizer: artefactRefSchema.nullable(),
  /** By task: J_GRPO before and after the update on this batch; empty if not asked for. */
  objectives: z.record(z.string(), z.strictObject({ before: z.number(), after: z.number() })),
  metrics: z.strictObject({
    loss: z.number(),
    gradientNorm: z.number(),
    clipFraction: z.number(),
    /** Mean of −log π over the batch's completion tokens, before the update. */
    entropy: z.number(),
    trainedTokens: count,
    sequences: count,
    /** Updates done again from the redo log before this one. */
    redone: count,
  }),
});

export const jobSchema = z.discriminatedUnion('kind', [
  puzzlesJobSchema,
  rolloutJobSchema,
  verifyJobSchema,
  updateJobSchema,
]);

export type KeptScript = z.infer<typeof keptScriptSchema>;
export type PuzzleDraw = z.infer<typeof puzzleDrawSchema>;
export type PuzzlesJob = z.infer<typeof puzzlesJobSchema>;
export type PuzzlesResult = z.infer<typeof puzzlesResultSchema>;
export type RolloutJob = z.infer<typeof rolloutJobSchema>;
export type RolloutResult = z.infer<typeof rolloutResultSchema>;
export type VerifyJob = z.infer<typeof verifyJobSchema>;
export type VerdictCounts = z.infer<typeof verdictCountsSchema>;
export type VerifyResult = z.infer<typeof verifyResultSchema>;
export type OptimizerSpec = z.infer<typeof optimizerSpecSchema>;
export type UpdateSettings = z.infer<typeof updateSettingsSchema>;
export type RedoEntry = z.infer<typeof redoEntrySchema>;
export type UpdateJob = z.infer<typeof updateJobSchema>;
export type UpdateResult = z.infer<typeof updateResultSchema>;
export type Job = z.infer<typeof jobSchema>;

/** Which result belongs to which job. */
export interface JobResults {
  readonly puzzles: PuzzlesResult;
  readonly rollout: RolloutResult;
  readonly verify: VerifyResult;
  readonly update: UpdateResult;
}

export const resultSchemas = {
  puzzles: puzzlesResultSchema,
  rollout: rolloutResultSchema,
  verify: verifyResultSchema,
  update: updateResultSchema,
} as const;
