/** `evenkeel verify`: verdicts on a file or a stream of completions. */
import { once } from 'node:events';
import { usualProcesses, type VerifierCounts, verifyRows } from '@evenkeel/verifier-host';
import { type Command, exitCodes } from '../command.ts';
import { linesOf, openLines } from '../data/line-input.ts';
import { positional, wholeFlag } from '../flag-values.ts';
import { stderrLogger } from '../stderr-logger.ts';
import { openGranted, yesFlag } from '../verifiers/open-granted.ts';

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'score completions: JSON lines in, one verdict a line out, in order',
  usage: 'TASK [FILE.jsonl|-]',
  flags: {
    processes: {
      type: 'string',
      value: 'N',
      help: 'most sandboxed processes at once (default: one a core, at most 4)',
    },
    yes: yesFlag,
  },
  help: `
TASK is the name of a verifier (words, or words@1.2.0 for one version) or the path of its package. A row is { "groundTruth": {…}, "completion": "…" }; what else it has
(prompt, level, id) is not looked at. Countdown's ground truth is { target, numbers }, the others' { target }. Without a file,
or with -, rows are read from standard input. A row that cannot be read gets a verdict of the kind "failed"; the rest go on. What
fails is asked once more, alone; one in 64 of the others is scored twice: two verdicts on one row are a failure, "nondeterministic".

Examples:
  evenkeel verify countdown answers.jsonl > verdicts.jsonl
  echo '{"groundTruth":{"target":6,"numbers":[2,4]},"completion":"\\\\boxed{2+4}"}' | evenkeel verify countdown`,
  async run(invocation) {
    const { positionals, flags, printJson, note } = invocation;
    const wish = 'a task and at most one file: evenkeel verify TASK [FILE.jsonl|-]';
    const [task = '', file = '-'] = positional(positionals, { least: 1, most: 2 }, wish);
    const processes = wholeFlag(flags, 'processes', usualProcesses(), 1);
    const input = await openLines(file);
    const counts = { rows: 0, correct: 0, formatted: 0, wrong: 0, abstained: 0, failed: 0 };
    let looks: VerifierCounts;
    try {
      const verifier = await openGranted(task, invocation, { processes, logger: stderrLogger() });
      try {
        for await (const verdict of verifyRows(linesOf(input), verifier)) {
          printJson(verdict);
          if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
          counts.rows++;
          if (verdict.kind !== 'scored') counts[verdict.kind]++;
          else counts[verdict.correct ? 'correct' : verdict.formatted ? 'formatted' : 'wrong']++;
        }
        looks = verifier.counts();
      } finally {
        await verifier.close();
      }
    } finally {
      input.destroy();
    }
    const { rows, correct, formatted, wrong, abstained, failed } = counts;
    const { retried, failed: failures } = looks;
    const again = retried === 0 ? '' : `, ${retried} scored only when asked again`;
    const fickle = failures.nondeterministic === 0 ? '' : `, ${failures.nondeterministic} of them not deterministic`;
    note(
      `${rows} rows: ${correct} correct, ${formatted} in the form but wrong, ${wrong} without an answer, ${abstained} abstained, ${failed} failed${fickle}${again}`,
    );
    return exitCodes.done;
  },
};
