/**
 * Shares the outcome of a probe with everybody who asks within some time after it began.
 * @param ms how long an outcome is shared @param probe never rejects
 * @returns a function that begins a probe at most once in `ms`
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
