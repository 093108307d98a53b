/**
 * Lets several at once through, or one alone: a job that is suspected of killing its process runs by itself, so that the next death
 * is held against nobody else. It does not know what passes.
 */
export class SoloGate {
  #inside = 0;
  #isAlone = false;
  #wantAlone = 0;
  #waiting: (() => void)[] = [];

  /**
   * Waits for the turn.
   *
   * @param alone waits until nobody is inside, and keeps the others out; those who want this go before the others
   * @returns what to call at the end, once
   * @throws the signal's reason, where it aborts before the turn comes
   */
  async enter(alone: boolean, signal: AbortSignal): Promise<() => void> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    if (alone) this.#wantAlone++;
    try {
      while (!signal.aborted && (this.#isAlone || (alone ? this.#inside > 0 : this.#wantAlone > 0))) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      signal.throwIfAborted();
      this.#inside++;
      this.#isAlone = alone;
    } finally {
      signal.removeEventListener('abort', wake);
      if (alone) this.#wantAlone--;
      this.#wake();
    }
    return () => {
      this.#inside--;
      this.#isAlone = false;
      this.#wake();
    };
  }

  #wake(): void {
    for (const look of this.#waiting.splice(0)) look();
  }
}
