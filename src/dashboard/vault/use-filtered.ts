import { useEffect, useMemo, useState } from 'react';
import { type Matches, makeFilter, type Row } from './rows.ts';

/** How long the page may be busy with a filter before it looks after the person again, in ms. */
const SLICE_MS = 8;

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

async function filterInSlices(
  entries: readonly Row[],
  matches: Matches,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  let began = performance.now();
  for (const row of entries) {
    if (performance.now() - began > SLICE_MS) {
      await nextTask();
      if (signal.aborted) return found;
      began = performance.now();
    }
    if (matches(row)) found.push(row);
  }
  return found;
}

interface Filtered {
  shown: readonly Row[];
  /** Whether the filter is still at work: until then what was shown before stays. */
  busy: boolean;
}

/**
 * Filters entries in slices, so that the page keeps answering however much they hold.
 * @param pinned numbers of entries that are shown whatever the filter says
 */
export function useFiltered(entries: readonly Row[], filter: string, pinned: ReadonlySet<number>): Filtered {
  const matches = useMemo(() => makeFilter(filter), [filter]);
  const [result, setResult] = useState<{ matches: Matches; rows: readonly Row[] }>();
  useEffect(() => {
    if (!matches) return setResult(undefined);
    const abort = new AbortController();
    const passes = (row: Row) => pinned.has(row.entry_no) || matches(row);
    void filterInSlices(entries, passes, abort.signal).then((rows) => {
      if (!abort.signal.aborted) setResult({ matches, rows });
    });
    return () => abort.abort();
  }, [entries, matches, pinned]);
  if (!matches) return { shown: entries, busy: false };
  return { shown: result?.rows ?? entries, busy: result?.matches !== matches };
}
