/** `evenkeel model make`: makes the shipped tiny policy from random weights, on the same engine that trains it later. */
import { existsSync } from 'node:fs';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '@evenkeel/core';
import { makeFolder } from '@evenkeel/infra';
import { newModelFiles, policyHash, saveModelDirectory } from '@evenkeel/policy';
import type { TaskVerifier } from '@evenkeel/verifier';
import { findVerifier } from '@evenkeel/verifier-host';
import { type Command, exitCodes, UsageError } from '../command.ts';
import { positional, textFlag, wholeFlag } from '../flag-values.ts';
import { type MakeProgress, makeTiny } from '../model/make-tiny.ts';
import { quickly } from '../model/quick-recipe.ts';
import { recipes } from '../model/recipes.ts';
import type { TinyRecipe } from '../model/tiny-recipe.ts';
import { duration, grouped, percent } from '../view/terminal-text.ts';

const CURVE = 'curve.jsonl';

export const modelMakeCommand: Command = {
  name: 'model make',
  summary: 'make a small policy: supervised learning from random weights',
  usage: 'tiny|nine',
  flags: {
    out: { type: 'string', value: 'DIR', help: 'the new model folder (default: HOME/models/PRESET)' },
    work: {
      type: 'string',
      value: 'DIR',
      help: 'checkpoints; the same command goes on from there (default: HOME/make/PRESET)',
    },
    threads: { type: 'string', value: 'N', help: 'threads of the session (default: 2)' },
    quick: { type: 'boolean', help: 'a few batches only: to try the command, not to train from' },
    replace: { type: 'boolean', help: 'write over a model folder that is there' },
  },
  help: `
tiny: the shipped base, three tasks. nine: the base of experiment mt-grpo-2, three tasks at three levels each.

Takes tens of minutes; stop it whenever you like, the same command goes on and ends with the same weights. The curve (loss, and
accuracy on puzzles of the tuning split) is written to curve.jsonl in the work folder and beside the weights.`,
  async run({ positionals, flags, home, json, print, printJson, note }) {
    const [preset = ''] = positional(positionals, { least: 1, most: 1 }, 'a preset: evenkeel model make tiny');
    const whole = recipes.get(preset);
    if (whole === undefined) {
      const known = [...recipes.keys()].join(', ');
      throw new UsageError(`Cannot make "${preset}": there is no such preset, expected one of ${known}`);
    }
    const quick = flags.quick === true;
    const name = quick ? `${preset}-quick` : preset;
    const out = resolve(textFlag(flags, 'out') ?? join(home, 'models', name));
    const workFolder = resolve(textFlag(flags, 'work') ?? join(home, 'make', name));
    const replace = flags.replace === true;
    await refuseOccupied(out, replace);
    const recipe = quick ? quickly(whole) : whole;
    makeFolder(dirname(out));
    makeFolder(workFolder);
    const curve = join(workFolder, CURVE);
    const timer = new TimeLeft(recipe);
    let writing = Promise.resolve();
    const made = await makeTiny({
      recipe,
      verifiers: await loadVerifiers([...new Set(recipe.tasks.map(({ verifier }) => verifier))]),
      workFolder,
      threads: wholeFlag(flags, 'threads', 2, 1),
      onProgress: (progress) => {
        writing = writing.then(() => appendFile(curve, `${JSON.stringify(progress)}\n`));
        const secondsLeft = timer.after(progress);
        if (json) printJson({ kind: 'progress', ...progress, secondsLeft });
        else note(progressLine(progress, secondsLeft));
      },
    });
    await writing;
    const files = newModelFiles(made.config, made.tokenizer.json);
    await saveModelDirectory(out, { parameters: made.parameters, files }, { replace });
    await writeFile(join(out, CURVE), await readCurve(curve));
    const sha256 = policyHash(made.parameters.flat, made.config);
    if (json) printJson({ kind: 'made', path: out, sha256, parameters: made.parameters.flat.length });
    else print(`${out}: ${grouped(made.parameters.flat.length)} parameters, sha256 ${sha256}`);
    return exitCodes.done;
  },
};

/** The curve without the lines that were written again after a kill: the last one counts. */
async function readCurve(path: string): Promise<string> {
  const lines = existsSync(path) ? (await readFile(path, 'utf8')).trim().split('\n') : [];
  const points = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MakeProgress);
  const last = new Map(points.map((point) => [`${point.stage}/${point.step}`, point]));
  return [...last.values()].map((point) => `${JSON.stringify(point)}\n`).join('');
}

/** Before an hour's work, not after it. */
async function refuseOccupied(out: string, replace: boolean): Promise<void> {
  if (replace || !existsSync(out) || (await readdir(out)).length === 0) return;
  throw new ConfigError(
    `Cannot make a model in ${out}: the folder is not empty, expected a new one (--out), or --replace`,
    {
      code: 'model-exists',
    },
  );
}

/** The installed verifiers themselves, outside the sandbox: they are the repository's own, and a million samples are drawn. */
async function loadVerifiers(names: readonly string[]): Promise<ReadonlyMap<string, TaskVerifier>> {
  const loaded = names.map(async (name) => {
    const module = (await import(pathToFileURL(findVerifier(name).entry!).href)) as { readonly default: TaskVerifier };
    return [name, module.default] as const;
  });
  return new Map(await Promise.all(loaded));
}

/** The rest of the recipe at the pace since this start of the command. */
class TimeLeft {
  readonly #recipe: TinyRecipe;
  #first: { readonly done: number; readonly seconds: number } = { done: 0, seconds: 0 };
  #began = false;

  constructor(recipe: TinyRecipe) {
    this.#recipe = recipe;
  }

  /** Seconds; null with the first report of a start that went on from a checkpoint. */
  after({ stage, samples, seconds, step, steps }: MakeProgress): number | null {
    const place = this.#recipe.stages.findIndex(({ name }) => name === stage);
    const before = this.#recipe.stages.slice(0, place).reduce((sum, each) => sum + each.samples, 0);
    const all = this.#recipe.stages.reduce((sum, each) => sum + each.samples, 0);
    const done = before + samples;
    if (!this.#began) {
      this.#began = true;
      const fresh = place === 0 && (step <= 50 || step === steps);
      if (!fresh) {
        this.#first = { done, seconds };
        return null;
      }
    }
    const pace = (seconds - this.#first.seconds) / Math.max(1, done - this.#first.done);
    return Math.max(0, Math.round(pace * (all - done)));
  }
}

function progressLine(progress: MakeProgress, secondsLeft: number | null): string {
  const { stage, step, steps, loss, seconds, tokensPerSecond, greedy, sampled } = progress;
  const accuracies = (name: string, shares: Readonly<Record<string, number>> | undefined) =>
    shares === undefined
      ? ''
      : `; ${name} ${Object.entries(shares)
          .map(([task, share]) => `${task} ${percent(share)}`)
          .join(', ')}`;
  const left = secondsLeft === null ? '' : `, ${duration(secondsLeft)} left`;
  return `${stage} ${step}/${steps}: loss ${loss.toFixed(4)}, ${grouped(tokensPerSecond)} tokens/s, ${duration(seconds)}${left}${accuracies('greedy', greedy)}${accuracies('sampled', sampled)}`;
}
