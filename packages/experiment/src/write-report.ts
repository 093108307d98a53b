/** A report as a folder: `report.html` (stands alone), `report.md` with `figures/`, and the numbers beside them. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluationsCsv, stepsCsv } from './csv.ts';
import { figuresOf } from './figures.ts';
import { htmlPage, markdownPage, type Page } from './page.ts';
import type { Preset } from './preset.ts';
import { pageOf } from './report-page.ts';
import type { RunMeasures } from './run-measures.ts';
import { type ExperimentSummary, summarise } from './summary.ts';

/**
 * Writes a page and what belongs to it, over what an earlier report left there.
 *
 * @param files further files by name
 */
export async function writePage(folder: string, page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  await rm(join(folder, 'figures'), { recursive: true, force: true });
  await mkdir(join(folder, 'figures'), { recursive: true });
  for (const { name, svg } of page.sections.flatMap(({ figures }) => figures)) {
    await writeFile(join(folder, 'figures', `${name}.svg`), svg);
  }
  const all = { 'report.html': htmlPage(page), 'report.md': markdownPage(page), ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
}

/** The report of a comparison: its page, `summary.json`, `evaluations.csv` and `steps.csv`. */
export async function writeReport(
  folder: string,
  preset: Preset,
  measures: readonly RunMeasures[],
  command: string,
): Promise<ExperimentSummary> {
  const summary = summarise(preset, measures);
  const page = pageOf({ preset, summary, figures: figuresOf(preset, summary, measures), command });
  await writePage(folder, page, {
    'summary.json': `${JSON.stringify(summary, null, 2)}\n`,
    'evaluations.csv': evaluationsCsv(measures),
    'steps.csv': stepsCsv(measures),
  });
  return summary;
}
