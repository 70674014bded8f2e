import { LANGUAGES, useLanguage } from '../i18n/index.ts';
import { SharedState, useShared } from '../shared-state.ts';
import { formatDay, formatExact, formatRelative } from '../text/time.ts';

const TICK_MS = 15_000;

const clock = new SharedState(new Date());

setInterval(() => clock.set(new Date()), TICK_MS);

/** How long ago, kept up to date; the exact moment on hover. */
export function Time({ at }: { at: string }) {
  useShared(clock, (now) => now);
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

/** The day, in the reader's language and time zone. */
export function useDay(): (at: string) => string {
  const { locale } = LANGUAGES[useLanguage()];
  return (at) => formatDay(new Date(at), locale);
}
