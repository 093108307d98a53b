/** The tables of parts, by the names that a configuration uses. A new part is a line here; a method may bring its own. */
import { bnpoAdvantage } from './advantage/bnpo.ts';
import { discoAdvantage, drpoAdvantage } from './advantage/discriminative.ts';
import { drGrpoAdvantage } from './advantage/dr-grpo.ts';
import { fgrpoAdvantage } from './advantage/fgrpo.ts';
import { gdpoAdvantage } from './advantage/gdpo.ts';
import { grpoAdvantage } from './advantage/grpo.ts';
import { mcGrpoAdvantage } from './advantage/mc-grpo.ts';
import { ngrpoAdvantage } from './advantage/ngrpo.ts';
import { reinforceAdvantage } from './advantage/reinforce.ts';
import { rlooAdvantage } from './advantage/rloo.ts';
import { stratifiedAdvantage } from './advantage/stratified.ts';
import { lenientFilter } from './filter/lenient.ts';
import { noneFilter } from './filter/none.ts';
import { notAllCorrectFilter } from './filter/not-all-correct.ts';
import { strictFilter } from './filter/strict.ts';
import { ownPart, type PartChoice } from './method-definition.ts';
import { definitions } from './methods/index.ts';
import type { PartDefinition, PartOptions } from './part.ts';
import { plainPlanner } from './planner/plain.ts';
import { refillPlanner } from './planner/refill.ts';
import { rpSamplerPlanner } from './planner/rp-sampler.ts';
import { budgetReward } from './reward/budget.ts';
import { grpoLambdaReward } from './reward/grpo-lambda.ts';
import { careReward, citationReward, posteriorReward } from './reward/rubrics.ts';
import { surrogateReward } from './reward/surrogate.ts';
import { unlikelyReward } from './reward/unlikely.ts';
import { verdictReward, weightedRewardCombiner } from './reward.ts';
import type { AdvantageEstimator, BatchPlanner, GroupFilter, RewardCombiner, TaskWeighter } from './types.ts';
import { iwuWeighter } from './weighter/iwu.ts';
import { regularisedWeighter } from './weighter/regularised.ts';
import { secWeighter } from './weighter/sec.ts';
import { stagedWeighter } from './weighter/staged.ts';
import { uniformWeighter } from './weighter/uniform.ts';
import { worstTaskWeighter } from './weighter/worst-task.ts';

type Table<Part> = Readonly<Record<string, PartDefinition<PartOptions, Part>>>;

/**
 * A table from its parts and those that methods bring.
 *
 * @throws {TypeError} if two parts have one name
 */
function table<Part>(
  shared: readonly PartDefinition<PartOptions, Part>[],
  choices: readonly (PartChoice<Part> | undefined)[],
): Table<Part> {
  const parts: Record<string, PartDefinition<PartOptions, Part>> = {};
  for (const part of [...shared, ...choices.map(ownPart)]) {
    if (part === undefined) continue;
    if (Object.hasOwn(parts, part.kind) && parts[part.kind] !== part) {
      throw new TypeError(`Cannot list the parts: there are two of the name "${part.kind}", expected a name for each`);
    }
    parts[part.kind] = part;
  }
  return parts;
}

export const weighters = table<TaskWeighter>(
  [uniformWeighter, iwuWeighter, secWeighter, worstTaskWeighter, regularisedWeighter, stagedWeighter],
  definitions.map(({ weighter }) => weighter),
);
export const planners = table<BatchPlanner>(
  [plainPlanner, refillPlanner, rpSamplerPlanner],
  definitions.map(({ planner }) => planner),
);
export const filters = table<GroupFilter>(
  [noneFilter, lenientFilter, strictFilter, notAllCorrectFilter],
  definitions.map(({ filter }) => filter),
);
export const advantages = table<AdvantageEstimator>(
  [
    ...[grpoAdvantage, drGrpoAdvantage, rlooAdvantage, ngrpoAdvantage, reinforceAdvantage, mcGrpoAdvantage],
    ...[bnpoAdvantage, gdpoAdvantage, stratifiedAdvantage, fgrpoAdvantage, discoAdvantage, drpoAdvantage],
  ],
  definitions.map(({ advantage }) => advantage),
);
export const rewards = table<RewardCombiner>(
  [
    ...[verdictReward, weightedRewardCombiner, unlikelyReward, budgetReward, surrogateReward, grpoLambdaReward],
    ...[careReward, citationReward, posteriorReward],
  ],
  definitions.map(({ reward }) => reward),
);
