import { EvenkeelError, type EvenkeelErrorOptions } from '@evenkeel/core';

/**
 * What can go wrong around the processes of a home. Codes: `home-in-use` (with the pid of the supervisor that holds it),
 * `home-unwritable`, `disk-full` (retryable), `home-not-running`, `process-gave-up`, `temporal-unavailable`, `temporal-refused`.
 */
export class InfraError extends EvenkeelError {
  override readonly name = 'InfraError';
  /** The process that the error is about, where there is one. */
  readonly pid: number | null;

  constructor(message: string, options: EvenkeelErrorOptions & { readonly pid?: number }) {
    super(message, options);
    this.pid = options.pid ?? null;
  }
}
