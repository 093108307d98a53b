import { EvenkeelError } from '@evenkeel/core';

/**
 * An expected failure of the service itself, before it serves.
 *
 * Codes: `address-unavailable`, `token-required`, `option-invalid`.
 */
export class VerifierServiceError extends EvenkeelError {
  override readonly name = 'VerifierServiceError';
}

/** Statuses of refused requests. */
export type ProblemStatus = 400 | 401 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 431 | 500 | 503;

/** A request that is refused: thrown where the reason is known, answered in one place. */
export class HttpProblem extends EvenkeelError {
  override readonly name = 'HttpProblem';
  readonly status: ProblemStatus;
  /** Further headers, `Retry-After` among them. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    super(message, { code, retryable: status === 429 || status === 503, cause });
    this.status = status;
    this.headers = headers;
  }
}

/** Who asked is gone; nobody reads the answer. */
export class ClientGone extends EvenkeelError {
  override readonly name = 'ClientGone';

  constructor() {
    super('Cannot answer: the client closed the connection, expected it to wait', { code: 'client-gone' });
  }
}

/** What a refused request is answered with. */
export function problemBody({ code, message }: { readonly code: string; readonly message: string }): string {
  return JSON.stringify({ error: { code: code.slice(0, 60), message: message.slice(0, 2000) } });
}
