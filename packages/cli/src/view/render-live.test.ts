import { describe, expect, test } from 'vitest';
import { liveModelFixture as model } from './fixtures.ts';
import { renderLive } from './render-live.ts';
import { widthOf } from './terminal-text.ts';

describe('renderLive()', () => {
  test('shows step, phase, tasks, worst and average, time left and addresses', () => {
    expect(renderLive(model, { columns: 90, color: false })).toEqual([
      'first-run  mt-grpo                                                         2:13, 1:40 left',
      'step 12/30  ████████████▊░░░░░░░░░░░░░░░░░░░  training: roll out            8,123 tokens/s',
      '',
      'task                         accuracy    base  change  weight z  filtered ρ  trained',
      'countdown  ███████░░░░░░░░░    43.8 %  35.0 %    +8.8      0.41        0.14       27',
      'zebra      ████████░░░░░░░░    50.0 %  51.0 %    −1.0      0.20        0.03       13',
      'arc        █████░░░░░░░░░░░    31.3 %       –       –      0.39        0.31       24',
      '',
      'worst 31.3 % arc   average 41.7 %',
      'trend: worst ▃▅█   average ▄▆█',
      'evaluated after step 10: worst 25.0 %, average 40.0 %',
      '',
      'Temporal UI  http://127.0.0.1:8233/namespaces/evenkeel/workflows/first-run',
      'processes    temporal, rollout (restarted 1×), trainer backing-off (restarted 2×)',
      'Ctrl-C pauses; the same command goes on from there.',
    ]);
  });

  test('tells what got no verdict, where there is any', () => {
    const tasks = model.tasks.map((row) =>
      row.task === 'arc' ? { ...row, silence: { failed: 4, replaced: 3 } } : { ...row, silence: { abstained: 0 } },
    );
    const lines = renderLive({ ...model, tasks }, { columns: 90, color: false });
    expect(lines[8]).toBe('worst 31.3 % arc   average 41.7 %');
    expect(lines[9]).toBe('verdicts: arc 4 failed (3 replaced)');
  });

  test('says why the run paused, what was changed as it went, and of which run it is a branch', () => {
    const changes = [
      'after step 2: set lambda 0.4',
      'after step 4: evaluate',
      'after step 7: pin step 6',
      'after step 9: stop',
    ];
    const reason = 'Cannot apply the update: the gradient is not finite (policy-not-finite)';
    const lines = renderLive(
      { ...model, phase: 'paused', stepPhase: null, reason, changes, waiting: 1, branch: 'base after step 3' },
      { columns: 60, color: false },
    );
    expect(lines.slice(0, 9)).toEqual([
      'first-run  mt-grpo  branch of base after step 3',
      'step 12/30  ████  paused                  8,123 tokens/s'.replace('████', lines[1]!.slice(12, 20)),
      'paused: Cannot apply the update: the gradient is not finite',
      '(policy-not-finite)',
      '1 earlier change',
      'after step 4: evaluate',
      'after step 7: pin step 6',
      'after step 9: stop',
      'a change waits for the step under way',
    ]);
  });

  test('leaves out columns where the terminal is narrow, and cuts what is still too long, but no address', () => {
    expect(renderLive(model, { columns: 44, color: false })).toEqual([
      'first-run  mt-grpo           2:13, 1:40 left',
      'step 12/30  training: roll out',
      '',
      'task       accuracy  weight z  filtered ρ',
      'countdown    43.8 %      0.41        0.14',
      'zebra        50.0 %      0.20        0.03',
      'arc          31.3 %      0.39        0.31',
      '',
      'worst 31.3 % arc   average 41.7 %',
      'trend: worst ▃▅█   average ▄▆█',
      'evaluated after step 10: worst 25.0 %, aver…',
      '',
      'Temporal UI',
      'http://127.0.0.1:8233/namespaces/evenkeel/wo',
      'rkflows/first-run',
      'processes    temporal, rollout (restarted 1…',
      'Ctrl-C pauses; the same command goes on fro…',
    ]);
  });

  test('has no line longer than the terminal, with colours or without', () => {
    for (const columns of [10, 20, 40, 58, 68, 80, 84, 120, 200]) {
      for (const color of [false, true]) {
        const widths = renderLive(model, { columns, color }).map(widthOf);
        expect(Math.max(...widths), `${columns} columns`).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('writes no escape sequence without colours, and closes each colour it opens', () => {
    expect(renderLive(model, { columns: 100, color: false }).join('')).not.toContain('\x1b');
    for (const line of renderLive(model, { columns: 100, color: true })) {
      const opened = line.match(/\x1b\[(?:1|2|31|32|33|36)m/g)?.length ?? 0;
      const closed = line.match(/\x1b\[(?:0|22|39)m/g)?.length ?? 0;
      expect(closed).toBe(opened);
    }
  });

  test('before the first step there is no accuracy, no worst task, no sparkline and no address', () => {
    const early = {
      ...model,
      phase: 'opening',
      stepPhase: null,
      step: 0,
      tasks: model.tasks.map((task) => ({ ...task, accuracy: null, baseAccuracy: null, trained: 0 })),
      worst: null,
      mean: null,
      tokensPerSecond: null,
      secondsLeft: null,
      temporalUi: null,
      processes: [],
      history: [],
      evaluation: null,
    };
    expect(renderLive(early, { columns: 60, color: false })).toEqual([
      'first-run  mt-grpo                                      2:13',
      'step 0/30  ░░░░░░░░  opening',
      '',
      'task       accuracy  base  change  weight z  filtered ρ',
      'countdown         –     –       –      0.41        0.14',
      'zebra             –     –       –      0.20        0.03',
      'arc               –     –       –      0.39        0.31',
      '',
      'Ctrl-C pauses; the same command goes on from there.',
    ]);
  });

  test('of many tasks it shows the ones with the lowest accuracy, and says how many there are besides', () => {
    const tasks = Array.from({ length: 40 }, (_, place) => ({
      ...model.tasks[0]!,
      task: `task-${place}`,
      accuracy: (39 - place) / 40,
    }));
    const lines = renderLive(
      { ...model, tasks, worst: { task: 'task-39', accuracy: 0 } },
      { columns: 80, color: false },
    );
    expect(lines.filter((line) => line.startsWith('task-'))).toHaveLength(12);
    expect(lines[4]).toMatch(/^task-39 +0\.0 %/);
    expect(lines).toContain('and 28 more, with higher accuracy');
  });
});
