const EVERY_MS = 2000;

/** Lets something be said at most every two seconds; what comes between is left out. */
export function seldom<T>(say: (value: T) => void): (value: T) => void {
  let saidAt = performance.now();
  return (value) => {
    if (performance.now() - saidAt < EVERY_MS) return;
    saidAt = performance.now();
    say(value);
  };
}
