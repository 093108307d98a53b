/**
 * A clock that stands still, for a realm whose results may depend on nothing but their input: now is always 1970. What is asked of a
 * given date is answered as ever.
 */

/** Replaces `Date` in this realm, and takes away the other ways to ask what time it is. */
export function stopClock(): void {
  const realm = globalThis as unknown as { Date: DateConstructor; Temporal?: { Now?: unknown } };
  const { construct } = Reflect;
  const Running = realm.Date;
  if (Running.now() === 0) return;
  function Still(...given: unknown[]): unknown {
    if (new.target === undefined) return new Running(0).toString();
    return construct(Running, given.length === 0 ? [0] : given, new.target);
  }
  Object.defineProperties(Still, {
    name: { value: 'Date', configurable: true },
    length: { value: 7, configurable: true },
    prototype: { value: Running.prototype, writable: false },
    now: { value: () => 0, writable: true, configurable: true },
    parse: { value: Running.parse, writable: true, configurable: true },
    UTC: { value: Running.UTC, writable: true, configurable: true },
  });
  Object.defineProperty(Running.prototype, 'constructor', { value: Still, writable: true, configurable: true });
  Object.defineProperty(Running, 'now', { value: () => 0, writable: true, configurable: true });
  realm.Date = Still as unknown as DateConstructor;
  if (realm.Temporal !== undefined) delete realm.Temporal.Now;
  stopFormatting();
}

/** A format without a date means the present. */
function stopFormatting(): void {
  const { prototype } = Intl.DateTimeFormat;
  const { apply } = Reflect;
  const running = Object.getOwnPropertyDescriptor(prototype, 'format')!.get!;
  Object.defineProperty(prototype, 'format', {
    configurable: true,
    get(this: Intl.DateTimeFormat) {
      const format = apply(running, this, []) as (date?: Date | number) => string;
      return (date?: Date | number) => format(date ?? 0);
    },
  });
  const { formatToParts } = prototype;
  Object.defineProperty(prototype, 'formatToParts', {
    configurable: true,
    writable: true,
    value(this: Intl.DateTimeFormat, date?: Date | number) {
      return apply(formatToParts, this, [date ?? 0]);
    },
  });
}
