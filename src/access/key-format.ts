import { randomBytes, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { KEY_PREFIX } from './credential.ts';

/** The digits of base 62, in the order of bytes. */
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

const ID_LENGTH = 12;
/** 192 bits. */
const SECRET_BYTES = 24;
/** 62^33 is the first power above 2^192, and 62^6 the first above 2^32. */
const SECRET_LENGTH = 33;
const CHECKSUM_LENGTH = 6;

/** A whole key: `vr_<id>_<secret><checksum>`. */
const KEY = new RegExp(
  `^(${KEY_PREFIX}([0-9a-z]{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = BASE62[Number(rest % 62n)] + text;
  return text.padStart(length, '0');
}

/** A CRC-32, so that a misspelt key is found out without a look-up, and scanners for secrets raise no false alarm. */
const checksumOf = (body: string): string => toBase62(BigInt(crc32(body)), CHECKSUM_LENGTH);

/** A fresh key from a CSPRNG, and its id, which may be shown. */
export function makeKey(): { id: string; key: string } {
  const id = Array.from({ length: ID_LENGTH }, () => ID_DIGITS[randomInt(ID_DIGITS.length)]).join('');
  const secret = toBase62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_LENGTH);
  const body = `${KEY_PREFIX}${id}_${secret}`;
  return { id, key: body + checksumOf(body) };
}

/** @returns the id of a key; undefined where the text cannot be a key, by its form or its checksum */
export function readKeyId(key: string): string | undefined {
  const [, body, id, checksum] = KEY.exec(key) ?? [];
  return body !== undefined && checksumOf(body) === checksum ? id : undefined;
}
