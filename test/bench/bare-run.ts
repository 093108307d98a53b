/**
 * A run as a bare loop in one process: the same planner, sampling, verifiers, filters, advantages and updates in the same order and
 * with the same keys as a step of `trainingRun`, and nothing else. No Temporal, no sockets, no store, no sandbox, no second process;
 * tables stay in memory and nothing is hashed or synced. What a run costs beyond this is what its durability costs; that both end
 * with the same weights is what makes the two comparable.
 *
 * It knows no replacements of failed verdicts (a verifier in process that throws ends it), no checkpoints, no KL reference.
 */
import {
  buildMethod,
  estimateAdvantages,
  type Method,
  mergeTallies,
  observeStep,
  stepRandom,
  type Tallies,
  tallyAdvantages,
  tallyGroups,
  tallyObjectives,
} from '@evenkeel/algorithms';
import { type ArtefactRef, canonicalJson, keyedRandom } from '@evenkeel/core';
import {
  type Architecture,
  createAdamWState,
  loadModelDirectory,
  PolicyEngine,
  policyHash,
  userTurn,
} from '@evenkeel/policy';
import type { PuzzleDraw, RunConfig, UpdateJob } from '@evenkeel/protocol';
import type { BatchRow, PromptRow, RolloutRow, VerdictRow } from '@evenkeel/store';
import type { TaskVerifier } from '@evenkeel/verifier';
import { type AlgorithmState, initialAlgorithmState } from '../../packages/activities/src/algorithm-state.ts';
import { dealMinibatches } from '../../packages/activities/src/deal-minibatches.ts';
import { groupsOf, type RolledGroup } from '../../packages/activities/src/groups.ts';
import { drawOf, trainingDraws } from '../../packages/activities/src/plan-round.ts';
import { tasksInTurns } from '../../packages/activities/src/tasks-in-turns.ts';
import type { OptimizerMemory } from '../../packages/trainer-worker/src/optimizer-memory.ts';
import { taskObjectives } from '../../packages/trainer-worker/src/task-objectives.ts';
import { trainingSequence, updatePolicy } from '../../packages/trainer-worker/src/update.ts';

export interface BareRunOptions {
  /** A run's configuration, for example of its `run.json`. */
  readonly config: RunConfig;
  readonly modelFolder: string;
  /** By id. */
  readonly verifiers: ReadonlyMap<string, TaskVerifier>;
  /** Whether it is evaluated where the configuration says so, as a run is: no part in the weights. */
  readonly evaluates: boolean;
}

/** Where the time went, in milliseconds. */
export interface BarePhases {
  plan: number;
  rollOut: number;
  verify: number;
  select: number;
  update: number;
  improvement: number;
}

export interface BareRun {
  /** Of the weights. */
  readonly sha256: string;
  /** Milliseconds of each step. */
  readonly stepMs: readonly number[];
  readonly evaluationMs: readonly number[];
  readonly phases: BarePhases;
  readonly sequences: number;
}

const NO_REF: ArtefactRef = { kind: 'none', sha256: '0'.repeat(64), bytes: 0 };

/** The round of a step or of an evaluation, from its draws to its verdicts. */
interface Round {
  readonly round: number;
  readonly prompts: readonly PromptRow[];
  readonly places: readonly {
    readonly prompt: number;
    readonly sample: number;
    readonly rollout: RolloutRow;
    readonly verdict: VerdictRow;
    readonly replaced: number;
  }[];
  readonly replacements: number;
}

/** Runs the whole run. */
export async function bareRun({ config, modelFolder, verifiers, evaluates }: BareRunOptions): Promise<BareRun> {
  const method = buildMethod(config.method);
  const model = await loadModelDirectory(modelFolder);
  const engine = new PolicyEngine(model.config, { threads: config.threads });
  const memory: OptimizerMemory = {
    ...{ run: config.run, lineage: '', policy: NO_REF, parameters: model.parameters },
    architecture: { ref: NO_REF, config: model.config } as Architecture,
    adam: createAdamWState(model.parameters.flat.length),
  };
  const phases: BarePhases = { plan: 0, rollOut: 0, verify: 0, select: 0, update: 0, improvement: 0 };
  const stepMs: number[] = [];
  const evaluationMs: number[] = [];
  let algorithm = initialAlgorithmState(config);
  let sequences = 0;

  const turns = new Set(tasksInTurns(config));
  const promptTokens = ({ task, prompt }: Pick<PromptRow, 'task' | 'prompt'>): Int32Array =>
    model.tokenizer.encodePrompt(turns.has(task) ? userTurn(model.chatTemplate, prompt) : prompt);

  async function timed<T>(phase: keyof BarePhases, work: () => T | Promise<T>): Promise<T> {
    const from = performance.now();
    const value = await work();
    phases[phase] += performance.now() - from;
    return value;
  }

  /** In shards, as a run cuts them: which sequences decode together is part of what may round otherwise. */
  async function rollOut(prompts: readonly PromptRow[], shardPrompts: number, how: Sampling): Promise<RolloutRow[]> {
    engine.setParameters(model.parameters.views);
    const rows: RolloutRow[] = [];
    for (let from = 0; from < prompts.length; from += shardPrompts) {
      const shard = prompts.slice(from, from + shardPrompts).map(promptTokens);
      const samples = await engine.generate(shard, {
        samplesPerPrompt: how.samples,
        maxNewTokens: config.sampling.maxNewTokens,
        temperature: how.temperature,
        stopTokens: model.tokens.eosTokenIds,
        uniform: (prompt, sample, position) =>
          keyedRandom(how.seed, how.stream, from + prompt, sample, position).uniform(),
      });
      for (const [prompt, completions] of samples.entries()) {
        for (const [sample, { tokens, logprobs, finish }] of completions.entries()) {
          const text = model.tokenizer.decode(tokens, { skipSpecial: true });
          rows.push({ prompt: from + prompt, sample, tokens, logprobs, text, finish });
        }
      }
    }
    sequences += rows.length;
    return rows;
  }

  async function roundOf(round: number, draws: readonly PuzzleDraw[], shardPrompts: number, how: Sampling) {
    const prompts = await timed('plan', () => draws.flatMap((draw) => drawn(draw, verifiers)));
    const rollouts = await timed('rollOut', () => rollOut(prompts, shardPrompts, how));
    const verdicts = await timed('verify', () => rollouts.map((rollout) => verdictOf(rollout, prompts, verifiers)));
    const places = rollouts.map((rollout, place) => ({
      ...{ prompt: rollout.prompt, sample: rollout.sample, rollout, verdict: verdicts[place]!, replaced: 0 },
    }));
    return { round, prompts, places, replacements: 0 } satisfies Round;
  }

  async function evaluate(): Promise<void> {
    const from = performance.now();
    const { split, seed, promptsPerTask, samplesPerPrompt, temperature } = config.evaluation;
    const which = { split, seed, from: 0, count: promptsPerTask, epochs: 'one' as const };
    const draws = config.tasks.map(({ name }) => drawOf(config, name, which) as PuzzleDraw);
    const how = { samples: samplesPerPrompt, temperature, seed, stream: 'evaluate' };
    await roundOf(0, draws, Number.POSITIVE_INFINITY, how);
    evaluationMs.push(performance.now() - from);
  }

  async function step(number: number): Promise<void> {
    const weights = method.weighter.weights(algorithm.method.weighter);
    const ask = { weights, prompts: config.promptsPerStep, random: stepRandom(config.seed, number) };
    const rounds: Record<string, number>[] = [];
    const keptGroups: RolledGroup[] = [];
    const kept: Record<string, number> = {};
    let tally: Tallies = {};
    for (;;) {
      const plan = method.planner.plan(algorithm.method.planner, { ...ask, round: rounds.length, kept });
      if (plan.kind !== 'draw') break;
      const earlier = rounds.map((counts) => ({ counts }));
      const draws = trainingDraws(config, algorithm, plan.counts, earlier) as PuzzleDraw[];
      const how = {
        ...{ samples: config.groupSize, temperature: config.sampling.temperature, seed: config.seed },
        stream: `rollout/${number}/${rounds.length}`,
      };
      const round = await roundOf(rounds.length, draws, config.shardPrompts, how);
      await timed('select', () => {
        const size = { step: number, maxTokens: config.sampling.maxNewTokens };
        const groups = groupsOf(round, method.reward, size);
        const verdicts = groups.map(({ group }) => method.filter.verdict(group));
        tally = mergeTallies(
          tally,
          tallyGroups(
            groups.map(({ group }) => group),
            verdicts,
            method.advantage.components,
          ),
        );
        for (const [index, rolled] of groups.entries()) {
          if (verdicts[index] !== 'keep') continue;
          keptGroups.push(rolled);
          kept[rolled.group.task] = (kept[rolled.group.task] ?? 0) + 1;
        }
      });
      rounds.push(Object.fromEntries(draws.map(({ task, count }) => [task, count])));
    }
    const batch = await timed('select', () => select(number, ask, keptGroups, tally));
    const objectives = batch.rows.length === 0 ? {} : await update(number, batch.rows);
    await timed('plan', () => reweigh(number, rounds, batch.tallies, objectives));
  }

  function select(number: number, ask: Ask, keptGroups: readonly RolledGroup[], tally: Tallies) {
    const groups = keptGroups.map(({ group }) => ({ id: group.id, task: group.task }));
    const selection = method.planner.select(algorithm.method.planner, { ...ask, groups });
    const ids = new Set(selection.chosen);
    const chosen = keptGroups.filter(({ group }) => ids.has(group.id));
    const chosenGroups = chosen.map(({ group }) => group);
    const advantages = estimateAdvantages(method, algorithm.method, chosenGroups);
    const minibatches = dealMinibatches(
      config,
      number,
      chosenGroups.map(({ id }) => id),
    );
    const rows = chosen.flatMap(({ group, prompt, rollouts }, place) => {
      const row = { task: group.task, group: group.id, promptTokens: promptTokens(prompt) };
      return rollouts.flatMap((rollout, index): BatchRow[] => {
        const advantage = advantages[place]![index];
        const reward = group.rollouts[index]!.reward;
        if (advantage === null || advantage === undefined || reward === null) return [];
        const { tokens, logprobs } = rollout;
        const minibatch = minibatches.get(group.id)!;
        return [{ ...row, tokens, logprobs, advantage, reward, minibatch }];
      });
    });
    return { rows, tallies: tallyAdvantages(tally, chosenGroups, advantages) };
  }

  async function update(number: number, rows: readonly BatchRow[]) {
    const job: UpdateJob = {
      ...{ kind: 'update', run: config.run, step: number, policy: NO_REF, checkpoint: null, base: NO_REF, redo: [] },
      ...{ batch: NO_REF, minibatches: config.minibatches, optimizer: config.optimizer, objective: method.objective },
      ...{ reference: null, improvement: method.weighter.needsObjectives, checkpointAfter: false },
    };
    await timed('update', () => updatePolicy(memory, job, rows, { engine, reference: null, onMinibatch() {} }));
    if (!job.improvement) return {};
    return await timed('improvement', async () => {
      engine.setParameters(model.parameters.views);
      const after = await engine.score(rows.map((row) => trainingSequence(row)));
      const j0 = taskObjectives(rows, null, job.objective);
      const j1 = taskObjectives(rows, after, job.objective);
      return Object.fromEntries(Object.keys(j0).map((task) => [task, { before: j0[task]!, after: j1[task]! }]));
    });
  }

  function reweigh(
    number: number,
    rounds: readonly Readonly<Record<string, number>>[],
    tallies: Tallies,
    objectives: Readonly<Record<string, { before: number; after: number }>>,
  ): void {
    const entries = Object.entries(objectives);
    const tasks = tallyObjectives(tallies, {
      before: Object.fromEntries(entries.map(([task, { before }]) => [task, before])),
      after: Object.fromEntries(entries.map(([task, { after }]) => [task, after])),
    });
    algorithm = nextState(method, algorithm, { step: number, tasks }, rounds);
  }

  try {
    if (evaluates) await evaluate();
    for (let number = 0; number < config.steps; number++) {
      const from = performance.now();
      await step(number);
      stepMs.push(performance.now() - from);
      const due = number + 1 === config.steps || (number + 1) % config.evaluation.every === 0;
      if (evaluates && due) await evaluate();
    }
    const sha256 = policyHash(model.parameters.flat, model.config);
    return { sha256, stepMs, evaluationMs, phases, sequences };
  } finally {
    await engine.dispose();
  }
}

interface Sampling {
  readonly samples: number;
  readonly temperature: number;
  readonly seed: number;
  readonly stream: string;
}

type Ask = Pick<Parameters<Method['planner']['select']>[1], 'weights' | 'prompts' | 'random'>;

function nextState(
  method: Method,
  { method: state, cursors }: AlgorithmState,
  stats: Parameters<typeof observeStep>[2],
  rounds: readonly Readonly<Record<string, number>>[],
): AlgorithmState {
  const moved = { ...cursors };
  for (const counts of rounds) {
    for (const [task, count] of Object.entries(counts)) moved[task] = (moved[task] ?? 0) + count;
  }
  return { version: 1, method: observeStep(method, state, stats), cursors: moved };
}

function drawn(draw: PuzzleDraw, verifiers: BareRunOptions['verifiers']): PromptRow[] {
  const { task, verifier: id, level, style, split, seed, from, count } = draw;
  const verifier = verifiers.get(id)!;
  return Array.from({ length: count }, (_, at) => {
    const puzzle = verifier.generate({ seed, index: from + at, level, split });
    return {
      ...{ task, verifier: id, level, puzzle: puzzle.id, index: from + at, prompt: verifier.prompt(puzzle, style) },
      groundTruth: canonicalJson(puzzle.groundTruth),
    };
  });
}

function verdictOf(
  { prompt, sample, text }: RolloutRow,
  prompts: readonly PromptRow[],
  verifiers: BareRunOptions['verifiers'],
): VerdictRow {
  const source = prompts[prompt]!;
  const verdict = verifiers
    .get(source.verifier)!
    .score({ groundTruth: JSON.parse(source.groundTruth), completion: text });
  if (verdict.kind !== 'scored') {
    throw new Error(`Cannot run bare: ${source.verifier} gave the verdict "${verdict.kind}", expected a score`);
  }
  const { kind, reward, correct, formatted, answer, reason } = verdict;
  return { prompt, sample, kind, reward, correct, formatted, answer, reason, components: null };
}
