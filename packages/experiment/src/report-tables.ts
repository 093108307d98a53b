/** The tables of a report, as rows of text: what Markdown and HTML both show. */
import type { Table } from './page.ts';
import type { Spread } from './statistics.ts';
import type { BudgetSummary, ExperimentSummary } from './summary.ts';

const percentText = (value: number, digits = 1) => (100 * value).toFixed(digits);

/** `61.3 [59.0, 63.2]`, in percent. */
function spreadText(spread: Spread | null | undefined): string {
  if (spread == null) return '–';
  return `${percentText(spread.mean)} [${percentText(spread.low)}, ${percentText(spread.high)}]`;
}

function gainText(gain: Spread | null): string {
  return gain === null ? '–' : `${signed(gain.mean)} [${signed(gain.low)}, ${signed(gain.high)}]`;
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(1)}`;
}

function budgetTable(summary: ExperimentSummary, pick: 'bySteps' | 'byRollouts'): Table {
  const { tasks, arms, steps, rollouts } = summary;
  const budget = pick === 'bySteps' ? `after ${steps} steps` : `at ${rollouts.toLocaleString('en-US')} completions`;
  const row = (name: string, found: BudgetSummary | null) => [
    name,
    ...tasks.map((task) => spreadText(found?.tasks[task])),
    spreadText(found?.worst),
    spreadText(found?.mean),
    found === null ? '–' : gainText(found.gain),
  ];
  return {
    title: `Accuracy ${budget}`,
    note: 'In percent: mean over seeds [95 % bootstrap over seeds]. Δm %: mean relative gain over DAPO of the same seed.',
    head: ['method', ...tasks, 'worst task', 'mean', 'Δm %'],
    rows: arms.map((arm) => row(arm.arm, arm[pick])),
  };
}

function arrivalText(values: readonly (number | null)[]): string {
  const reached = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (values.length === 0) return '–';
  if (reached.length === 0) return `never (0 of ${values.length})`;
  const middle = reached[(reached.length - 1) >> 1]!;
  const text = Math.round(middle).toLocaleString('en-US');
  return reached.length === values.length ? text : `${text} (${reached.length} of ${values.length} seeds)`;
}

/** An arm's name in a title. */
export function shownName(arm: string): string {
  return arm === 'mt-grpo' ? 'MT-GRPO' : arm;
}

/** All tables of the report, in order. */
export function tablesOf(summary: ExperimentSummary): Table[] {
  const { arms, threshold, differences, subject } = summary;
  return [
    budgetTable(summary, 'bySteps'),
    budgetTable(summary, 'byRollouts'),
    {
      title: `${shownName(subject)} against each other method`,
      note: 'Difference in percentage points, paired by seed: mean [95 % bootstrap over seeds]; least and most of the seeds.',
      head: ['against', 'budget', 'what', 'difference', 'seeds, least to most'],
      rows: differences.map(({ against, axis, what, difference }) => [
        against,
        axis === 'step' ? 'steps' : 'completions',
        what === 'worst' ? 'worst task' : 'mean',
        `${signed(100 * difference.mean)} [${signed(100 * difference.low)}, ${signed(100 * difference.high)}]`,
        `${signed(100 * difference.least)} to ${signed(100 * difference.most)}`,
      ]),
    },
    {
      title: `Until the worst task reaches ${percentText(threshold, 0)} %`,
      note: 'Median over the seeds that reach it.',
      head: ['method', 'steps', 'completions'],
      rows: arms.map(({ arm, arrivals }) => [
        arm,
        arrivalText(arrivals.map(({ steps }) => steps)),
        arrivalText(arrivals.map(({ rollouts }) => rollouts)),
      ]),
    },
    {
      title: 'What a step takes, and what ratio of tasks it trains on',
      note: 'Ratio error: half the sum of |trained share − wanted share| over tasks, mean over steps, in percent. 0 is the wanted ratio.',
      head: ['method', 'completions a step', 'ratio error', 'what it is'],
      rows: arms.map(({ arm, about, rolloutsPerStep, ratioError }) => [
        arm,
        rolloutsPerStep === null ? '–' : Math.round(rolloutsPerStep.mean).toLocaleString('en-US'),
        spreadText(ratioError),
        about,
      ]),
    },
  ];
}
