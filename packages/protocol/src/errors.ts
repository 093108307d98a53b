import { type ErrorRecord, EvenkeelError, type EvenkeelErrorOptions } from '@evenkeel/core';

/**
 * An expected failure between two processes. Codes: `frame-invalid`, `frame-too-large`, `job-invalid`, `job-cancelled`
 * (retryable), `result-invalid`, `worker-unauthorized`, `worker-mismatch`, `worker-unfit` (retryable: no worker of the role can do
 * the job), `worker-unreachable` (retryable), or what the worker itself reported.
 */
export class ProtocolError extends EvenkeelError {
  override readonly name = 'ProtocolError';

  constructor(message: string, options: EvenkeelErrorOptions) {
    super(message, options);
  }

  /** The failure that a worker reported, with its own code and message. */
  static from(record: ErrorRecord): ProtocolError {
    return new ProtocolError(record.message, { code: record.code, retryable: record.retryable });
  }
}
