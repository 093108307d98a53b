/** `evenkeel data import`: a file of prompts becomes a prompt set, which `train` and `evaluate` take by its name. */
import { join } from 'node:path';
import { readModelFiles } from '@evenkeel/policy';
import { promptSetNameSchema } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { type Command, exitCodes, type Invocation, UsageError } from '../command.ts';
import type { Duplicate } from '../data/check-rows.ts';
import { type Fit, type ImportedPrompts, importPrompts } from '../data/import-prompts.ts';
import { type PromptLines, placeOf, readPromptLines } from '../data/prompt-lines.ts';
import { setRow, setTable } from '../data/prompt-set-table.ts';
import { type OpenedVerifiers, openVerifiers } from '../evaluate/open-verifiers.ts';
import { positional, textFlag } from '../flag-values.ts';
import { modelFolder } from '../model/model-folder.ts';
import { yesFlag } from '../verifiers/open-granted.ts';

/** Of many problems, so many are told one by one. */
const TOLD = 20;

export const dataImportCommand: Command = {
  name: 'data import',
  summary: 'make a prompt set of a file of JSON lines, for train and evaluate',
  usage: 'FILE.jsonl',
  flags: {
    name: { type: 'string', value: 'NAME', help: "the set's name: lower-case letters, digits and dashes" },
    task: { type: 'string', value: 'ID', help: 'the verifier of every row, whatever the row names' },
    level: { type: 'string', value: 'L', help: 'the level of every row, whatever the row names' },
    fit: { type: 'string', value: 'MODEL', help: 'leave out prompts that are longer than the context of this model' },
    replace: { type: 'boolean', help: 'let another set of this name go' },
    yes: yesFlag,
  },
  help: `
Each line is { "prompt", "groundTruth", "task" or "verifier", "level"? }, as published test sets and evenkeel verifier generate
write them. Every row is checked, its ground truth by the verifier that is to score it: all are imported, or none.

A set's prompts are split by a hash of their text: 80 % are trained on, 10 % for tuning, 10 % held out.

Examples:
  evenkeel data import countdown.jsonl --name published
  evenkeel train --tasks countdown:easy=published --model ./qwen2.5-0.5b --run on-published
  evenkeel evaluate ./qwen2.5-0.5b --prompts published --split all --max-tokens 512`,
  run: async (invocation) => await dataImport(invocation),
};

async function dataImport(invocation: Invocation) {
  const { positionals, flags, home, json, print, printJson, note } = invocation;
  const wish = 'one file: evenkeel data import FILE.jsonl --name NAME';
  const [path = ''] = positional(positionals, { least: 1, most: 1 }, wish);
  const name = nameFlag(flags);
  const lines = await readPromptLines(path, { task: textFlag(flags, 'task'), level: textFlag(flags, 'level') });
  const fit = readFit(textFlag(flags, 'fit'), home);
  const store = await openFolderStore(join(home, 'store'));
  let opened: OpenedVerifiers | undefined;
  let told = 0;
  try {
    opened = await openVerifiers(namesIn(lines), invocation);
    const imported = await importPrompts({
      ...{ home, name, path, lines, opened, store, fit },
      replace: flags.replace === true,
      importedAt: new Date().toISOString(),
      onProblem: ({ line, message }) => {
        if (json) printJson({ kind: 'problem', line, message });
        else if (told++ < TOLD) note(`${placeOf(path, line)}: ${message}`);
        else if (told === TOLD + 1) note('…');
      },
    });
    if (json) printJson(jsonOf(imported));
    else {
      for (const line of setTable([imported.record])) print(line);
      for (const line of remarks(path, imported)) note(line);
    }
    return exitCodes.done;
  } finally {
    await opened?.close();
    await store.close();
  }
}

function nameFlag(flags: Invocation['flags']): string {
  const name = textFlag(flags, 'name');
  if (name === undefined) throw new UsageError('Cannot import: --name is missing, expected a name for the prompt set');
  const parsed = promptSetNameSchema.safeParse(name);
  if (parsed.success) return name;
  throw new UsageError(`Cannot read --name: it is "${name}", ${parsed.error.issues[0]?.message}`);
}

function readFit(model: string | undefined, home: string): Fit | null {
  if (model === undefined) return null;
  const { tokenizer, config } = readModelFiles(modelFolder(model, home));
  return { tokenizer, longest: config.max_position_embeddings - 1 };
}

function namesIn({ rows }: PromptLines): string[] {
  return [...new Set(rows.map(({ verifier }) => verifier))];
}

function jsonOf({ record, state, duplicates, contradictions, tooLong }: ImportedPrompts): unknown {
  return { kind: 'prompt-set', state, ...setRow(record), duplicates, contradictions, tooLong };
}

function remarks(path: string, { record, state, duplicates, contradictions, tooLong }: ImportedPrompts): string[] {
  const pairs = (list: readonly Duplicate[]) =>
    `${list
      .slice(0, 5)
      .map(({ line, of }) => `${line} (of ${of})`)
      .join(', ')}${list.length > 5 ? ', …' : ''}`;
  return [
    ...(state === 'unchanged' ? [`Prompt set "${record.name}" held these very rows already`] : []),
    ...(duplicates.length === 0
      ? []
      : [`${duplicates.length} rows of ${path} stand there twice and were taken once: lines ${pairs(duplicates)}`]),
    ...(contradictions.length === 0
      ? []
      : [
          `${contradictions.length} rows have the prompt of another and a ground truth of their own: lines ${pairs(contradictions)}`,
        ]),
    ...(tooLong.length === 0
      ? []
      : [
          `${tooLong.length} rows were left out, too long for the model: lines ${tooLong.slice(0, 8).join(', ')}${tooLong.length > 8 ? ', …' : ''}`,
        ]),
  ];
}
