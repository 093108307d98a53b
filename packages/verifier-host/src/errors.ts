import { EvenkeelError } from '@evenkeel/core';

/**
 * An expected failure of the verifier host itself: a verifier that is not there, does not bundle, does not load or does not draw.
 * What happens while one item is scored is no error but a `failed` verdict.
 *
 * Codes: `verifier-unknown`, `verifier-bundle`, `verifier-start` (retryable), `verifier-manifest`, `verifier-permission`,
 * `verifier-draw`, `level-unknown`, `verify-input`, `verifier-changed` (not the code that is asked for), `verifier-closed`,
 * `verifier-install`, `verifier-remote` (retryable where nobody answers).
 */
export class VerifierHostError extends EvenkeelError {
  override readonly name = 'VerifierHostError';
}
