/**
 * Statistics of a step, task by task: counted per round, added up over rounds, and read by weighters and planners.
 * They hold what was there **before** the filter: kept groups are near one half correct, whatever the task is like.
 */
import { componentOf } from './advantage/components.ts';
import type { Advantages, DropReason, Group, TaskStats } from './types.ts';

/** Statistics of several tasks. */
export type Tallies = Readonly<Record<string, TaskStats>>;

/** Statistics of nothing. */
export const emptyStats: TaskStats = {
  groups: 0,
  kept: 0,
  rollouts: 0,
  correct: 0,
  formatted: 0,
  rewardSum: 0,
  tokens: 0,
  dropped: {},
  absAdvantageSum: 0,
  advantages: 0,
  objectiveBefore: null,
  objectiveAfter: null,
};

/**
 * The groups of one round, with the filter's verdict on each.
 *
 * @param components that the method's advantage reads: `method.advantage.components`
 */
export function tallyGroups(
  groups: readonly Group[],
  verdicts: readonly ('keep' | DropReason)[],
  components: readonly string[] = [],
): Tallies {
  const tallies: Record<string, TaskStats> = {};
  for (const [place, group] of groups.entries()) {
    const stats = { ...tallyGroup(group, verdicts[place]!), ...tallyComponents(group, components) };
    tallies[group.task] = addStats(tallies[group.task] ?? emptyStats, stats);
  }
  return tallies;
}

type ComponentSums = NonNullable<TaskStats['components']>;

function tallyComponents(group: Group, names: readonly string[]): Pick<TaskStats, 'components'> {
  if (names.length === 0) return {};
  const sums = names.map((name) => {
    let [sum, count] = [0, 0];
    for (const rollout of group.rollouts) {
      const value = rollout.reward === null ? null : componentOf(rollout, name);
      if (value === null) continue;
      sum += value;
      count += 1;
    }
    return [name, { sum, count }] as const;
  });
  return { components: Object.fromEntries(sums) };
}

function addComponents(a: ComponentSums | undefined, b: ComponentSums | undefined): Pick<TaskStats, 'components'> {
  if (a === undefined || b === undefined) {
    const components = a ?? b;
    return components === undefined ? {} : { components };
  }
  const sums: Record<string, { sum: number; count: number }> = { ...a };
  for (const [name, { sum, count }] of Object.entries(b)) {
    const earlier = sums[name] ?? { sum: 0, count: 0 };
    sums[name] = { sum: earlier.sum + sum, count: earlier.count + count };
  }
  return { components: sums };
}

function tallyGroup(group: Group, verdict: 'keep' | DropReason): TaskStats {
  let [rollouts, correct, formatted, rewardSum, tokens] = [0, 0, 0, 0, 0];
  let [failed, replaced, abstained] = [0, 0, 0];
  for (const rollout of group.rollouts) {
    tokens += rollout.tokens ?? 0;
    replaced += rollout.replaced ?? 0;
    failed += (rollout.replaced ?? 0) + (rollout.unscored === 'failed' ? 1 : 0);
    abstained += rollout.unscored === 'abstained' ? 1 : 0;
    if (rollout.reward === null) continue;
    rollouts += 1;
    rewardSum += rollout.reward;
    if (rollout.correct) correct += 1;
    if (rollout.formatted) formatted += 1;
  }
  const kept = verdict === 'keep' ? 1 : 0;
  const dropped = verdict === 'keep' ? {} : { [verdict]: 1 };
  const silence = silenceOf({ failed, replaced, abstained });
  return { ...emptyStats, groups: 1, kept, rollouts, correct, formatted, rewardSum, tokens, ...silence, dropped };
}

type Silence = Pick<TaskStats, 'failed' | 'replaced' | 'abstained'>;

/** Counts of what got no verdict; a step in which everything got one has the same statistics as before there were such counts. */
function silenceOf(...counts: readonly Silence[]): Silence {
  const sum: Record<string, number> = {};
  for (const name of ['failed', 'replaced', 'abstained'] as const) {
    const total = counts.reduce((before, count) => before + (count[name] ?? 0), 0);
    if (total > 0) sum[name] = total;
  }
  return sum;
}

function addStats(a: TaskStats, b: TaskStats): TaskStats {
  const dropped: Partial<Record<DropReason, number>> = { ...a.dropped };
  for (const [reason, count] of Object.entries(b.dropped) as [DropReason, number][]) {
    dropped[reason] = (dropped[reason] ?? 0) + count;
  }
  return {
    groups: a.groups + b.groups,
    kept: a.kept + b.kept,
    rollouts: a.rollouts + b.rollouts,
    correct: a.correct + b.correct,
    formatted: a.formatted + b.formatted,
    rewardSum: a.rewardSum + b.rewardSum,
    tokens: a.tokens + b.tokens,
    ...silenceOf(a, b),
    dropped,
    ...addComponents(a.components, b.components),
    absAdvantageSum: a.absAdvantageSum + b.absAdvantageSum,
    advantages: a.advantages + b.advantages,
    objectiveBefore: b.objectiveBefore ?? a.objectiveBefore,
    objectiveAfter: b.objectiveAfter ?? a.objectiveAfter,
  };
}

/** Two rounds' statistics as one; the later one's objectives count. */
export function mergeTallies(earlier: Tallies, later: Tallies): Tallies {
  const merged: Record<string, TaskStats> = { ...earlier };
  for (const [task, stats] of Object.entries(later)) merged[task] = addStats(merged[task] ?? emptyStats, stats);
  return merged;
}

/** Adds the advantages of the step's batch. */
export function tallyAdvantages(tallies: Tallies, groups: readonly Group[], advantages: Advantages): Tallies {
  const found: Record<string, TaskStats> = {};
  for (const [place, group] of groups.entries()) {
    const stats = found[group.task] ?? emptyStats;
    let { absAdvantageSum, advantages: count } = stats;
    for (const advantage of advantages[place]!) {
      if (advantage === null) continue;
      absAdvantageSum += Math.abs(advantage);
      count += 1;
    }
    found[group.task] = { ...stats, absAdvantageSum, advantages: count };
  }
  return mergeTallies(tallies, found);
}

/** Adds each task's objective J_GRPO before the update and after it, as the trainer measured them. */
export function tallyObjectives(
  tallies: Tallies,
  objectives: { readonly before: Readonly<Record<string, number>>; readonly after: Readonly<Record<string, number>> },
): Tallies {
  const found: Record<string, TaskStats> = {};
  for (const [task, objectiveBefore] of Object.entries(objectives.before)) {
    found[task] = { ...emptyStats, objectiveBefore, objectiveAfter: objectives.after[task] ?? null };
  }
  return mergeTallies(tallies, found);
}

/** Share of the rollouts that are fully correct; null where there are none. */
export function accuracyOf(stats: TaskStats): number | null {
  return stats.rollouts === 0 ? null : stats.correct / stats.rollouts;
}

/** Mean reward; null where there is none. */
export function meanRewardOf(stats: TaskStats): number | null {
  return stats.rollouts === 0 ? null : stats.rewardSum / stats.rollouts;
}

/**
 * I_k = J_GRPO,k(θ_{t+1}) − J_GRPO,k(θ_t): how much the update improved the task's objective on the step's batch; null
 * where it was not measured.
 */
export function improvementOf(stats: TaskStats): number | null {
  return stats.objectiveBefore === null || stats.objectiveAfter === null
    ? null
    : stats.objectiveAfter - stats.objectiveBefore;
}
