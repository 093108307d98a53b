/** Whether a value is a verdict of a manifest's kind. It knows the contract and no sandbox. */
import type { VerifierManifest } from '../contract.ts';
import { rewardBounds } from '../reward-scale.ts';
import type { ConformanceCheck } from './finding.ts';

const LONGEST_ANSWER = 200;
const failureCodes = new Set([
  'timeout',
  'memory',
  'crash',
  'contract',
  'ground-truth',
  'nondeterministic',
  'unreachable',
]);

type Fields = Readonly<Record<string, unknown>>;

/** What breaks the contract in what `score` gave, as `field: what is wrong`; null where nothing does. */
export function verdictFault(value: unknown, manifest: VerifierManifest): string | null {
  if (typeof value !== 'object' || value === null) return `it is ${String(value)}, expected a verdict`;
  if (value instanceof Promise) return 'it is a promise, expected a verdict: score() answers at once';
  const verdict = value as Fields;
  switch (verdict.kind) {
    case 'abstained':
      return isReason(verdict.reason) ? null : 'reason: it is empty or no text, expected a few words';
    case 'failed': {
      const { code, message } = (verdict.error ?? {}) as Fields;
      return failureCodes.has(code as string) && typeof message === 'string'
        ? null
        : 'error: it is no failure, expected { code, message }';
    }
    case 'scored':
      return scoredFault(verdict, manifest);
    default:
      return `kind: it is ${JSON.stringify(verdict.kind)}, expected "scored", "abstained" or "failed"`;
  }
}

/** The check that a fault belongs to, by the field that it names first. */
export function checkOfFault(fault: string): ConformanceCheck {
  if (/^(reward|correct|formatted)\b/.test(fault)) return 'reward-scale';
  return /^components\b/.test(fault) ? 'components' : 'verdict-shape';
}

function isReason(reason: unknown): boolean {
  return typeof reason === 'string' && reason !== '' && reason.length <= 100;
}

function scoredFault(verdict: Fields, manifest: VerifierManifest): string | null {
  const { reward, correct, formatted, answer, reason, metrics, components } = verdict;
  const bounds = rewardBounds(manifest.rewards);
  if (typeof reward !== 'number' || !bounds.allows(reward)) return `reward: it is ${reward}, expected ${bounds.text}`;
  if (correct !== (reward === bounds.largest))
    return `correct: it is ${correct} with reward ${reward}, expected ${reward === bounds.largest}`;
  if (formatted !== reward > bounds.smallest) {
    return `formatted: it is ${formatted} with reward ${reward}, expected ${reward > bounds.smallest}`;
  }
  if (answer !== null && (typeof answer !== 'string' || answer.length > LONGEST_ANSWER)) {
    return `answer: it is no text of at most ${LONGEST_ANSWER} characters, expected one or null`;
  }
  if (!isReason(reason)) return 'reason: it is empty, too long or no text, expected a few words';
  if (metrics !== undefined && !Object.values(metrics as object).every(Number.isFinite)) {
    return 'metrics: one is not finite, expected finite numbers';
  }
  return componentsFault(components as Fields | undefined, manifest.components ?? []);
}

function componentsFault(components: Fields | undefined, names: readonly string[]): string | null {
  const given = Object.keys(components ?? {});
  const surplus = given.find((name) => !names.includes(name));
  if (surplus !== undefined)
    return `components: "${surplus}" is not in the manifest, expected ${names.join(', ') || 'none'}`;
  const missing = names.find((name) => !given.includes(name));
  if (missing !== undefined) return `components: "${missing}" is missing, expected ${names.join(', ')}`;
  const bad = names.find((name) => !Number.isFinite(components?.[name]));
  return bad === undefined ? null : `components: "${bad}" is ${components?.[bad]}, expected a finite number`;
}
