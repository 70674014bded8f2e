/** Within the range of PostgreSQL's times. */
const MAX_US = Number.MAX_SAFE_INTEGER;

/**
 * Converts a time to µs since 1970.
 * @param time RFC 3339, with any number of digits of a second; undefined: none
 */
export function microsOf(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const [, digits = ''] = /\.(\d+)/.exec(time) ?? [];
  const seconds = Date.parse(time.replace(/\.\d+/, '')) / 1000;
  const micros = seconds * 1_000_000 + Number(digits.slice(0, 6).padEnd(6, '0'));
  return Math.max(-MAX_US, Math.min(MAX_US, micros));
}
