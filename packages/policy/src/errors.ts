import { EvenkeelError, type EvenkeelErrorOptions } from '@evenkeel/core';

/**
 * An expected failure of a policy: a model directory that is damaged or of an unsupported kind, a loss that is not
 * finite, a sequence that the model cannot hold. The message names the part and says what to do.
 */
export class PolicyError extends EvenkeelError {
  override readonly name = 'PolicyError';

  constructor(message: string, options: EvenkeelErrorOptions) {
    super(message, options);
  }
}
