import { EvenkeelError, type EvenkeelErrorOptions } from '@evenkeel/core';

/**
 * An expected failure of the store. Codes: `disk-full` (retryable), `read-only`, `store-io`, `artefact-missing`,
 * `artefact-corrupt`, `artefact-invalid`, `commit-corrupt`, `journal-corrupt`, `table-invalid`.
 */
export class StoreError extends EvenkeelError {
  override readonly name = 'StoreError';

  constructor(message: string, options: EvenkeelErrorOptions) {
    super(message, options);
  }
}

/** The operating system's code of a failed call, for example `ENOENT`; undefined where there is none. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/**
 * A failed file operation as a StoreError that says what to do about it.
 *
 * @param action what was tried, in words: `write artefact`
 * @param path where
 * @param thrown what the file system threw; a StoreError passes through
 */
export function storeErrorFrom(action: string, path: string, thrown: unknown): StoreError {
  if (thrown instanceof StoreError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  switch (systemCode(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError(
        `Cannot ${action}: no space is left for ${path}, expected some: free space there and go on, nothing committed is lost`,
        { code: 'disk-full', retryable: true, cause: thrown },
      );
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new StoreError(
        `Cannot ${action}: ${path} is not writable here, expected write access: mend its permissions, or choose another folder with --home`,
        { code: 'read-only', cause: thrown },
      );
    default:
      return new StoreError(`Cannot ${action}: ${message}, expected ${path} to be a usable path on a local disk`, {
        code: 'store-io',
        cause: thrown,
      });
  }
}
