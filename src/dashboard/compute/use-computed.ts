import { useEffect, useState } from 'react';

/**
 * Computes something beside the page, and again for another `compute`.
 * @param compute is kept between renders by `useMemo`, and never rejects; undefined: nothing to compute
 * @returns the result, undefined until it is there
 */
export function useComputed<T>(compute: ((signal: AbortSignal) => Promise<T>) | undefined): T | undefined {
  const [done, setDone] = useState<{ compute: typeof compute; result: T }>();
  useEffect(() => {
    if (!compute) return;
    const abort = new AbortController();
    void compute(abort.signal).then((result) => {
      if (!abort.signal.aborted) setDone({ compute, result });
    });
    return () => abort.abort();
  }, [compute]);
  return compute && done?.compute === compute ? done.result : undefined;
}
