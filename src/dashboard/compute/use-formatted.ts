import { useMemo } from 'react';
import { isSimple, toHtml } from '../text/markdown.ts';
import { format } from './texts.ts';
import { useComputed } from './use-computed.ts';

/** What was computed for texts that are not simple, so that scrolling back finds it; the oldest is forgotten first. */
const known = new Map<string, string | undefined>();
const MAX_KNOWN_CHARACTERS = 4_000_000;
let knownCharacters = 0;

const sizeOf = (text: string, html: string | undefined): number => text.length + (html?.length ?? 0);

function remember(text: string, html: string | undefined): void {
  if (known.has(text)) return;
  known.set(text, html);
  knownCharacters += sizeOf(text, html);
  for (const [oldest, itsHtml] of known) {
    if (knownCharacters <= MAX_KNOWN_CHARACTERS) return;
    known.delete(oldest);
    knownCharacters -= sizeOf(oldest, itsHtml);
  }
}

interface Formatted {
  /** Still to be sanitised; undefined where the text is shown as it is. */
  html: string | undefined;
}

function formatNow(text: string): Formatted | undefined {
  if (isSimple(text)) return { html: toHtml(text) };
  return known.has(text) ? { html: known.get(text) } : undefined;
}

async function formatLater(text: string, signal: AbortSignal): Promise<Formatted> {
  const html = await format(text, signal);
  if (!signal.aborted) remember(text, html);
  return { html };
}

/**
 * Formats a text as Markdown: a simple one at once, another beside the page, as far as the time limit allows.
 * @returns undefined until it is formatted
 */
export function useFormatted(text: string): Formatted | undefined {
  const { now, later } = useMemo(() => {
    const formatted = formatNow(text);
    return {
      now: formatted,
      later: formatted ? undefined : (signal: AbortSignal) => formatLater(text, signal),
    };
  }, [text]);
  const computed = useComputed(later);
  return now ?? computed;
}
