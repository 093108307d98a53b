import type { Components, Group, RewardCombiner, Rollout } from '@evenkeel/algorithms';
import { EvenkeelError } from '@evenkeel/core';
import {
  decodePrompts,
  decodeRollouts,
  decodeVerdicts,
  type PromptRow,
  type RolloutRow,
  type VerdictRow,
} from '@evenkeel/store';
import type { ActivityContext } from './context.ts';
import type { FinishedRound } from './types.ts';

/** A group with what the trainer needs of it. */
export interface RolledGroup {
  readonly group: Group;
  readonly prompt: PromptRow;
  readonly rollouts: readonly RolloutRow[];
}

/**
 * A round's groups in the order of the plan, never of completion. A rollout without a verdict (abstained, failed) has no
 * reward: it counts nowhere.
 */
export async function groupsOf(
  context: ActivityContext,
  round: FinishedRound,
  reward: RewardCombiner,
): Promise<RolledGroup[]> {
  const prompts = decodePrompts(await context.store.get(round.plan.prompts));
  const shards = await Promise.all(round.rollouts.map((ref) => context.store.get(ref)));
  const rollouts = shards.flatMap((bytes) => decodeRollouts(bytes));
  const verdicts = decodeVerdicts(await context.store.get(round.verdicts));
  if (verdicts.length !== rollouts.length) {
    throw new EvenkeelError(
      `Cannot score round ${round.plan.round}: it has ${rollouts.length} rollouts and ${verdicts.length} verdicts, expected one for each`,
      { code: 'round-invalid' },
    );
  }
  const scored = prompts.map((): Rollout[] => []);
  const rolled = prompts.map((): RolloutRow[] => []);
  rollouts.forEach((row, index) => {
    const verdict = verdicts[index]!;
    const components = componentsOf(verdict);
    scored[row.prompt]!.push({
      id: `r${round.plan.round}p${row.prompt}s${row.sample}`,
      reward: reward.combine(components),
      correct: verdict.kind === 'scored' && verdict.correct,
      formatted: verdict.kind === 'scored' && verdict.formatted,
      tokens: row.tokens.length,
    });
    rolled[row.prompt]!.push(row);
  });
  return prompts.map((prompt, index) => ({
    group: {
      id: `r${round.plan.round}p${index}`,
      task: prompt.task,
      promptId: prompt.puzzle,
      rollouts: scored[index]!,
    },
    prompt,
    rollouts: rolled[index]!,
  }));
}

/** The parts of one rollout's reward: the verifier's own by name, and `verdict`; none of them where nothing was scored. */
function componentsOf({ kind, reward, components }: VerdictRow): Components {
  if (kind !== 'scored') return { verdict: null };
  return { ...(components === null ? {} : (JSON.parse(components) as Components)), verdict: reward };
}
