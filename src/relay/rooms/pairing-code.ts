/** Characters that are easy to read aloud and type: without 0/O and 1/I/L (contract, section 3). */
export const PAIRING_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';

/** Bytes at or above this are discarded, because they would favour the alphabet's first letters. */
const FAIR_BYTES = 256 - (256 % PAIRING_ALPHABET.length);

/**
 * Creates a pairing code; all 31^8 codes are equally likely. The caller must check that no room uses it.
 * @param randomBytes a cryptographic source such as `randomBytes` of `node:crypto`
 * @returns `XXXX-XXXX`
 */
export function createPairingCode(randomBytes: (size: number) => Uint8Array): string {
  let letters = '';
  while (letters.length < 8) {
    for (const byte of randomBytes(16)) {
      if (byte < FAIR_BYTES && letters.length < 8)
        letters += PAIRING_ALPHABET[byte % PAIRING_ALPHABET.length];
    }
  }
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
