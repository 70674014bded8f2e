/** What a person can read aloud and type: no 0/O, no 1/I/L (contract, section 3). */
export const PAIRING_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';

/** Bytes from here on would favour the alphabet's first letters, so they are thrown away. */
const FAIR_BYTES = 256 - (256 % PAIRING_ALPHABET.length);

/**
 * A new pairing code, every one of the 31^8 equally likely. The caller checks that no room has it yet.
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
