import { randomInt } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const LENGTH = 10;

/** `v-` and 10 base62 characters (59 bits) from a CSPRNG; `randomInt` is free of modulo bias. */
export function makeVaultId(): string {
  let id = 'v-';
  for (let i = 0; i < LENGTH; i++) id += BASE62[randomInt(BASE62.length)];
  return id;
}
