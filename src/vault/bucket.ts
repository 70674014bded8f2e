import { createHash } from 'node:crypto';

/**
 * The bucket of a vault, with which the keys of its rows begin: the first ten bits of SHA-256 over the UTF-8 of its id.
 * `vault_bucket` of the database computes the same; docs/data.md has test vectors.
 * @returns 0 to 1023
 */
export const bucketOf = (vaultId: string): number =>
  createHash('sha256').update(vaultId).digest().readUInt16BE(0) >> 6;
