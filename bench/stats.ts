/** @returns the middle value; of an even number of values, the mean of the two in the middle */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Latencies of one run, in milliseconds. */
export interface Latencies {
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** @param sorted ascending @param share 0..1 @returns the smallest value that at least this share of the values does not exceed */
const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;

/** Collects latencies without allocating an object for each. */
export class LatencyLog {
  #values = new Float64Array(16_384);
  #count = 0;

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  get count(): number {
    return this.#count;
  }

  summary(): Latencies {
    const sorted = this.#values.slice(0, this.#count).sort();
    const at = (share: number) => percentile(sorted, share);
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}
