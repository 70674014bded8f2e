import { useMemo } from 'react';
import type { Difference } from '../text/words.ts';
import { compare } from './texts.ts';
import { useComputed } from './use-computed.ts';

/** Compares two texts beside the page. @returns undefined until they are compared */
export function useDifference(before: string, after: string): Difference | undefined {
  const compute = useMemo(() => (signal: AbortSignal) => compare(before, after, signal), [before, after]);
  return useComputed(compute);
}
