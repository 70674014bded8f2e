import { InvalidArgumentError } from 'commander';
import type { ZodType } from 'zod';
import { keyName, MAX_LIFE } from '../keys/schema.ts';
import { personName } from '../people/schema.ts';
import { isAstationId, readPublicKey } from '../relay/key-proof.ts';
import { hostname } from '../session/schema.ts';

/** @returns an option that counts rows @throws InvalidArgumentError unless it is a whole number from 1 */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** @returns an Astation's id that could also connect to the relay @throws InvalidArgumentError */
export function parseAstationId(id: string): string {
  if (!isAstationId(id))
    throw new InvalidArgumentError('It must have 1 to 255 bytes and no control characters.');
  return id;
}

/** Makes the parser of a text that the server takes as well. It throws InvalidArgumentError. */
const parserOf = (schema: ZodType<string>) => (text: string) => {
  const { success, error } = schema.safeParse(text);
  if (success) return text;
  throw new InvalidArgumentError(`It ${error.issues[0]?.message}.`);
};

/** @returns what a host may be called, as `POST /api/sessions` takes it @throws InvalidArgumentError */
export const parseHostname = parserOf(hostname);

/** @returns what a key may be called @throws InvalidArgumentError */
export const parseKeyName = parserOf(keyName);

/** @returns what a person may be called @throws InvalidArgumentError */
export const parsePersonName = parserOf(personName);

/** @returns how long something lives, in seconds, as `90s`, `30m`, `12h`, `30d` @throws InvalidArgumentError */
export function parseLife(text: string): number {
  const [, amount, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const seconds = (Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]) / 1000;
  if (seconds <= MAX_LIFE) return seconds;
  throw new InvalidArgumentError('It must be a time such as 12h or 30d, and at most ten years.');
}

/** @returns a public key in the spelling that is stored @throws InvalidArgumentError unless it is a point of P-256 */
export function parsePublicKey(hex: string): string {
  const key = readPublicKey(hex);
  if (key === undefined)
    throw new InvalidArgumentError(
      'It must be a P-256 key in uncompressed X9.63 form: 04 and 128 hexadecimal digits.',
    );
  return key;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

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
