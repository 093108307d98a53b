/** Curves over seeds: at each place the mean, and the seeds' range. */
import type { Series } from './chart.ts';

export interface SeedCurve {
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** One series of a chart from the curves of an arm's seeds, at the places that all of them have. */
export function bandOf(name: string, colour: string, curves: readonly SeedCurve[]): Series {
  const places = [...new Set(curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const points = places.flatMap((x) => {
    const values = curves.map((curve) => at(curve, x)).filter((value) => value !== null);
    if (values.length < curves.length || values.length === 0) return [];
    const y = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [{ x, y, low: Math.min(...values), high: Math.max(...values) }];
  });
  return { name, colour, points };
}

/** Linear between two points; null outside. */
function at({ points }: SeedCurve, x: number): number | null {
  const after = points.findIndex((point) => point.x >= x);
  if (after < 0) return null;
  const right = points[after]!;
  if (right.x === x) return right.y;
  const left = points[after - 1];
  return left === undefined ? null : left.y + ((right.y - left.y) * (x - left.x)) / (right.x - left.x);
}
