/** Memory of the server at one moment, in bytes. */
export interface MemorySample {
  /** Since the load began. */
  seconds: number;
  resident: number;
  heap: number;
}

/** What grew, and by how much, from the first part of a soak to the last. */
export interface Verdict {
  flat: boolean;
  start: MemorySample;
  middle: MemorySample;
  end: MemorySample;
}

/** The first part is warming up: caches fill, functions are compiled. */
const WARM_UP = 0.2;
const WINDOW = 0.2;

/** What it may grow beside a share: a garbage collector is not exact. */
const SLACK_BYTES = 24 * 1_048_576;
const SLACK_SHARE = 1.15;

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A typical moment of a window: what is resident at the median, and the heap at its lowest, as collected. */
function windowFrom(samples: readonly MemorySample[], from: number): MemorySample {
  const last = samples.at(-1)?.seconds ?? 0;
  const inside = samples.filter(
    ({ seconds }) => seconds >= from * last && seconds <= (from + WINDOW) * last + 0.001,
  );
  return {
    seconds: Math.round(from * last),
    resident: median(inside.map(({ resident }) => resident)),
    heap: Math.min(...inside.map(({ heap }) => heap)),
  };
}

/** @throws Error unless there are samples in each part */
export function judgeMemory(samples: readonly MemorySample[]): Verdict {
  const start = windowFrom(samples, WARM_UP);
  const middle = windowFrom(samples, (1 - WINDOW + WARM_UP) / 2);
  const end = windowFrom(samples, 1 - WINDOW);
  if (![start, middle, end].every(({ resident, heap }) => resident > 0 && Number.isFinite(heap))) {
    throw new Error('Too few samples of memory to judge by; let it run longer.');
  }
  const grew = (before: number, after: number) => after > SLACK_SHARE * before + SLACK_BYTES;
  const flat = !grew(start.resident, end.resident) && !grew(start.heap, end.heap);
  return { flat, start, middle, end };
}
