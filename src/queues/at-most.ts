/** Makes a function that runs at most `max` pieces of work at once. Later work waits in the order of the calls. */
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
      // The slot passes directly to the next waiting work, so that a new call cannot overtake it.
      if (next) next();
      else running--;
    }
  };
}
