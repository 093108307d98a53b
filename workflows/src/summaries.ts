/** Texts that make a workflow readable in the Temporal UI. Only formatting: no number is computed here. */
import type { Evaluation, StepTable } from '@evenkeel/activities';

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function countsText(counts: Readonly<Record<string, number>>): string {
  const drawn = Object.entries(counts).filter(([, count]) => count > 0);
  const shown = drawn.slice(0, 5).map(([task, count]) => `${task} ${count}`);
  return [...shown, ...(drawn.length > 5 ? [`and ${drawn.length - 5} more`] : [])].join(', ');
}

/** What is said of a step that left nothing to train on. */
export function emptyStepText({ step, rounds, tasks }: StepTable): string {
  const drawn = tasks.reduce((sum, row) => sum + row.drawn, 0);
  const kept = tasks.reduce((sum, row) => sum + row.kept, 0);
  const why =
    kept === 0
      ? `the filter let none of its ${drawn} groups (${rounds} rounds) pass`
      : 'no rollout of its batch had an advantage';
  return `Step ${step} trained on nothing: ${why}; the policy stayed as it was`;
}

/** The step's table as lines of the memo. */
export function tableText(table: StepTable): string[] {
  const shown = table.tasks.slice(0, 12);
  return [
    ...(table.empty === true ? [emptyStepText(table)] : []),
    `mean ${percent(table.mean)}, worst ${table.worst.task} ${percent(table.worst.accuracy)}, rounds ${table.rounds}, sequences ${table.sequences}`,
    ...shown.map(
      (row) =>
        `${row.task}: ${row.silent === true ? 'no verdict' : `accuracy ${percent(row.accuracy)}`}, z ${row.weight.toFixed(3)}, rho ${row.filterRate.toFixed(3)}, drawn ${row.drawn}, kept ${row.kept}, trained ${row.trained}${silenceText(row)}`,
    ),
    ...(table.tasks.length > shown.length ? [`and ${table.tasks.length - shown.length} tasks more`] : []),
  ];
}

/** What got no verdict; nothing where everything got one. */
function silenceText({ failed = 0, replaced = 0, abstained = 0, failures = {} }: StepTable['tasks'][number]): string {
  const reasons = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
  const detail = [...reasons, `replaced ${replaced}`].join(', ');
  return `${failed === 0 ? '' : `, failed ${failed} (${detail})`}${abstained === 0 ? '' : `, abstained ${abstained}`}`;
}

export function evaluationText(evaluation: Evaluation): string {
  const tasks = evaluation.tasks.slice(0, 5).map(({ task, correct, total }) => `${task} ${correct}/${total}`);
  return `after step ${evaluation.step}: ${tasks.join(', ')}`;
}
