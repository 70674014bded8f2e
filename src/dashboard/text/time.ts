const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** Making a formatter takes far longer than using it. */
function keep<Formatter>(make: (locale: string) => Formatter): (locale: string) => Formatter {
  const made = new Map<string, Formatter>();
  return (locale) => {
    const formatter = made.get(locale) ?? make(locale);
    made.set(locale, formatter);
    return formatter;
  };
}

const relativeIn = keep((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
const exactIn = keep(
  (locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }),
);

/** "3 minutes ago" in this language; undefined when it is less than a minute, or ahead by a clock that goes wrong. */
export function formatRelative(date: Date, now: Date, locale: string): string | undefined {
  const seconds = (now.getTime() - date.getTime()) / 1000;
  const step = STEPS.find(([, size]) => seconds >= size);
  if (!step) return undefined;
  const [unit, size] = step;
  return relativeIn(locale).format(-Math.floor(seconds / size), unit);
}

/** Date and time to the second, in the reader's time zone. */
export const formatExact = (date: Date, locale: string): string => exactIn(locale).format(date);

const dayIn = keep((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }));

/** The day, in the reader's time zone. */
export const formatDay = (date: Date, locale: string): string => dayIn(locale).format(date);
