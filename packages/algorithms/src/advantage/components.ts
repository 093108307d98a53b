/** Components of a batch, for estimators that do not take one number per rollout. */
import type { Group, Rollout } from '../types.ts';

/** A component of a rollout; null where it has none of the name. */
export function componentOf(rollout: Rollout, name: string): number | null {
  const { components } = rollout;
  return components !== undefined && Object.hasOwn(components, name) ? components[name]! : null;
}

/**
 * Advantages of one component in a group: `of` the values that are there, 0 in the places of those that are not. A task whose
 * verifier does not know the component has 0 everywhere: it is left out.
 *
 * @throws {RangeError} if a value is not finite
 */
export function advantagesOfComponent(
  group: Group,
  name: string,
  of: (values_G: readonly number[]) => readonly number[],
): number[] {
  const scored = group.rollouts.filter(({ reward }) => reward !== null);
  const values = scored.map((rollout) => componentOf(rollout, name));
  const there = values.filter((value) => value !== null);
  if (!there.every(Number.isFinite)) {
    throw new RangeError(`Cannot compute advantages: component "${name}" of group "${group.id}" is not finite`);
  }
  if (there.length < 2) return values.map(() => 0);
  const advantages = of(there);
  let next = 0;
  return values.map((value) => (value === null ? 0 : advantages[next++]!));
}

/** What is wrong with a map from component to number, or undefined. */
export function checkComponentNumbers(option: string, value: unknown, wish: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
    return `option "${option}" is ${JSON.stringify(value)}, expected at least one component with its ${wish}`;
  }
  const wrong = Object.entries(value).find(([, number]) => typeof number !== 'number' || !Number.isFinite(number));
  return wrong === undefined
    ? undefined
    : `the ${wish} of "${wrong[0]}" is ${JSON.stringify(wrong[1])}, expected a finite number`;
}
