/**
 * The live view on a stream: redrawn in place on a terminal, one plain line for each thing that happened anywhere else. The cursor
 * comes back whatever ends the process, short of SIGKILL.
 */
import { plainLines } from './plain-lines.ts';
import { type LiveModel, renderLive } from './render-live.ts';

/** What is written to: `process.stdout`, `process.stderr`, or a test's own. */
export interface LiveStream {
  write(text: string): unknown;
  /** Read at each redraw, so that a resized terminal is followed. */
  readonly columns?: number;
  readonly rows?: number;
}

export interface LiveViewOptions {
  readonly stream: LiveStream;
  readonly isTty: boolean;
  /** Default: the stream's at each redraw, else 80. */
  readonly columns?: number;
  readonly noColor: boolean;
}

export interface LiveView {
  update(model: LiveModel): void;
  /** A line that stays: above the view, or below its last picture once it is closed. */
  log(line: string): void;
  /** Leaves the last picture as it stands and gives the cursor back. */
  close(): void;
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';
const CLEAR_REST_OF_LINE = '\x1b[K';
const FALLBACK_COLUMNS = 80;

/** Starts a live view. On a terminal it hides the cursor with the first picture. */
export function createLiveView(options: LiveViewOptions): LiveView {
  return options.isTty ? new TerminalView(options) : new PlainView(options.stream);
}

class PlainView implements LiveView {
  readonly #stream: LiveStream;
  #last: LiveModel | null = null;

  constructor(stream: LiveStream) {
    this.#stream = stream;
  }

  update(model: LiveModel): void {
    for (const line of plainLines(this.#last, model)) this.log(line);
    this.#last = model;
  }

  log(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  close(): void {}
}

class TerminalView implements LiveView {
  readonly #options: LiveViewOptions;
  readonly #showCursor = () => void this.#options.stream.write(SHOW_CURSOR);
  #shown: readonly string[] = [];
  #open = false;
  #closed = false;

  constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  update(model: LiveModel): void {
    if (this.#closed) return;
    const { stream, noColor } = this.#options;
    // The last column stays free: a full line makes some terminals go to the next one by themselves.
    const columns = Math.max(10, (this.#options.columns ?? stream.columns ?? FALLBACK_COLUMNS) - 1);
    const lines = renderLive(model, { columns, color: !noColor });
    // A picture that is higher than the terminal could not be drawn over: what is below gives way.
    this.#draw(lines.slice(0, Math.max(3, (stream.rows ?? lines.length + 1) - 1)));
  }

  log(line: string): void {
    const shown = this.#shown;
    this.#options.stream.write(`${this.#home()}${CLEAR_BELOW}${line}\n`);
    this.#shown = [];
    if (shown.length > 0) this.#draw(shown);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#shown = [];
    if (!this.#open) return;
    process.removeListener('exit', this.#showCursor);
    this.#showCursor();
  }

  #draw(lines: readonly string[]): void {
    const unchanged = lines.length === this.#shown.length && lines.every((line, place) => line === this.#shown[place]);
    if (unchanged) return;
    const hide = this.#open ? '' : HIDE_CURSOR;
    if (!this.#open) process.once('exit', this.#showCursor);
    this.#open = true;
    const body = lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('');
    this.#options.stream.write(`${hide}${this.#home()}${body}${CLEAR_BELOW}`);
    this.#shown = lines;
  }

  /** To the first column of the picture's first line. */
  #home(): string {
    return this.#shown.length === 0 ? '' : `\x1b[${this.#shown.length}A\r`;
  }
}
