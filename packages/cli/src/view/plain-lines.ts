import { type LiveModel, type LivePoint, phaseText } from './render-live.ts';
import { silenceText } from './silence-text.ts';
import { duration, grouped, percent } from './terminal-text.ts';

/**
 * What there is to say where no terminal is: a line for each change of the run's phase, for each step that was finished since the last
 * look, and for each evaluation. Steps that were finished between two looks have a line each.
 *
 * @param before what was known at the last look; null at the first, where of the steps only the last has a line
 */
export function plainLines(before: LiveModel | null, now: LiveModel): string[] {
  const lines: string[] = [];
  if (before?.temporalUi !== now.temporalUi && now.temporalUi !== null) lines.push(`Temporal UI: ${now.temporalUi}`);
  const finished =
    before === null ? now.history.slice(-1) : now.history.filter(({ step }) => step > lastStepOf(before));
  for (const point of finished) lines.push(stepLine(now, point, point === finished.at(-1)));
  const { evaluation } = now;
  if (evaluation !== null && before?.evaluation?.step !== evaluation.step) {
    const tasks = Object.entries(evaluation.tasks).map(([task, accuracy]) => `${task} ${percent(accuracy)}`);
    lines.push(
      `evaluation after step ${evaluation.step}: ${tasks.join(', ')}; worst ${percent(evaluation.worst)}, average ${percent(evaluation.mean)}`,
    );
  }
  const told = before === null ? undefined : (before.changes?.length ?? 0);
  for (const change of told === undefined ? [] : (now.changes?.slice(told) ?? [])) lines.push(`change ${change}`);
  if (now.reason !== undefined && before?.reason !== now.reason) lines.push(`run ${now.run} paused: ${now.reason}`);
  if (before?.phase !== now.phase) {
    lines.push(`run ${now.run}: ${phaseText({ ...now, stepPhase: null })}, step ${now.step}/${now.steps}`);
  }
  return lines;
}

function lastStepOf({ history, step }: LiveModel): number {
  return history.at(-1)?.step ?? step;
}

function stepLine(model: LiveModel, { step, worst, mean }: LivePoint, latest: boolean): string {
  const head = `step ${step}/${model.steps}`;
  if (!latest) return `${head}: worst ${percent(worst)}, average ${percent(mean)}`;
  const tasks = model.tasks.map(({ task, accuracy, weight, filterRate, silence = {} }) => {
    const silent = silenceText(silence);
    const so = silent === null ? '' : `, so far ${silent}`;
    return `${task} ${percent(accuracy)} (z ${weight.toFixed(2)}, ρ ${filterRate.toFixed(2)}${so})`;
  });
  const rate = model.tokensPerSecond === null ? '' : `; ${grouped(model.tokensPerSecond)} tokens/s`;
  const left = model.secondsLeft === null ? '' : `; ${duration(model.secondsLeft)} left`;
  return `${head}: ${tasks.join(', ')}; worst ${percent(worst)}, average ${percent(mean)}${rate}${left}`;
}
