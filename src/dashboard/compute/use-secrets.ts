import { useMemo } from 'react';
import type { Secret } from '../../secrets/scan.ts';
import { scan } from './texts.ts';
import { useComputed } from './use-computed.ts';

/** No secret is made of shorter words. Most short notes have none as long, and need no scan. */
const LONG_WORD = /\S{10}/;

/** Finds beside the page what looks like a secret in a text. @returns an empty list until it is known */
export function useSecrets(text: string): readonly Secret[] {
  const compute = useMemo(
    () => (LONG_WORD.test(text) ? (signal: AbortSignal) => scan(text, signal) : undefined),
    [text],
  );
  return useComputed(compute) ?? [];
}
