/** The page of a comparison. */
import type { FigureSection, SectionedFigure } from './figures.ts';
import type { Page } from './page.ts';
import type { Preset } from './preset.ts';
import { tablesOf } from './report-tables.ts';
import type { ExperimentSummary } from './summary.ts';

interface Report {
  readonly preset: Preset;
  readonly summary: ExperimentSummary;
  readonly figures: readonly SectionedFigure[];
  readonly command: string;
}

const sections: readonly (readonly [FigureSection, string])[] = [
  ['accuracy', 'Accuracy'],
  ['differences', 'Differences'],
  ['weights', 'Task weights'],
  ['filter', 'Filter rates'],
  ['ratio', 'Task ratio'],
  ['cost', 'Cost'],
];

function introduction({ preset, summary }: Report): string[] {
  const { base, tasks } = summary;
  const arms = preset.arms.map(({ name }) => name).join(', ');
  const baseText =
    base === null
      ? ''
      : ` The base: ${tasks.map((task) => `${task} ${(100 * (base.accuracies[task] ?? 0)).toFixed(1)} %`).join(', ')}.`;
  return [
    `${preset.about}. ${preset.arms.length} methods (${arms}), ${summary.seeds} seeds each (0 to ${summary.seeds - 1}; none chosen, none left out), tasks ${tasks.join(', ')}.${baseText}`,
    `Two budgets: ${summary.steps} training steps, and ${summary.rollouts.toLocaleString('en-US')} completions generated for training. A method that generates fewer completions in a step is run for as many more steps. Accuracy is on puzzles that no run trains on, the same for all (split "${preset.settings.evaluation?.split ?? 'heldout'}"), sampled as the policy is. Bands in the pictures are the range over seeds.`,
    ...(summary.missing.length === 0
      ? []
      : [`Not whole yet: ${summary.missing.length} runs have not ended (${summary.missing.slice(0, 6).join(', ')}).`]),
  ];
}

export function pageOf(report: Report): Page {
  return {
    title: report.preset.title,
    introduction: introduction(report),
    tables: tablesOf(report.summary),
    sections: sections.flatMap(([section, title]) => {
      const figures = report.figures.filter((figure) => figure.section === section);
      return figures.length === 0 ? [] : [{ title, figures }];
    }),
    command: report.command,
  };
}
