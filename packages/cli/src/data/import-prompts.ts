/**
 * From a file's rows to a prompt set: all of them, or none. Every row is checked, and what is wrong is told with its line, before
 * anything is written.
 */
import { promptSplit } from '@evenkeel/activities';
import { ConfigError, canonicalJson } from '@evenkeel/core';
import type { Tokenizer } from '@evenkeel/policy';
import { verifierIdOf } from '@evenkeel/protocol';
import { encodePrompts, type PromptRow, type Store } from '@evenkeel/store';
import type { OpenedVerifiers } from '../evaluate/open-verifiers.ts';
import { contradictions, type Duplicate, groundTruthProblems, rowId, withoutDuplicates } from './check-rows.ts';
import { type LineProblem, type PromptLine, type PromptLines, placeOf } from './prompt-lines.ts';
import { findPromptSet, type PromptSetRecord, rowCount, writePromptSet } from './prompt-set-record.ts';

/** Level of a row that names none. */
const NO_LEVEL = 'plain';

/** A model that the prompts are to fit. */
export interface Fit {
  readonly tokenizer: Tokenizer;
  /** Tokens that a prompt may have. */
  readonly longest: number;
}

export interface ImportOptions {
  readonly home: string;
  readonly name: string;
  /** The file, as it was named. */
  readonly path: string;
  readonly lines: PromptLines;
  readonly opened: Pick<OpenedVerifiers, 'verifiers' | 'known'>;
  readonly store: Store;
  /** Leaves out what does not fit; null keeps all. */
  readonly fit: Fit | null;
  /** Whether another set of this name may go. */
  readonly replace: boolean;
  readonly importedAt: string;
  /** Told of each problem, before the refusal. */
  readonly onProblem: (problem: LineProblem) => void;
}

export interface ImportedPrompts {
  readonly record: PromptSetRecord;
  /** `unchanged`: the name stood for the same rows already. */
  readonly state: 'added' | 'replaced' | 'unchanged';
  readonly duplicates: readonly Duplicate[];
  /** Lines with the prompt of another, and another ground truth; both are kept. */
  readonly contradictions: readonly Duplicate[];
  /** Lines that were left out for their length. */
  readonly tooLong: readonly number[];
}

/**
 * @throws {ConfigError} `prompts-invalid` where a row is wrong; `prompts-empty` where none is left; `prompts-differ` where the name is
 *   taken
 */
export async function importPrompts(options: ImportOptions): Promise<ImportedPrompts> {
  const { home, name, path, lines, opened, store, fit } = options;
  const problems = [...lines.problems, ...(await groundTruthProblems(lines.rows, opened))];
  refuseProblems(
    options,
    problems.sort((a, b) => a.line - b.line),
  );
  const { rows: distinct, duplicates } = withoutDuplicates(lines.rows);
  const tooLong =
    fit === null ? [] : distinct.filter(({ prompt }) => fit.tokenizer.encodePrompt(prompt).length > fit.longest);
  const left = new Set(tooLong);
  const rows = distinct.filter((row) => !left.has(row));
  if (rows.length === 0) {
    throw new ConfigError(
      `Cannot import ${path}: all of its ${distinct.length} prompts are longer than ${fit?.longest} tokens, expected some that the model can hold`,
      { code: 'prompts-empty' },
    );
  }
  const table = rows.map(promptRow);
  const record: PromptSetRecord = {
    version: 1,
    name,
    rows: await store.put('prompt-set', encodePrompts(table)),
    counts: countsOf(table),
    source: path,
    importedAt: options.importedAt,
  };
  const outcome = { duplicates, contradictions: contradictions(rows), tooLong: tooLong.map(({ line }) => line) };
  const before = await findPromptSet(home, name);
  if (before?.rows.sha256 === record.rows.sha256) return { ...outcome, record: before, state: 'unchanged' };
  if (before !== null && !options.replace) {
    throw new ConfigError(
      `Cannot import ${path}: prompt set "${name}" is there already with ${rowCount(before)} other rows (from ${before.source}), expected a new name, or --replace`,
      { code: 'prompts-differ' },
    );
  }
  await writePromptSet(home, record);
  return { ...outcome, record, state: before === null ? 'added' : 'replaced' };
}

function refuseProblems({ path, lines, onProblem }: ImportOptions, problems: readonly LineProblem[]): void {
  const first = problems[0];
  if (first === undefined) return;
  for (const problem of problems) onProblem(problem);
  const total = lines.rows.length + lines.problems.length;
  throw new ConfigError(
    `Cannot import ${path}: ${problems.length} of ${total} rows are wrong, the first is ${placeOf(path, first.line)}: ${first.message}, expected every row to be { prompt, groundTruth, task or verifier }; nothing was imported`,
    { code: 'prompts-invalid' },
  );
}

function promptRow(row: PromptLine, index: number): PromptRow {
  const verifier = verifierIdOf(row.verifier);
  const { prompt, groundTruth } = row;
  const content = { prompt, groundTruth: canonicalJson(groundTruth) };
  return { task: row.task, verifier, level: row.level ?? NO_LEVEL, puzzle: rowId(row), index, ...content };
}

function countsOf(rows: readonly PromptRow[]): PromptSetRecord['counts'] {
  const counts = new Map<string, PromptSetRecord['counts'][number]>();
  for (const { verifier, level, prompt } of rows) {
    const key = JSON.stringify([verifier, level]);
    const before = counts.get(key) ?? { verifier, level, train: 0, tune: 0, heldout: 0 };
    const split = promptSplit(prompt);
    counts.set(key, { ...before, [split]: before[split] + 1 });
  }
  return [...counts.values()];
}
