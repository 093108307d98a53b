/** A run under fire as a Markdown table and as a picture (SVG): steps, blows, and how long each was felt. */
import { brokenPromises, type Proof } from './proof.ts';
import type { FireReport, Interruption } from './run-under-fire.ts';

export interface Fire {
  readonly seed: number;
  readonly command: string;
  readonly calm: { readonly sha256: string; readonly wallMs: number };
  readonly fire: FireReport;
  readonly proof: Proof;
}

const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** Recovery: from the process being up again (or from the blow, where it was not away) to the next job begun or committed. */
function recoveryMs({ atMs, backMs, productiveMs }: Interruption): number | null {
  return productiveMs === null ? null : productiveMs - (backMs ?? atMs);
}

/** Whether everything that was promised held. */
export function holds({ calm, fire, proof }: Fire): boolean {
  return brokenPromises(proof).length === 0 && calm.sha256 === fire.result.policy.sha256;
}

/** The report's page. */
export function markdown(report: Fire): string {
  const { calm, fire, proof, seed, command } = report;
  const kinds = Map.groupBy(fire.interruptions, ({ blow }) => `${blow.action} ${blow.target}`);
  const rows = [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, all]) => {
      const recovered = all.flatMap((one) => recoveryMs(one) ?? []).sort((a, b) => a - b);
      const away = all.flatMap(({ backMs, atMs }) => (backMs === null ? [] : backMs - atMs)).sort((a, b) => a - b);
      const lost = all.reduce((sum, { lostMs }) => sum + lostMs, 0);
      const median = (values: readonly number[]) => (values.length === 0 ? '–' : seconds(values[values.length >> 1]!));
      return `| ${name} | ${all.length} | ${median(away)} | ${median(recovered)} | ${recovered.length === 0 ? '–' : seconds(recovered.at(-1)!)} | ${seconds(lost)} |`;
    });
  const kills = fire.interruptions.filter(({ blow }) => blow.action === 'kill').length;
  return `${[
    '# A run under fire',
    '',
    `\`${command}\` (seed ${seed}): ${fire.steps.length} steps, ${kills} kills, ${fire.interruptions.length - kills} other blows.`,
    '',
    '| promise | seen |',
    '| --- | --- |',
    `| weights of the undisturbed run | ${calm.sha256.slice(0, 16)} undisturbed, ${fire.result.policy.sha256.slice(0, 16)} under fire |`,
    `| committed rollouts generated again | ${proof.repeated.rollouts} |`,
    `| committed verdicts asked for again | ${proof.repeated.verdicts} |`,
    `| optimizer steps applied twice | ${proof.updatedTwice + proof.repeated.updates} |`,
    `| steps without an update | ${proof.stepsMissing} |`,
    `| verdicts lost | ${proof.verdictsLost} |`,
    `| goodput: undisturbed time / disturbed time | ${seconds(calm.wallMs)} s / ${seconds(fire.wallMs)} s = ${((100 * calm.wallMs) / fire.wallMs).toFixed(0)} % |`,
    '',
    'Away: until the process was up again. Working again: from then until a job was begun or committed. Lost: computing under way that had to be',
    'done again. All in seconds.',
    '',
    '| blow | times | away, median | working again, median | longest | lost, all |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '![Steps and blows over time](timeline.svg)',
    '',
  ].join('\n')}`;
}

const WIDTH = 1200;
const LEFT = 110;
const LANE = 22;
const colours = { kill: '#c0392b', stop: '#8e44ad', cut: '#d68910', stall: '#2874a6' } as const;

/** The timeline: one lane a process, a mark a blow, a bar while it was felt, a tick a step. */
export function timelineSvg({ fire }: Fire): string {
  const lanes = [...new Set(fire.interruptions.map(({ blow }) => blow.target))].sort();
  const x = (ms: number) => (LEFT + ((WIDTH - LEFT - 20) * ms) / fire.wallMs).toFixed(1);
  const height = 60 + LANE * (lanes.length + 1) + 40;
  const y = (lane: number) => 40 + LANE * lane;
  const text = (left: number | string, top: number, words: string, anchor = 'end') =>
    `<text x="${left}" y="${top}" text-anchor="${anchor}">${words}</text>`;
  const marks = fire.interruptions.flatMap((one) => {
    const { blow, atMs, backMs, productiveMs } = one;
    const top = y(lanes.indexOf(blow.target) + 1);
    const until = productiveMs ?? backMs ?? atMs;
    const title = `<title>#${blow.number} ${blow.action} ${blow.target} at ${seconds(atMs)} s; working again ${seconds(until - atMs)} s later</title>`;
    return [
      `<g>${title}<rect x="${x(atMs)}" y="${top - 6}" width="${Math.max(1, Number(x(until)) - Number(x(atMs)))}" height="12" fill="${colours[blow.action]}" opacity="0.35"/>`,
      `<path d="M${x(atMs)} ${top - 8}V${top + 8}" stroke="${colours[blow.action]}" stroke-width="2"/></g>`,
    ];
  });
  const ticks = fire.steps.map(
    ({ step, atMs }) =>
      `<g><title>step ${step} at ${seconds(atMs)} s</title><path d="M${x(atMs)} ${y(0) - 8}V${y(0) + 8}" stroke="#1e8449"/></g>`,
  );
  const bottom = y(lanes.length + 1) + 10;
  const every = Math.max(1, Math.round(fire.wallMs / 12_000)) * 1000;
  const axis = Array.from({ length: Math.floor(fire.wallMs / every) + 1 }, (_, at) => at * every).map(
    (ms) =>
      `<path d="M${x(ms)} 28V${bottom}" stroke="#ddd"/><g fill="#222">${text(x(ms), bottom + 16, `${ms / 1000} s`, 'middle')}</g>`,
  );
  const legend = Object.entries(colours).map(
    ([action, colour], at) =>
      `<rect x="${LEFT + at * 90}" y="8" width="12" height="12" fill="${colour}"/>${text(LEFT + at * 90 + 18, 18, action, 'start')}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="none">`,
    `<title>A run under fire: its steps, and what was done to which process</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...axis,
    `<g fill="#222">`,
    ...legend,
    text(LEFT - 8, y(0) + 4, 'steps'),
    ...lanes.map((lane, at) => text(LEFT - 8, y(at + 1) + 4, lane)),
    '</g>',
    ...ticks,
    ...marks,
    '</svg>',
    '',
  ].join('\n');
}
