/** The report's two pages: Markdown beside its pictures, and one HTML page that stands alone. */
import type { Figure } from './figures.ts';
import type { Preset } from './preset.ts';
import { type Table, tablesOf } from './report-tables.ts';
import type { ExperimentSummary } from './summary.ts';

export interface Report {
  readonly preset: Preset;
  readonly summary: ExperimentSummary;
  readonly figures: readonly Figure[];
  /** What makes this report. */
  readonly command: string;
}

const sections: readonly (readonly [Figure['section'], string])[] = [
  ['accuracy', 'Accuracy'],
  ['differences', 'Differences'],
  ['weights', 'Task weights'],
  ['filter', 'Filter rates'],
  ['ratio', 'Task ratio'],
  ['cost', 'Cost'],
];

function introduction({ preset, summary, command }: Report): string[] {
  const { base, tasks } = summary;
  const arms = preset.arms.map(({ name }) => name).join(', ');
  const baseText =
    base === null
      ? ''
      : ` The base: ${tasks.map((task) => `${task} ${(100 * (base.accuracies[task] ?? 0)).toFixed(1)} %`).join(', ')}.`;
  return [
    `${preset.about}. ${preset.arms.length} methods (${arms}), ${summary.seeds} seeds each (0 to ${summary.seeds - 1}; none chosen, none left out), tasks ${tasks.join(', ')}.${baseText}`,
    `Two budgets: ${summary.steps} training steps, and ${summary.rollouts.toLocaleString('en-US')} completions generated for training. A method that generates fewer completions in a step is run for as many more steps. Accuracy is on puzzles that no run trains on, the same for all (split "${preset.settings.evaluation?.split ?? 'heldout'}"), sampled as the policy is. Bands in the pictures are the range over seeds.`,
    `Made by: ${command}`,
    ...(summary.missing.length === 0
      ? []
      : [`Not whole yet: ${summary.missing.length} runs have not ended (${summary.missing.slice(0, 6).join(', ')}).`]),
  ];
}

function markdownTable({ title, note, head, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [`## ${title}`, '', note, '', line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

/** `report.md`; the pictures lie beside it, in `figures/`. */
export function markdownPage(report: Report): string {
  const pictures = sections.flatMap(([section, title]) => {
    const own = report.figures.filter((figure) => figure.section === section);
    if (own.length === 0) return [];
    return [`## ${title}`, '', ...own.map(({ name }) => `![${name}](figures/${name}.svg)`), ''];
  });
  const intro = introduction(report).flatMap((text) => [text, '']);
  return `${[`# ${report.preset.title}`, '', ...intro, ...tablesOf(report.summary).flatMap(markdownTable), ...pictures].join('\n').trimEnd()}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function htmlTable({ title, note, head, rows }: Table): string {
  const cells = (tag: string, texts: readonly string[]) =>
    texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('');
  return `<section><h2>${escaped(title)}</h2><p>${escaped(note)}</p><div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</tbody></table></div></section>`;
}

const css = `:root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#ddd;--soft:#666}
@media(prefers-color-scheme:dark){:root{--ink:#ddd;--paper:#161616;--line:#444;--soft:#999}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1180px;margin:0 auto;padding:24px 16px}
h1{font-size:26px;margin:0 0 12px}h2{font-size:19px;margin:36px 0 6px}p{max-width:78ch;margin:6px 0}section>p{color:var(--soft);font-size:14px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px;margin:8px 0}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));gap:16px}.figures svg{width:100%;height:auto}
code{background:color-mix(in srgb,var(--ink) 8%,transparent);padding:1px 4px;border-radius:4px}`;

/** `report.html`: tables, pictures and style in one file. */
export function htmlPage(report: Report): string {
  const { preset, summary, figures, command } = report;
  const intro = introduction(report).map(
    (text) => `<p>${escaped(text).replace(escaped(command), `<code>${escaped(command)}</code>`)}</p>`,
  );
  const pictures = sections.flatMap(([section, title]) => {
    const own = figures.filter((figure) => figure.section === section);
    if (own.length === 0) return [];
    return [
      `<section><h2>${escaped(title)}</h2><div class="figures">${own.map(({ svg }) => svg).join('\n')}</div></section>`,
    ];
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(preset.title)}</title><style>${css}</style></head>
<body>
<h1>${escaped(preset.title)}</h1>
${intro.join('\n')}
${tablesOf(summary).map(htmlTable).join('\n')}
${pictures.join('\n')}
</body>
</html>
`;
}
