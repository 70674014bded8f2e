import { InvalidArgumentError } from 'commander';

/** @returns an option that counts rows @throws InvalidArgumentError unless it is a whole number from 1 */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** @returns a `seq`, an entry or a version @throws InvalidArgumentError unless it is a whole number from 0 */
export function parseNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}

/** The units of a duration, in milliseconds. */
export const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/** `Date` takes the 30th of February for a day of March. */
const isDay = (day: string): boolean => new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);

/** @returns milliseconds since 1970 and the digits of the second, or undefined where the text is not a moment */
function readMoment(text: string, now: number): [ms: number, fraction?: string] | undefined {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return [now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]];
  const [, day, time, fraction = '', offset] = RFC_3339.exec(text) ?? [];
  // Only whole seconds: a Date would cut the fraction to milliseconds.
  const seconds = Date.parse(`${day}T${time}${offset?.toUpperCase()}`);
  return day === undefined || Number.isNaN(seconds) || !isDay(day) ? undefined : [seconds, fraction];
}

/**
 * Reads a moment: RFC 3339, or how long ago, as `90s`, `30m`, `1h`, `2d`.
 * @returns RFC 3339 in UTC to the microsecond, as answers have it; digits beyond are cut off
 * @throws InvalidArgumentError for anything else, and for a moment outside the years 1 to 9999
 */
export function parseMoment(text: string, now = Date.now()): string {
  const moment = readMoment(text, now);
  const wire = moment && toWire(...moment);
  if (wire !== undefined && /^\d{4}-/.test(wire) && !wire.startsWith('0000')) return wire;
  throw new InvalidArgumentError('It must be a time like 2026-11-24T09:00:00Z, or an age like 1h or 2d.');
}

const toWire = (ms: number, fraction?: string): string => {
  const iso = new Date(ms).toISOString();
  const digits = (fraction ?? iso.slice(-4, -1)).slice(0, 6).padEnd(6, '0');
  return `${iso.slice(0, -5)}.${digits}Z`;
};
