/**
 * A part as something that is chosen by name and set by options: what a configuration says, against what a part knows.
 */
import { ConfigError, type Json } from '@evenkeel/core';

export type PartOptions = Readonly<Record<string, Json>>;

/** The options of a part that has none. */
export type NoOptions = Readonly<Record<never, never>>;

/** A chosen part with all its options: plain JSON. */
export type PartSpec = { readonly kind: string; readonly [option: string]: Json };

/** One kind of part. Adding a part is one file with one of these, and one line in `parts.ts`. */
export interface PartDefinition<Options extends PartOptions, Part> {
  readonly kind: string;
  readonly defaults: Options;
  /** Options whose text must be one of these. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  /** What is wrong with the options, for a person; undefined if nothing. Types and choices are checked before. */
  check?(options: Options): string | undefined;
  /** Components that a part with these options reads: some task's verifier must give them. */
  components?(options: Options): readonly string[];
  /** Tasks that the options name: the run must have them. */
  tasks?(options: Options): readonly string[];
  /** The options of a run, where some depend on its size; the same ones where they are fitted already. */
  fit?(options: Options, run: RunSize): Options;
  create(options: Options): Part;
}

/** The size of a run, as far as parts depend on it. */
export interface RunSize {
  /** G: rollouts of a prompt. */
  readonly groupSize: number;
  /** The most tokens that a completion can have. */
  readonly maxNewTokens: number;
}

/** What stands in a configuration: a name, or a name with options, or options alone. */
export type PartOverride = string | { readonly kind?: string; readonly [option: string]: Json | undefined };

type Table = Readonly<Record<string, PartDefinition<PartOptions, unknown>>>;

/**
 * A part's specification from a method's own and what the configuration says. Options given for the same kind are added to
 * the method's; another kind starts from its own defaults.
 *
 * @param role what the part is, for messages: `weighter`, `planner`…
 * @throws {ConfigError} on an unknown kind (with the known ones), an unknown option, a wrong type or value
 */
export function resolvePart(role: string, table: Table, preset: PartSpec, override?: PartOverride): PartSpec {
  const { kind = preset.kind, ...given } = typeof override === 'string' ? { kind: override } : (override ?? {});
  const definition = Object.hasOwn(table, kind) ? table[kind] : undefined;
  if (definition === undefined) {
    const known = Object.keys(table).join(', ');
    throw new ConfigError(`Cannot configure the ${role}: "${kind}" is unknown, expected one of ${known}`);
  }
  const defaults: PartOptions = definition.defaults;
  const options: Record<string, Json> = { ...defaults };
  const { kind: presetKind, ...presetOptions } = preset;
  if (presetKind === kind) Object.assign(options, presetOptions);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    checkOption(role, definition, name, value);
    options[name] = value;
  }
  const complaint = definition.check?.(options);
  if (complaint !== undefined) throw new ConfigError(`Cannot configure the ${role} ${kind}: ${complaint}`);
  return { kind, ...options };
}

function checkOption(role: string, definition: PartDefinition<PartOptions, unknown>, name: string, value: Json): void {
  const defaults: PartOptions = definition.defaults;
  const fail = (state: string) => {
    throw new ConfigError(`Cannot configure the ${role} ${definition.kind}: option "${name}" ${state}`);
  };
  if (!Object.hasOwn(defaults, name)) {
    const known = Object.keys(defaults).join(', ');
    fail(`is unknown, expected ${known === '' ? 'no options' : `one of ${known}`}`);
  }
  const wanted = typeof defaults[name];
  if (typeof value !== wanted) fail(`is ${JSON.stringify(value)}, expected a ${wanted}`);
  if (typeof value === 'number' && !Number.isFinite(value)) fail(`is ${value}, expected a finite number`);
  const choices = definition.choices?.[name];
  if (choices !== undefined && !choices.includes(value as string)) {
    fail(`is ${JSON.stringify(value)}, expected one of ${choices.join(', ')}`);
  }
}

/** The part that a specification names; it must come from `resolvePart`. */
export function createPart<Part>(
  table: Readonly<Record<string, PartDefinition<PartOptions, Part>>>,
  spec: PartSpec,
): Part {
  const { kind, ...options } = spec;
  return table[kind]!.create(options);
}
