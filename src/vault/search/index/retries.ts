/** After a failure. Further ones double it, up to `MOST_MS`. */
const LEAST_MS = 5000;
const MOST_MS = 60_000;
/** Work sessions that wait for another try at once. */
const MOST_WAITING = 64;

/** @returns how long to rest after another failure @param ms the rest after the one before; 0: none */
export const longerRest = (ms: number): number => Math.min(MOST_MS, Math.max(LEAST_MS, 2 * ms));

/** When work sessions that failed are tried again. */
export class Retries {
  readonly #waiting = new Map<string, { ms: number; at: number }>();

  /** @returns the rest, and whether it is longer than the one before; undefined: too many work sessions wait */
  failed(workSessionId: string, now: number): { ms: number; isLonger: boolean } | undefined {
    const before = this.#waiting.get(workSessionId)?.ms ?? 0;
    if (before === 0 && this.#waiting.size >= MOST_WAITING) return undefined;
    const ms = longerRest(before);
    this.#waiting.set(workSessionId, { ms, at: now + ms });
    return { ms, isLonger: ms > before };
  }

  succeeded(workSessionId: string): void {
    this.#waiting.delete(workSessionId);
  }

  mayTry(workSessionId: string, now: number): boolean {
    return (this.#waiting.get(workSessionId)?.at ?? now) <= now;
  }

  /** When the first of them is tried again. */
  get next(): number {
    return Math.min(...[...this.#waiting.values()].map(({ at }) => at));
  }
}
