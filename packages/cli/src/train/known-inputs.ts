/** What there is of verifiers and prompt sets: as it is now, or as a run's own record tells of it. It knows no settings. */
import {
  type KnownPromptSet,
  type KnownVerifier,
  type RunConfig,
  type RunInputs,
  verifierIdOf,
} from '@evenkeel/protocol';
import { findVerifier, VerifierHostError } from '@evenkeel/verifier-host';
import type { Invocation } from '../command.ts';
import { knownPromptSet, readPromptSets } from '../data/prompt-set-record.ts';
import type { Verifiers } from '../evaluate/evaluation-prompts.ts';
import { openVerifiers } from '../evaluate/open-verifiers.ts';
import { inputsChangedError } from './changed-inputs.ts';
import type { RunRecord } from './run-record.ts';

/** What configurations are checked against: verifiers with their identities, and prompt sets. */
export interface Known {
  readonly verifiers: readonly KnownVerifier[];
  readonly inputs: RunInputs['verifiers'];
  readonly promptSets: readonly KnownPromptSet[];
}

/** With the verifiers open: those who read them close them. */
export interface OpenKnown extends Known {
  readonly open: Verifiers;
  close(): Promise<void>;
}

/** These verifiers opened and read as they are now, and the prompt sets of the home. @throws as `openVerifiers` does */
export async function readKnown(
  references: readonly string[],
  invocation: Invocation,
  record: RunRecord | null,
): Promise<OpenKnown> {
  const { home } = invocation;
  if (record !== null) refuseMissing(record, references, home);
  const promptSets = (await readPromptSets(home)).map(knownPromptSet);
  const { verifiers, known, close } = await openVerifiers(references, invocation);
  const inputs = [...verifiers].map(([reference, { identity }]) => {
    const { version, sha256 } = identity;
    return [reference, { version, sha256 }] as const;
  });
  return { verifiers: known, inputs: Object.fromEntries(inputs), promptSets, open: verifiers, close };
}

/** A verifier that a run began with may be gone: then the ways out are the same as where it changed. */
function refuseMissing({ run, config }: RunRecord, references: readonly string[], home: string): void {
  for (const reference of references) {
    const begun = config.inputs.verifiers[reference];
    if (begun === undefined) continue;
    try {
      findVerifier(reference, { home });
    } catch (error) {
      if (!(error instanceof VerifierHostError) || error.code !== 'verifier-unknown') throw error;
      const state = `verifier "${reference}" is gone: it was version ${begun.version}, sha256 ${begun.sha256.slice(0, 12)}`;
      throw inputsChangedError(run, [state], error);
    }
  }
}

/** What a run's own record tells of its verifiers and prompt sets: enough to find its settings unchanged. */
export function knownOf({ tasks, inputs, method }: RunConfig): Known {
  const weights = method.reward.weights ?? {};
  const verifiers = Map.groupBy(tasks, ({ verifier }) => verifier);
  const sets = Object.entries(inputs.prompts ?? {});
  return {
    verifiers: [...verifiers].map(([id, own]) => ({
      ...{ id, levels: own.map(({ level }) => level) },
      components: Object.keys(weights),
    })),
    inputs: inputs.verifiers,
    promptSets: sets.map(([name, rows]) => {
      const own = Map.groupBy(
        tasks.filter(({ prompts }) => prompts === name),
        ({ verifier }) => verifierIdOf(verifier),
      );
      return { name, rows, levels: Object.fromEntries([...own].map(([id, of]) => [id, of.map(({ level }) => level)])) };
    }),
  };
}
