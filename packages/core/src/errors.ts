/**
 * The base of every expected failure. Across a process or an isolate, compare `code`, never `instanceof`.
 */
export interface EvenkeelErrorOptions {
  /** Stable, machine-readable, kebab-case. */
  readonly code: string;
  /** Whether the same call may succeed later without a change of its input. Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * An expected failure with a stable code. One subclass per boundary (StoreError, ProtocolError, PolicyError, …).
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const error = new EvenkeelError('Cannot open store: folder is read-only, expected write access', { code: 'store-read-only' });
 * equal(error.retryable, false);
 * ```
 */
export class EvenkeelError extends Error {
  override readonly name: string = 'EvenkeelError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, options: EvenkeelErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
  }
}

/** A configuration that cannot be run; the message names the field and says what to write instead. */
export class ConfigError extends EvenkeelError {
  override readonly name = 'ConfigError';

  constructor(message: string, options: Partial<EvenkeelErrorOptions> = {}) {
    super(message, { code: 'config-invalid', ...options });
  }
}

/** What crosses a process in place of an Error. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** Any thrown value as a record: an EvenkeelError keeps its code, everything else is `internal` and not retryable. */
export function errorRecord(thrown: unknown): ErrorRecord {
  if (thrown instanceof EvenkeelError) {
    return { code: thrown.code, message: thrown.message, retryable: thrown.retryable };
  }
  return { code: 'internal', message: thrown instanceof Error ? thrown.message : String(thrown), retryable: false };
}
