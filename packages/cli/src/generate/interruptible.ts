/** Work that a person may end with Ctrl-C: what was written stays, and the exit status says so. */

/**
 * Runs work that looks at its signal. The second Ctrl-C ends the process at once.
 *
 * @returns null where it was interrupted
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  const controller = new AbortController();
  const onSignal = () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const done = await work(controller.signal);
    return controller.signal.aborted ? null : done;
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return null;
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
