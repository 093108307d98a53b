/**
 * A method as its file says it: a name, where it comes from, and the parts that differ from GRPO's. `method.ts` makes a specification
 * of it. A method of one's own is one file with one of these, and one line in `methods/index.ts`.
 */
import type { PartDefinition, PartOptions, PartSpec } from './part.ts';
import type {
  AdvantageEstimator,
  BatchPlanner,
  GroupFilter,
  ObjectiveSpec,
  RewardCombiner,
  TaskWeighter,
} from './types.ts';

/** Where a method's formulas come from. */
export interface MethodSource {
  readonly paper: string;
  /** The equation, algorithm or section. */
  readonly where?: string;
  /** `first-hand`: the paper's text or its authors' code was read. `secondary`: somebody else's account of it. `own`: no paper. */
  readonly reading: 'first-hand' | 'secondary' | 'own';
  /** What was read. */
  readonly from: string;
}

/** A part by name, by name with options, or a part of the method's own. */
export type PartChoice<Part> = string | PartSpec | PartDefinition<PartOptions, Part>;

/** What is left out is GRPO's: `uniform`, `plain`, `none`, `grpo`, `verdict`, and GRPO's objective. */
export interface MethodDefinition {
  readonly name: string;
  /** In a line, what is different. */
  readonly about: string;
  readonly source: MethodSource;
  readonly weighter?: PartChoice<TaskWeighter>;
  readonly planner?: PartChoice<BatchPlanner>;
  readonly filter?: PartChoice<GroupFilter>;
  readonly advantage?: PartChoice<AdvantageEstimator>;
  readonly reward?: PartChoice<RewardCombiner>;
  readonly objective?: ObjectiveSpec;
}

/** The part itself, where the choice is one and not a name. */
export function ownPart<Part>(choice: PartChoice<Part> | undefined): PartDefinition<PartOptions, Part> | undefined {
  const own = typeof choice === 'object' && 'create' in choice && 'defaults' in choice;
  return own ? (choice as PartDefinition<PartOptions, Part>) : undefined;
}

/** The choice as a name with options. */
export function specOf<Part>(choice: PartChoice<Part> | undefined, otherwise: string): PartSpec {
  const own = ownPart(choice);
  if (own !== undefined) return { kind: own.kind };
  return typeof choice === 'object' ? (choice as PartSpec) : { kind: choice ?? otherwise };
}
