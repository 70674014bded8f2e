import { InvalidArgumentError } from 'commander';
import type { ZodType } from 'zod';
import { keyName, MAX_LIFE } from '../keys/schema.ts';
import { personName } from '../people/schema.ts';
import { isAstationId, readPublicKey } from '../relay/key-proof.ts';
import { hostname } from '../session/schema.ts';
import { UNIT_MS } from './quantities.ts';

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
