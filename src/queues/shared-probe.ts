/**
 * Caches the outcome of a probe for all callers, for some time after the probe began.
 * @param ms how long an outcome is cached @param probe must never reject
 * @returns a function that starts a probe at most once in `ms`
 */
export function shareProbe<Outcome>(ms: number, probe: () => Promise<Outcome>): () => Promise<Outcome> {
  let began = Number.NEGATIVE_INFINITY;
  let outcome: Promise<Outcome> | undefined;
  return () => {
    const now = performance.now();
    if (outcome === undefined || now - began >= ms) {
      began = now;
      outcome = probe();
    }
    return outcome;
  };
}
