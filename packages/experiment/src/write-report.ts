/** A report as a folder: `report.html` (stands alone), `report.md` with `figures/`, `summary.json`, and the numbers as CSV. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluationsCsv, stepsCsv } from './csv.ts';
import { figuresOf } from './figures.ts';
import type { Preset } from './preset.ts';
import { htmlPage, markdownPage } from './report-pages.ts';
import type { RunMeasures } from './run-measures.ts';
import { type ExperimentSummary, summarise } from './summary.ts';

/** Writes over what an earlier report left there. */
export async function writeReport(
  folder: string,
  preset: Preset,
  measures: readonly RunMeasures[],
  command: string,
): Promise<ExperimentSummary> {
  const summary = summarise(preset, measures);
  const figures = figuresOf(preset, summary, measures);
  const report = { preset, summary, figures, command };
  await rm(join(folder, 'figures'), { recursive: true, force: true });
  await mkdir(join(folder, 'figures'), { recursive: true });
  for (const { name, svg } of figures) await writeFile(join(folder, 'figures', `${name}.svg`), svg);
  await writeFile(join(folder, 'report.html'), htmlPage(report));
  await writeFile(join(folder, 'report.md'), markdownPage(report));
  await writeFile(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  await writeFile(join(folder, 'evaluations.csv'), evaluationsCsv(measures));
  await writeFile(join(folder, 'steps.csv'), stepsCsv(measures));
  return summary;
}
