import { describe, expect, test } from 'vitest';
import { createPairingCode, PAIRING_ALPHABET } from '../../../src/relay/rooms/pairing-code.ts';

/** Hands out the given bytes, then zeros. */
const source = (...bytes: number[]) => {
  const rest = [...bytes];
  return (size: number) => Uint8Array.from({ length: size }, () => rest.shift() ?? 0);
};

describe('createPairingCode', () => {
  test('uses the contract’s alphabet', () => {
    expect(PAIRING_ALPHABET).toBe('ABCDEFGHJKMNPQRSTUVWXYZ23456789');
    expect(createPairingCode(source(0, 1, 2, 3, 30, 29, 28, 31))).toBe('ABCD-987A');
  });

  test('throws away the bytes that would favour some letters', () => {
    expect(createPairingCode(source(248, 255, 247, 0, 0, 0, 0, 0, 0, 0))).toBe('9AAA-AAAA');
  });

  test('over all bytes each letter is equally frequent', () => {
    const count = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      let calls = 0;
      const letter =
        createPairingCode((size) => new Uint8Array(size).fill(calls++ === 0 ? byte : 0))[0] ?? '';
      if (calls === 1) count.set(letter, (count.get(letter) ?? 0) + 1);
    }
    expect([...count.keys()].sort()).toEqual([...PAIRING_ALPHABET].sort());
    expect(new Set(count.values())).toEqual(new Set([8]));
  });

  test('asks for more bytes when the first ones do not suffice', () => {
    let calls = 0;
    const stingy = (size: number) => new Uint8Array(size).fill(calls++ === 0 ? 255 : 1);
    expect(createPairingCode(stingy)).toBe('BBBB-BBBB');
    expect(calls).toBe(2);
  });
});
