/** Charts as SVG text: lines with bands, and intervals. They stand alone, in a page or as files, and read in light and dark. */
import { extent } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';

export interface Series {
  readonly name: string;
  readonly colour: string;
  /** By x. `low` and `high` bound the band. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[];
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Default: what the points need. */
  readonly yDomain?: readonly [number, number];
  readonly format?: (value: number) => string;
}

export interface Interval {
  readonly name: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** The single values, as small marks. */
  readonly values?: readonly number[];
}

const WIDTH = 560;
const HEIGHT = 320;
const MARGIN = { top: 34, right: 16, bottom: 44, left: 72 } as const;
const LEGEND_ROW = 18;

/** Ten colours that are told apart with most kinds of colour vision (Okabe and Ito's, and two more). */
const colours = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#d55e00',
  '#56b4e9',
  '#7f7f7f',
  '#b2a000',
  '#6a3d9a',
  '#8c564b',
] as const;

export function colourOf(place: number): string {
  return colours[place % colours.length]!;
}

const style = `<style>
text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:13px}.axis{stroke:#999;stroke-width:1}.grid{stroke:#ddd;stroke-width:1}
@media (prefers-color-scheme: dark){text{fill:#ddd}.axis{stroke:#888}.grid{stroke:#444}}
</style>`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const plain = (value: number) => `${Number(value.toPrecision(6))}`;
const place = (value: number) => value.toFixed(1);

/** A picture of lines. Where there is nothing to draw, it says so. */
export function lineChart({ title, xLabel, yLabel, series, yDomain, format = plain }: LineChart): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  const columns = 3;
  const legend = Math.ceil(drawn.length / columns) * LEGEND_ROW;
  const height = HEIGHT + legend;
  if (all.length === 0) return frame(title, height, `<text x="${MARGIN.left}" y="80">no data yet</text>`);
  const [x0 = 0, x1 = 1] = extent(all, ({ x }) => x);
  const [y0 = 0, y1 = 1] = yDomain ?? extent(all.flatMap(({ y, low = y, high = y }) => [low, high]));
  const x = scaleLinear([x0, x1 === x0 ? x0 + 1 : x1], [MARGIN.left, WIDTH - MARGIN.right]);
  // What is the same everywhere lies in the middle.
  const room = y1 === y0 ? Math.abs(y0) / 2 || 0.5 : 0;
  const y = scaleLinear([y0 - room, y1 + room], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice();
  const grid = y
    .ticks(5)
    .map(
      (tick) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${place(y(tick))}" y2="${place(y(tick))}"/><text x="${MARGIN.left - 6}" y="${place(y(tick) + 4)}" text-anchor="end">${escaped(format(tick))}</text>`,
    );
  const bottom = HEIGHT - MARGIN.bottom;
  const ticks = x
    .ticks(6)
    .map(
      (tick) =>
        `<text x="${place(x(tick))}" y="${bottom + 16}" text-anchor="middle">${escaped(tick.toLocaleString('en-US'))}</text>`,
    );
  type Point = Series['points'][number];
  const bandPath = area<Point>()
    .x((point) => x(point.x))
    .y0((point) => y(point.low ?? point.y))
    .y1((point) => y(point.high ?? point.y))
    .digits(1);
  const linePath = line<Point>()
    .x((point) => x(point.x))
    .y((point) => y(point.y))
    .digits(1);
  const bands = drawn
    .filter(({ points }) => points.some(({ y: middle, low = middle, high = middle }) => low < high))
    .map(({ colour, points }) => `<path d="${bandPath([...points])}" fill="${colour}" opacity="0.1"/>`);
  const lines = drawn.map(
    ({ colour, points, name }) =>
      `<path d="${linePath([...points])}" fill="none" stroke="${colour}" stroke-width="2"><title>${escaped(name)}</title></path>`,
  );
  const names = drawn.map(({ name, colour }, index) => {
    const left = MARGIN.left + (index % columns) * 160;
    const top = HEIGHT + Math.floor(index / columns) * LEGEND_ROW;
    return `<rect x="${left}" y="${top}" width="12" height="4" fill="${colour}"/><text x="${left + 18}" y="${top + 7}">${escaped(name)}</text>`;
  });
  return frame(
    title,
    height,
    [
      ...grid,
      `<line class="axis" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${bottom}" y2="${bottom}"/>`,
      ...ticks,
      `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${bottom + 34}" text-anchor="middle">${escaped(xLabel)}</text>`,
      `<text transform="translate(11 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
      ...bands,
      ...lines,
      ...names,
    ].join('\n'),
  );
}

/** Intervals, one a line, with a mark at 0. */
export function intervalChart(options: {
  readonly title: string;
  readonly xLabel: string;
  readonly intervals: readonly Interval[];
  readonly format?: (value: number) => string;
}): string {
  const { title, xLabel, intervals, format = plain } = options;
  const row = 26;
  const left = 150;
  const height = MARGIN.top + intervals.length * row + MARGIN.bottom;
  if (intervals.length === 0) return frame(title, 110, `<text x="20" y="70">no data yet</text>`);
  const numbers = intervals.flatMap(({ low, high, mean, values = [] }) => [low, high, mean, ...values, 0]);
  const [x0 = -1, x1 = 1] = extent(numbers);
  const x = scaleLinear([x0, x1 === x0 ? x0 + 1 : x1], [left, WIDTH - MARGIN.right]).nice();
  const bottom = height - MARGIN.bottom;
  const ticks = x
    .ticks(6)
    .map(
      (tick) =>
        `<line class="grid" x1="${place(x(tick))}" x2="${place(x(tick))}" y1="${MARGIN.top}" y2="${bottom}"/><text x="${place(x(tick))}" y="${bottom + 16}" text-anchor="middle">${escaped(format(tick))}</text>`,
    );
  const rows = intervals.map(({ name, mean, low, high, values = [] }, index) => {
    const y = MARGIN.top + row * (index + 0.5);
    const colour = low > 0 ? '#009e73' : high < 0 ? '#d55e00' : '#7f7f7f';
    const marks = values.map(
      (value) => `<circle cx="${place(x(value))}" cy="${y}" r="2" fill="${colour}" opacity="0.5"/>`,
    );
    return `<text x="${left - 8}" y="${y + 4}" text-anchor="end">${escaped(name)}</text><line x1="${place(x(low))}" x2="${place(x(high))}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3"/><circle cx="${place(x(mean))}" cy="${y}" r="5" fill="${colour}"/>${marks.join('')}`;
  });
  const zero = `<line class="axis" x1="${place(x(0))}" x2="${place(x(0))}" y1="${MARGIN.top}" y2="${bottom}"/>`;
  const label = `<text x="${(left + WIDTH - MARGIN.right) / 2}" y="${bottom + 34}" text-anchor="middle">${escaped(xLabel)}</text>`;
  return frame(title, height, [...ticks, zero, ...rows, label].join('\n'));
}

function frame(title: string, height: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
${style}
<text class="title" x="${MARGIN.left}" y="18">${escaped(title)}</text>
${content}
</svg>
`;
}
