import { useMemo } from 'react';
import { isSimple, toHtml } from '../text/markdown.ts';
import { format } from './texts.ts';
import { useComputed } from './use-computed.ts';

const MAX_KEPT_CHARACTERS = 4_000_000;

interface Formatted {
  /** Unsanitised HTML; undefined if the text is shown unformatted. */
  html: string | undefined;
}

const sizeOf = (text: string, { html }: Formatted): number => text.length + (html?.length ?? 0);

/** Keeps what was computed for texts that are not simple, so that scrolling back finds it. The oldest is dropped first. */
class FormattedTexts {
  readonly #kept = new Map<string, Formatted>();
  #characters = 0;

  get(text: string): Formatted | undefined {
    return this.#kept.get(text);
  }

  keep(text: string, formatted: Formatted): void {
    if (this.#kept.has(text)) return;
    this.#kept.set(text, formatted);
    this.#characters += sizeOf(text, formatted);
    for (const [oldest, its] of this.#kept) {
      if (this.#characters <= MAX_KEPT_CHARACTERS) return;
      this.#kept.delete(oldest);
      this.#characters -= sizeOf(oldest, its);
    }
  }
}

const formattedTexts = new FormattedTexts();

function formatNow(text: string): Formatted | undefined {
  if (isSimple(text)) return { html: toHtml(text) };
  return formattedTexts.get(text);
}

async function formatLater(text: string, signal: AbortSignal): Promise<Formatted> {
  const formatted = { html: await format(text, signal) };
  if (!signal.aborted) formattedTexts.keep(text, formatted);
  return formatted;
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
