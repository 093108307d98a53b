/** A comparison of one's own: a JSON file with its methods and what all runs have in common. */
import { readFile } from 'node:fs/promises';
import { ConfigError } from '@evenkeel/core';
import { armOf, type Preset } from '@evenkeel/experiment';
import { parseRunFile, runFileSchema } from '@evenkeel/protocol';
import { z } from 'zod';

/** Names go into the names of runs, which have forty characters. */
const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,19}$/, 'expected 1 to 20 lower-case letters, digits and dashes');
const methodSchema = runFileSchema.shape.method.unwrap();

const experimentFileSchema = z.strictObject({
  name: nameSchema,
  title: z.string().min(1).optional(),
  about: z.string().min(1).optional(),
  /** Methods by name, or with parts replaced under a name of their own. */
  methods: z
    .array(
      z.union([
        z.string().min(1),
        z.strictObject({ name: nameSchema, method: methodSchema, about: z.string().min(1).optional() }),
      ]),
    )
    .min(1),
  /** Of the method that draws the most in a step. */
  steps: z.number().int().positive(),
  seeds: z.number().int().positive().optional(),
  /** Accuracy of the worst task whose time of arrival is told. */
  threshold: z.number().gt(0).lte(1).optional(),
  /** As in a run's file, without what the comparison says. */
  settings: z.record(z.string(), z.unknown()).optional(),
});

const SAID_ELSEWHERE = ['run', 'seed', 'steps', 'method', 'lambda'];

/**
 * Reads an experiment's file.
 *
 * @throws {ConfigError} `experiment-invalid`, naming the field
 */
export async function readExperimentFile(path: string): Promise<Preset> {
  const refuse = (state: string, cause?: unknown): never => {
    throw new ConfigError(`Cannot read experiment ${path}: ${state}`, { code: 'experiment-invalid', cause });
  };
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    return refuse(`${(error as Error).message}, expected a JSON file`, error);
  }
  const parsed = experimentFileSchema.safeParse(json);
  if (!parsed.success) {
    const { path: place, message } = parsed.error.issues[0]!;
    return refuse(place.length === 0 ? message : `field "${place.join('.')}": ${message}`, parsed.error);
  }
  const { name, title = name, about = title, steps, seeds = 5, threshold = 0.5, settings = {} } = parsed.data;
  for (const field of SAID_ELSEWHERE) {
    if (field in settings) refuse(`field "settings.${field}" is not for all runs, expected it left out`);
  }
  const arms = parsed.data.methods.map((entry) =>
    typeof entry === 'string' ? armOf(entry) : armOf(entry.method, entry),
  );
  const twice = arms.find((arm, place) => arms.findIndex((other) => other.name === arm.name) !== place);
  if (twice !== undefined) refuse(`method "${twice.name}" is there twice, expected another name for one of them`);
  return { name, title, about, arms, steps, seeds, threshold, settings: parseRunFile(settings, `${path}, settings`) };
}
