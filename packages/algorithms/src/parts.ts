/** The tables of parts, by the names that a configuration uses. A new part is a line here. */
import { drGrpoAdvantage } from './advantage/dr-grpo.ts';
import { grpoAdvantage } from './advantage/grpo.ts';
import { rlooAdvantage } from './advantage/rloo.ts';
import { lenientFilter } from './filter/lenient.ts';
import { noneFilter } from './filter/none.ts';
import { strictFilter } from './filter/strict.ts';
import { plainPlanner } from './planner/plain.ts';
import { refillPlanner } from './planner/refill.ts';
import { rpSamplerPlanner } from './planner/rp-sampler.ts';
import { verdictReward, weightedRewardCombiner } from './reward.ts';
import { iwuWeighter } from './weighter/iwu.ts';
import { regularisedWeighter } from './weighter/regularised.ts';
import { secWeighter } from './weighter/sec.ts';
import { uniformWeighter } from './weighter/uniform.ts';
import { worstTaskWeighter } from './weighter/worst-task.ts';

export const weighters = {
  uniform: uniformWeighter,
  iwu: iwuWeighter,
  sec: secWeighter,
  'worst-task': worstTaskWeighter,
  regularised: regularisedWeighter,
};
export const planners = { plain: plainPlanner, refill: refillPlanner, 'rp-sampler': rpSamplerPlanner };
export const filters = { none: noneFilter, lenient: lenientFilter, strict: strictFilter };
export const advantages = { grpo: grpoAdvantage, 'dr-grpo': drGrpoAdvantage, rloo: rlooAdvantage };
export const rewards = { verdict: verdictReward, weighted: weightedRewardCombiner };
