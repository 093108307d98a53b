/** All methods, in the order in which they are shown: those of Multi-Task GRPO's comparison, then the wider family by name. */
import type { MethodDefinition } from '../method-definition.ts';
import { withoutExplanations } from '../objective.ts';
import { dapo } from './dapo.ts';
import { grpo } from './grpo.ts';
import * as family from './list.ts';
import { mtGrpo, regularised, worstTask } from './mt-grpo.ts';
import { secDapo, secGrpo } from './sec.ts';

/** What each method is; `methods` has them as specifications. */
export const definitions: readonly MethodDefinition[] = [
  ...[grpo, dapo, secGrpo, secDapo, mtGrpo, worstTask, regularised],
  ...Object.values(family).sort((a, b) => (a.name < b.name ? -1 : 1)),
];

/** Methods that somebody may look for and no run can do, with the reason. */
export const unavailableMethods: Readonly<Record<string, string>> = {
  expo: withoutExplanations,
};
