/** The live view of a run as lines of text: a pure function of what is known of the run. It knows no terminal and no clock. */
import { type Silence, silenceText } from './silence-text.ts';
import {
  bar,
  duration,
  fit,
  grouped,
  type Paint,
  paintWith,
  percent,
  points,
  sparkline,
  spread,
  wrap,
} from './terminal-text.ts';
import { type TableColumn, textTable } from './text-table.ts';

/** One task in the live view. */
export interface LiveTask {
  readonly task: string;
  /** Of the last step's sampled rollouts; null before the first. */
  readonly accuracy: number | null;
  /** Of the base policy on held-out puzzles; null before its evaluation. */
  readonly baseAccuracy: number | null;
  /** z: the share of the step's prompts that this task is given. */
  readonly weight: number;
  /** ρ: the running share of groups without a gradient. */
  readonly filterRate: number;
  /** Groups of this task in the last step's batch. */
  readonly trained: number;
  /** What got no verdict, of all steps that were seen; left out where there is none. */
  readonly silence?: Silence;
}

/** Accuracies of one step or of one evaluation. */
export interface LivePoint {
  readonly step: number;
  readonly worst: number;
  readonly mean: number;
}

/** All that the live view shows. */
export interface LiveModel {
  readonly run: string;
  readonly method: string;
  /** The run's phase, for example `training`. */
  readonly phase: string;
  /** Why the run paused by itself; left out where it did not. */
  readonly reason?: string;
  /** For example `first-run after step 30`, of which the run is a branch; left out where it is none. */
  readonly branch?: string;
  /** The changes that took effect, in words, the last at the end; left out where there are none. */
  readonly changes?: readonly string[];
  /** Changes that wait for the step under way; left out where there are none. */
  readonly waiting?: number;
  /** The phase of the step under way, for example `roll out`; null where no step is. */
  readonly stepPhase: string | null;
  /** Steps that are done. */
  readonly step: number;
  readonly steps: number;
  readonly tasks: readonly LiveTask[];
  readonly worst: { readonly task: string; readonly accuracy: number } | null;
  readonly mean: number | null;
  readonly tokensPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly elapsedSeconds: number;
  /** Address of the run in the Temporal UI; null before the server is up. */
  readonly temporalUi: string | null;
  readonly dashboard?: string;
  readonly processes: readonly { readonly name: string; readonly state: string; readonly restarts: number }[];
  /** One point per finished step. */
  readonly history: readonly LivePoint[];
  /** The last evaluation. */
  readonly evaluation: (LivePoint & { readonly tasks: Readonly<Record<string, number | null>> }) | null;
}

export interface RenderOptions {
  readonly columns: number;
  readonly color: boolean;
}

/** More tasks than this, and the ones with the lowest accuracy are shown. */
const MOST_TASKS = 12;
const BAR_COLUMNS = 16;
/** Of more changes only the last are shown. */
const MOST_CHANGES = 3;

/**
 * The lines of the live view, none longer than `columns`. What has no room goes in this order: the bars, the number of trained
 * groups, the base.
 */
export function renderLive(model: LiveModel, { columns, color }: RenderOptions): string[] {
  const paint = paintWith(color);
  return [
    title(model, columns, paint),
    progress(model, columns, paint),
    ...notices(model, columns, paint),
    '',
    ...taskLines(model, columns, paint),
    ...summary(model, columns, paint),
    '',
    ...places(model, columns, paint),
  ].map((line) => fit(line, columns));
}

function title(model: LiveModel, columns: number, paint: Paint): string {
  const left = model.secondsLeft === null ? '' : `, ${duration(model.secondsLeft)} left`;
  return spread(
    `${paint('bold', model.run)}  ${model.method}${model.branch === undefined ? '' : paint('dim', `  branch of ${model.branch}`)}`,
    paint('dim', `${duration(model.elapsedSeconds)}${left}`),
    columns,
  );
}

function progress(model: LiveModel, columns: number, paint: Paint): string {
  const width = Math.max(0, Math.min(32, columns - 52));
  const drawn = width < 8 ? '' : `${paint('cyan', bar(model.step / model.steps, width))}  `;
  const rate = model.tokensPerSecond === null ? '' : `${grouped(model.tokensPerSecond)} tokens/s`;
  return spread(`step ${model.step}/${model.steps}  ${drawn}${phaseText(model)}`, rate, columns);
}

/** Why it paused, and what was changed as it went. */
function notices({ reason, changes = [], waiting = 0 }: LiveModel, columns: number, paint: Paint): string[] {
  const why = reason === undefined ? [] : wrap(`paused: ${reason}`, columns).map((line) => paint('red', line));
  const earlier = changes.length - MOST_CHANGES;
  const shown = changes.slice(-MOST_CHANGES).map((change) => paint('dim', change));
  return [
    ...why,
    ...(earlier > 0 ? [paint('dim', `${earlier} earlier ${earlier === 1 ? 'change' : 'changes'}`)] : []),
    ...shown,
    ...(waiting > 0
      ? [paint('yellow', `${waiting === 1 ? 'a change waits' : `${waiting} changes wait`} for the step under way`)]
      : []),
  ];
}

/** `training: roll out`. */
export function phaseText({ phase, stepPhase }: Pick<LiveModel, 'phase' | 'stepPhase'>): string {
  return stepPhase === null || stepPhase === 'done' ? phase : `${phase}: ${stepPhase}`;
}

interface Cell extends TableColumn {
  /** Columns of the terminal below which it is left out. */
  readonly from: number;
  readonly text: (task: LiveTask) => string;
}

function taskLines({ tasks, worst }: LiveModel, columns: number, paint: Paint): string[] {
  const cells: Cell[] = [
    { heading: 'task', from: 0, text: ({ task }) => (task === worst?.task ? paint('yellow', task) : task) },
    { heading: '', from: 84, text: ({ accuracy }) => bar(accuracy ?? 0, BAR_COLUMNS) },
    { heading: 'accuracy', right: true, from: 0, text: ({ accuracy }) => percent(accuracy) },
    { heading: 'base', right: true, from: 58, text: ({ baseAccuracy }) => percent(baseAccuracy) },
    { heading: 'change', right: true, from: 58, text: (task) => changeText(task, paint) },
    { heading: 'weight z', right: true, from: 0, text: ({ weight }) => weight.toFixed(2) },
    { heading: 'filtered ρ', right: true, from: 0, text: ({ filterRate }) => filterRate.toFixed(2) },
    { heading: 'trained', right: true, from: 68, text: ({ trained }) => String(trained) },
  ];
  const shown = cells.filter(({ from }) => columns >= from);
  const lowest =
    tasks.length <= MOST_TASKS
      ? tasks
      : tasks.toSorted((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2)).slice(0, MOST_TASKS);
  const [heading = '', ...rows] = textTable(
    shown,
    lowest.map((task) => shown.map(({ text }) => text(task))),
  );
  const more = tasks.length - lowest.length;
  return [
    paint('dim', heading),
    ...rows,
    ...(more > 0 ? [paint('dim', `and ${more} more, with higher accuracy`)] : []),
  ];
}

function changeText({ accuracy, baseAccuracy }: LiveTask, paint: Paint): string {
  if (accuracy === null || baseAccuracy === null) return '–';
  return paint(accuracy < baseAccuracy ? 'red' : 'green', points(accuracy - baseAccuracy));
}

function summary({ tasks, worst, mean, history, evaluation }: LiveModel, columns: number, paint: Paint): string[] {
  const lines: string[] = [];
  if (worst !== null && mean !== null) {
    lines.push('', `worst ${percent(worst.accuracy)} ${worst.task}   average ${percent(mean)}`);
  }
  const silent = tasks.flatMap(({ task, silence = {} }) => {
    const text = silenceText(silence);
    return text === null ? [] : [`${task} ${text}`];
  });
  if (silent.length > 0) lines.push(`verdicts: ${paint('yellow', silent.join('; '))}`);
  if (history.length > 1) {
    const room = Math.max(4, Math.floor((columns - 25) / 2));
    const line = (pick: (point: LivePoint) => number) => sparkline(history.map(pick), Math.min(room, 40));
    lines.push(
      `trend: worst ${paint(
        'yellow',
        line(({ worst: value }) => value),
      )}   average ${paint(
        'cyan',
        line(({ mean: value }) => value),
      )}`,
    );
  }
  if (evaluation !== null) {
    lines.push(
      `evaluated after step ${evaluation.step}: worst ${percent(evaluation.worst)}, average ${percent(evaluation.mean)}`,
    );
  }
  return lines;
}

function places({ temporalUi, dashboard, processes }: LiveModel, columns: number, paint: Paint): string[] {
  const marks = processes.map(({ name, state, restarts }) => {
    const times = restarts === 0 ? '' : ` (restarted ${restarts}×)`;
    return state === 'up'
      ? `${name}${times}`
      : paint(state === 'gave-up' ? 'red' : 'yellow', `${name} ${state}${times}`);
  });
  return [
    ...(temporalUi === null ? [] : address('Temporal UI', temporalUi, columns, paint)),
    ...(dashboard === undefined ? [] : address('dashboard', dashboard, columns, paint)),
    ...(marks.length === 0 ? [] : [`processes    ${marks.join(', ')}`]),
    paint('dim', 'Ctrl-C pauses; the same command goes on from there.'),
  ];
}

/** An address is never cut: where it has no room it goes on in the next line. */
function address(name: string, url: string, columns: number, paint: Paint): string[] {
  const label = name.padEnd(13);
  if (label.length + url.length <= columns) return [`${label}${paint('cyan', url)}`];
  const parts = url.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [];
  return [name, ...parts.map((part) => paint('cyan', part))];
}
