/**
 * Text for terminals: colours, widths, bars, and numbers as people read them. Pure; it knows no stream. One code unit is taken
 * for one column, which holds for what this tool writes.
 */

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Wraps a text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

export const plainPaint: Paint = (_colour, text) => text;

/** @param colour whether colours are wanted at all */
export function paintWith(colour: boolean): Paint {
  if (!colour) return plainPaint;
  return (name, text) => `\x1b[${CODES[name][0]}m${text}\x1b[${CODES[name][1]}m`;
}

/** Whether a stream gets colours: a terminal, and `NO_COLOR` empty or unset (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

const ESCAPE = /\x1b\[[0-9;]*m/g;

/** Columns that a text takes; colours take none. */
export function widthOf(text: string): number {
  return text.replace(ESCAPE, '').length;
}

/** Cuts a text to so many columns; a cut one ends with `…`, and no colour leaks out of it. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns <= 0) return '';
  let left = columns - 1;
  let painted = false;
  let out = '';
  for (const part of text.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b[')) {
      painted = true;
      out += part;
      continue;
    }
    out += part.slice(0, left);
    left -= Math.min(left, part.length);
    if (left === 0) break;
  }
  return `${out}…${painted ? '\x1b[0m' : ''}`;
}

/** A text in lines of at most so many columns, broken between words; a word that is longer is broken itself. It has no colours yet. */
export function wrap(text: string, columns: number): string[] {
  const room = Math.max(1, columns);
  const lines: string[] = [];
  for (const word of text.split(/\s+/).flatMap((part) => part.match(new RegExp(`.{1,${room}}`, 'g')) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - widthOf(text))) + text;
}

/** A left and a right part on one line. Where both have no room, the right one gives way. */
export function spread(left: string, right: string, columns: number): string {
  const gap = columns - widthOf(left) - widthOf(right);
  return gap < 2 || right === '' ? fit(left, columns) : left + ' '.repeat(gap) + right;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A share in [0, 1] as a bar of so many columns. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const filled = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
  return filled + '░'.repeat(columns - filled.length);
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** Shares in [0, 1] as a line of blocks, the last so many of them; the scale goes from 0 to the largest. */
export function sparkline(shares: readonly number[], columns: number): string {
  const shown = shares.slice(-Math.max(0, columns));
  const top = Math.max(...shown, 0);
  return shown.map((share) => LEVELS[top === 0 ? 0 : Math.round((share / top) * (LEVELS.length - 1))]!).join('');
}

/** `43.5 %`, or `–` where there is no number. */
export function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`;
}

/** A change in percentage points with its sign: `+8.5`, `−3.0`, `0.0`. */
export function points(change: number): string {
  const text = Math.abs(100 * change).toFixed(1);
  if (text === '0.0') return text;
  return `${change < 0 ? '−' : '+'}${text}`;
}

/** `7 s`, `2:05`, `1:02:05`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/** `12,345`. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `4.2 MB`, in powers of ten. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} bytes`;
}
