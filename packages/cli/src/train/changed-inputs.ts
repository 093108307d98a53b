/** What a run began with, against what is there now: verifiers and prompt sets. It decides nothing, it finds words. */
import { ConfigError } from '@evenkeel/core';
import type { RunInputs } from '@evenkeel/protocol';

type VerifierInput = RunInputs['verifiers'][string];

function inputText({ version, sha256 }: VerifierInput): string {
  return `version ${version}, sha256 ${sha256.slice(0, 12)}`;
}

/** `it was version 1.0.0, sha256 …, and is version 1.0.1, sha256 …`. */
export function changeText(before: VerifierInput, now: VerifierInput): string {
  return `it was ${inputText(before)}, and is ${inputText(now)}`;
}

/** The inputs of a run that are others now, a line each; empty where all are as they were. */
export function changedInputs(before: RunInputs, now: Pick<RunInputs, 'verifiers' | 'prompts'>): string[] {
  const verifiers = Object.entries(now.verifiers).flatMap(([reference, input]) => {
    const begun = before.verifiers[reference];
    if (begun === undefined || begun.sha256 === input.sha256) return [];
    return [`verifier "${reference}" changed: ${changeText(begun, input)}`];
  });
  const sets = Object.entries(now.prompts ?? {}).flatMap(([name, rows]) => {
    const begun = before.prompts?.[name];
    if (begun === undefined || begun.sha256 === rows.sha256) return [];
    return [
      `prompt set "${name}" changed: it was sha256 ${begun.sha256.slice(0, 12)}, and is sha256 ${rows.sha256.slice(0, 12)}`,
    ];
  });
  return [...verifiers, ...sets];
}

/** The refusal to go on in silence under other inputs, with the ways out. */
export function inputsChangedError(run: string, changes: readonly string[], cause?: unknown): ConfigError {
  return new ConfigError(
    `Cannot go on with run "${run}": ${changes.join('; ')}, expected what the run began with: restore it; or let the run go on under what it keeps of its beginning: --keep-inputs; or begin anew: --run NAME`,
    { code: 'run-inputs-changed', cause },
  );
}

/** The verifiers as they are now, but for what a record from before versions says of the same code. */
export function recordedVerifiers(before: RunInputs['verifiers'], now: RunInputs['verifiers']): RunInputs['verifiers'] {
  const same = (reference: string, input: VerifierInput) => before[reference]?.sha256 === input.sha256;
  return Object.fromEntries(
    Object.entries(now).map(([reference, input]) => [reference, same(reference, input) ? before[reference]! : input]),
  );
}
