/** `evenkeel methods`: the methods by name, with the parts that each is made of and where it comes from. */
import {
  advantages,
  filters,
  type MethodSource,
  type MethodSpec,
  methodSources,
  methods,
  planners,
  resolveMethod,
  rewards,
  unavailableMethods,
  weighters,
} from '@evenkeel/algorithms';
import { canonicalJson, type Json } from '@evenkeel/core';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { textTable } from '../view/text-table.ts';

const PARTS = {
  weighter: weighters,
  planner: planners,
  filter: filters,
  advantage: advantages,
  reward: rewards,
} as const;
const ROLES = ['weighter', 'planner', 'filter', 'advantage', 'reward'] as const;
const COLUMNS = ['method', ...ROLES, 'loss', 'source'] as const;

/** The form of the loss in a word or two. */
function lossOf({ objective: { form, ratio } }: MethodSpec): string {
  if (form !== undefined) return form.kind;
  return ratio === 'sequence' ? 'clip, by sequence' : 'clip';
}

function paperOf({ paper, reading }: MethodSource): string {
  return reading === 'first-hand' ? paper : `${paper} (${reading === 'own' ? 'no paper' : 'secondary'})`;
}

/** One method, with all that is to be known of it. */
function linesOf(name: string): string[] {
  const { objective, ...spec } = resolveMethod(name);
  const { about, source } = methodSources[name]!;
  const rows: [string, string][] = [
    ['about', about],
    ['paper', source.where === undefined ? source.paper : `${source.paper}, ${source.where}`],
    ['read', `${source.reading}: ${source.from}`],
    ...ROLES.map((role): [string, string] => {
      const { kind, ...options } = spec[role];
      return [role, Object.keys(options).length === 0 ? kind : `${kind} ${canonicalJson(options)}`];
    }),
    ['objective', canonicalJson(objective as unknown as Json)],
  ];
  const table = textTable(
    [{ heading: 'method' }, { heading: name }],
    rows.map((row) => row),
  );
  return table;
}

export const methodsCommand: Command = {
  name: 'methods',
  summary: 'list the methods, the parts that each is made of, and where it comes from',
  usage: '[NAME]',
  flags: {},
  help: `
With a name, that method with all its options, its paper, the equation, and what was read: the paper's text or its authors' code
(first-hand), or somebody else's account (secondary).
With --json each method comes with all its options and its source; a line has the default options of every part; the last line names
every part that a configuration may put in another's place: "method": { "name": "mt-grpo", "filter": "lenient" }. What cannot work
together is refused, with the reason, when a run is configured. Formulas: docs/papers.md. One of your own: docs/write-a-method.md.`,
  async run({ positionals, json, print, printJson }) {
    const [name] = positional(positionals, { least: 0, most: 1 }, 'a method or none: evenkeel methods [NAME]');
    const all = name === undefined ? Object.values(methods) : [resolveMethod(name)];
    if (json) {
      for (const method of all) printJson({ kind: 'method', ...method, ...methodSources[method.name] });
      if (name !== undefined) return exitCodes.done;
      for (const [other, reason] of Object.entries(unavailableMethods)) {
        printJson({ kind: 'unavailable', name: other, reason });
      }
      const options = Object.entries(PARTS).map(([part, table]) => [
        part,
        Object.fromEntries(Object.values(table).map(({ kind, defaults }) => [kind, defaults])),
      ]);
      printJson({ kind: 'options', ...Object.fromEntries(options) });
      const parts = Object.entries(PARTS).map(([part, table]) => [part, Object.keys(table)]);
      printJson({ kind: 'parts', ...Object.fromEntries(parts) });
      return exitCodes.done;
    }
    if (name !== undefined) {
      for (const line of linesOf(name)) print(line);
      return exitCodes.done;
    }
    const rows = all.map((method) => [
      method.name,
      ...ROLES.map((role) => method[role].kind),
      lossOf(method),
      paperOf(methodSources[method.name]!.source),
    ]);
    for (const line of textTable(
      COLUMNS.map((heading) => ({ heading })),
      rows,
    ))
      print(line);
    for (const [other, reason] of Object.entries(unavailableMethods)) print(`not yet: ${other}. ${reason}`);
    return exitCodes.done;
  },
};
