import { meanAccuracy, worstTask } from '@evenkeel/algorithms';
import { decodePrompts, decodeRollouts, decodeVerdicts } from '@evenkeel/store';
import { loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { drawOf, drawRound } from './plan-round.ts';
import { writeRunRecord } from './run-folder.ts';
import type { ControlActivities, Evaluation } from './types.ts';

/** The evaluation's puzzles: the same for every run, drawn from a split that training never sees. */
export function planEvaluation(context: ActivityContext): ControlActivities['planEvaluation'] {
  return async ({ config: configRef }) => {
    const { config } = await loadRun(context, configRef);
    const { split, seed, promptsPerTask } = config.evaluation;
    const which = { split, seed, from: 0, count: promptsPerTask, epochs: 'one' as const };
    const draws = config.tasks.map(({ name }) => drawOf(config, name, which));
    const plan = await drawRound(context, config, { round: 0, draws });
    const total = plan.shards.at(-1)?.to ?? 0;
    return { ...plan, shards: total === 0 ? [] : [{ from: 0, to: total }] };
  };
}

/** Counts what an evaluation showed, and writes it down. */
export function recordEvaluation(context: ActivityContext): ControlActivities['recordEvaluation'] {
  return async ({ run, config: configRef, step, policy, round }) => {
    const { config } = await loadRun(context, configRef);
    const prompts = decodePrompts(await context.store.get(round.plan.prompts));
    const shards = await Promise.all(round.rollouts.map((ref) => context.store.get(ref)));
    const rollouts = shards.flatMap((bytes) => decodeRollouts(bytes));
    const verdicts = decodeVerdicts(await context.store.get(round.verdicts));
    const tasks = config.tasks.map(({ name }) => {
      const all = verdicts.filter((_, index) => prompts[rollouts[index]!.prompt]!.task === name);
      const own = all.filter(({ kind }) => kind === 'scored');
      const failed = all.filter(({ kind }) => kind === 'failed').length;
      const abstained = all.length - own.length - failed;
      return {
        task: name,
        correct: own.filter((verdict) => verdict.correct).length,
        formatted: own.filter((verdict) => verdict.formatted).length,
        total: own.length,
        ...(failed === 0 ? {} : { failed }),
        ...(abstained === 0 ? {} : { abstained }),
      };
    });
    // A task of which nothing could be scored has no accuracy: it is neither the worst nor part of the mean.
    const scored = tasks.filter(({ total }) => total > 0);
    const accuracies = Object.fromEntries(scored.map(({ task, correct, total }) => [task, correct / total]));
    const worst = worstTask(accuracies);
    const evaluation: Evaluation = {
      step,
      policy,
      tasks,
      worst: worst ?? { task: '', accuracy: 0 },
      mean: meanAccuracy(accuracies) ?? 0,
    };
    await writeRunRecord(context.home, run, `evaluations/${String(step).padStart(6, '0')}.json`, evaluation);
    return evaluation;
  };
}
