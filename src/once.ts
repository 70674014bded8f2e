/**
 * Makes a constant that is computed when it is first asked for, because that takes long or is seldom needed. Modules
 * keep no other state.
 * @returns a function that gives the same value on each call @throws what `make` throws, and tries again on the next call
 */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * Makes a function of a text that computes each value once, for texts that are few and come often.
 * @param most values that are kept; the oldest is dropped first, and computed again when it is asked for
 */
export function oncePerText<T>(most: number, compute: (text: string) => T): (text: string) => T {
  const kept = new Map<string, T>();
  return (text) => {
    const before = kept.get(text);
    if (before !== undefined) return before;
    const value = compute(text);
    kept.set(text, value);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return value;
  };
}
