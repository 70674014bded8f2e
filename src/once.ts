/**
 * Makes a constant that is computed on first use, because computing it is slow or rarely needed. Modules keep no other
 * state.
 * @returns a function that returns the same value on each call @throws what `make` throws; the next call retries
 */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * Caches a function of a text, for few texts that recur often.
 * @param most the cache size; the oldest value is evicted first, and computed again on its next use
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
