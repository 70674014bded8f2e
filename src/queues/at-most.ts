/** Runs work at most so many times at once; later work waits in the order of the calls. */
export function atMost(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < max) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place goes on to the next without becoming free, so that nobody can overtake.
      if (next) next();
      else running--;
    }
  };
}
