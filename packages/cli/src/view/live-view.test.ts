import { describe, expect, test } from 'vitest';
import { liveModelFixture as model } from './fixtures.ts';
import { createLiveView } from './live-view.ts';

/** A stream that keeps what was written, and what a terminal would show of it. */
function recorder(columns = 80) {
  const writes: string[] = [];
  return {
    stream: { write: (text: string) => writes.push(text), columns },
    written: () => writes.join(''),
    screen: () => screenOf(writes.join('')),
  };
}

/** What stands on the screen: understands line feeds, carriage returns, cursor up, and the two ways of clearing. */
function screenOf(text: string): string[] {
  let lines = [''];
  let row = 0;
  for (const [token] of text.matchAll(/\x1b\[\??[0-9]*[A-Za-z]|\n|\r|[^\x1b\n\r]+/g)) {
    const up = /^\x1b\[(\d+)A$/.exec(token);
    if (up !== null) row -= Number(up[1]);
    else if (token === '\n') {
      row++;
      lines[row] ??= '';
    } else if (token === '\x1b[J') lines = [...lines.slice(0, row), ''];
    else if (!token.startsWith('\x1b') && token !== '\r') lines[row] = token;
  }
  return lines;
}

describe('createLiveView() on a terminal', () => {
  test('draws each picture over the last one, also where it has fewer lines', () => {
    const { stream, screen } = recorder();
    const view = createLiveView({ stream, isTty: true, noColor: true });
    view.update(model);
    view.update({ ...model, step: 13, evaluation: null, history: [] });
    const lines = screen();
    expect(lines.filter((line) => line.startsWith('step '))).toEqual([expect.stringContaining('step 13/30')]);
    expect(lines.join('\n')).not.toContain('evaluated');
    expect(lines).toHaveLength(14);
    view.close();
  });

  test('a logged line stays above the picture', () => {
    const { stream, screen } = recorder();
    const view = createLiveView({ stream, isTty: true, noColor: true });
    view.log('set-up took 3 s');
    view.update(model);
    view.log('rollout worker died, starts again');
    view.update({ ...model, step: 13 });
    expect(screen().slice(0, 4)).toEqual([
      'set-up took 3 s',
      'rollout worker died, starts again',
      expect.stringContaining('first-run'),
      expect.stringContaining('step 13/30'),
    ]);
    view.close();
  });

  test('hides the cursor while it draws and gives it back once, with close()', () => {
    const { stream, written } = recorder();
    const before = process.listenerCount('exit');
    const view = createLiveView({ stream, isTty: true, noColor: true });
    view.update(model);
    view.update({ ...model, step: 13 });
    view.close();
    view.close();
    view.update({ ...model, step: 14 });
    expect(written().split('\x1b[?25l')).toHaveLength(2);
    expect(written().endsWith('\x1b[?25h')).toBe(true);
    expect(written().split('\x1b[?25h')).toHaveLength(2);
    expect(process.listenerCount('exit')).toBe(before);
  });

  test('writes a line below the last picture once it is closed', () => {
    const { stream, screen } = recorder();
    const view = createLiveView({ stream, isTty: true, noColor: true });
    view.update(model);
    view.log('above');
    const picture = screen().filter((line) => line !== '');
    view.close();
    view.log('below');
    expect(picture[0]).toBe('above');
    expect(screen().filter((line) => line !== '')).toEqual([...picture, 'below']);
  });

  test('writes nothing where nothing has changed, and no more lines than the terminal has', () => {
    const { stream, written, screen } = recorder();
    const view = createLiveView({ stream: { ...stream, rows: 6 }, isTty: true, noColor: true });
    view.update(model);
    const once = written();
    view.update({ ...model });
    expect(written()).toBe(once);
    expect(screen().filter((line) => line !== '').length).toBeLessThan(6);
    view.close();
  });
});

describe('createLiveView() without a terminal', () => {
  test('writes one line per finished step, evaluation and phase, and none for anything else', () => {
    const { stream, written } = recorder();
    const view = createLiveView({ stream, isTty: false, noColor: true });
    const opening = { ...model, phase: 'opening', step: 0, history: [], evaluation: null };
    view.update(opening);
    view.update({ ...opening, elapsedSeconds: 200, stepPhase: 'verify' });
    view.update({ ...model, history: model.history.slice(0, 1), evaluation: null, step: 10 });
    view.update({ ...model, stepPhase: 'update' });
    view.update({ ...model, phase: 'done', step: 12 });
    view.close();
    expect(written().trimEnd().split('\n')).toEqual([
      'Temporal UI: http://127.0.0.1:8233/namespaces/evenkeel/workflows/first-run',
      'run first-run: opening, step 0/30',
      'step 10/30: countdown 43.8 % (z 0.41, ρ 0.14), zebra 50.0 % (z 0.20, ρ 0.03), arc 31.3 % (z 0.39, ρ 0.31); worst 10.0 %, average 20.0 %; 8,123 tokens/s; 1:40 left',
      'run first-run: training, step 10/30',
      'step 11/30: worst 20.0 %, average 30.0 %',
      'step 12/30: countdown 43.8 % (z 0.41, ρ 0.14), zebra 50.0 % (z 0.20, ρ 0.03), arc 31.3 % (z 0.39, ρ 0.31); worst 31.3 %, average 41.7 %; 8,123 tokens/s; 1:40 left',
      'evaluation after step 10: countdown 40.0 %, zebra 55.0 %, arc 25.0 %; worst 25.0 %, average 40.0 %',
      'run first-run: done, step 12/30',
    ]);
  });

  test('writes a line for each change that took effect since the last look, and why the run paused', () => {
    const { stream, written } = recorder();
    const view = createLiveView({ stream, isTty: false, noColor: true });
    const changes = ['after step 2: set lambda 0.4'];
    view.update({ ...model, changes });
    expect(written()).not.toContain('change after');
    const more = { ...model, changes: [...changes, 'after step 12: evaluate'] };
    view.update(more);
    view.update({ ...more, phase: 'paused', stepPhase: null, reason: 'it broke (broken)' });
    view.update({ ...more, phase: 'paused', stepPhase: null, reason: 'it broke (broken)' });
    expect(written().trimEnd().split('\n').slice(-3)).toEqual([
      'change after step 12: evaluate',
      'run first-run paused: it broke (broken)',
      'run first-run: paused, step 12/30',
    ]);
  });

  test('of a run that goes on it names the last step only', () => {
    const { stream, written } = recorder();
    createLiveView({ stream, isTty: false, noColor: true }).update(model);
    expect(written()).not.toContain('step 11/30');
    expect(written()).toContain('step 12/30');
  });
});
