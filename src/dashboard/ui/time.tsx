import { useSyncExternalStore } from 'react';
import { LANGUAGES, useLanguage } from '../i18n/index.ts';
import { formatExact, formatRelative } from '../text/time.ts';

const TICK_MS = 15_000;

let now = new Date();
const listeners = new Set<() => void>();

setInterval(() => {
  now = new Date();
  for (const listener of listeners) listener();
}, TICK_MS);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** How long ago, kept up to date; the exact moment on hover. */
export function Time({ at }: { at: string }) {
  useSyncExternalStore(subscribe, () => now);
  const { text, locale } = LANGUAGES[useLanguage()];
  const date = new Date(at);
  return (
    <time dateTime={at} title={formatExact(date, locale)}>
      {formatRelative(date, new Date(), locale) ?? text.justNow}
    </time>
  );
}

/** The exact moment, in the reader's language and time zone. */
export function useExactTime(): (at: string) => string {
  const { locale } = LANGUAGES[useLanguage()];
  return (at) => formatExact(new Date(at), locale);
}
