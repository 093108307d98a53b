/** A report as two pages: Markdown beside its pictures, and one HTML page that stands alone. It knows nothing of what is reported. */

export interface Table {
  readonly title: string;
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Figure {
  /** Of its file, without ending. */
  readonly name: string;
  readonly svg: string;
}

export interface Page {
  readonly title: string;
  /** Paragraphs. */
  readonly introduction: readonly string[];
  readonly tables: readonly Table[];
  readonly sections: readonly { readonly title: string; readonly figures: readonly Figure[] }[];
  /** What makes the report; stands in the introduction as code. */
  readonly command: string;
}

/** In columns, as formatters write it: a committed report passes them unchanged. */
function markdownTable({ title, note, head, rows }: Table): string[] {
  const escaped = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, place) => Math.max(3, ...escaped.map((row) => row[place]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, place) => cell.padEnd(widths[place]!)).join(' | ')} |`;
  const [top, ...rest] = escaped;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [`## ${title}`, '', note, '', line(top!), rule, ...rest.map(line), ''];
}

/** `report.md`; the pictures lie beside it, in `figures/`. */
export function markdownPage(page: Page): string {
  const pictures = page.sections.flatMap(({ title, figures }) => [
    `## ${title}`,
    '',
    ...figures.map(({ name }) => `![${name}](figures/${name}.svg)`),
    '',
  ]);
  const intro = [...page.introduction, `Made by \`${page.command}\`.`].flatMap((text) => [text, '']);
  return `${[`# ${page.title}`, '', ...intro, ...page.tables.flatMap(markdownTable), ...pictures].join('\n').trimEnd()}\n`;
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
export function htmlPage(page: Page): string {
  const code = (text: string) => `<code>${escaped(text)}</code>`;
  const paragraphs = [
    ...page.introduction.map((text) => `<p>${escaped(text)}</p>`),
    `<p>Made by ${code(page.command)}.</p>`,
  ];
  const pictures = page.sections.map(
    ({ title, figures }) =>
      `<section><h2>${escaped(title)}</h2><div class="figures">${figures.map(({ svg }) => svg).join('\n')}</div></section>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(page.title)}</title><style>${css}</style></head>
<body>
<h1>${escaped(page.title)}</h1>
${paragraphs.join('\n')}
${page.tables.map(htmlTable).join('\n')}
${pictures.join('\n')}
</body>
</html>
`;
}
