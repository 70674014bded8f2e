import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeKey, readKeyId } from '../../src/access/key-format.ts';

const FORM = /^vr_[0-9a-z]{12}_[0-9A-Za-z]{39}$/;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Computed by another implementation of CRC-32: `zlib.crc32` of Python. */
const KNOWN = 'vr_4k9x2m0q7d1z_0000000000000000000000000000000012GjUIN';

test('a key has the published form, its id within, and no other key has the same', () => {
  const keys = Array.from({ length: 1000 }, makeKey);
  for (const { id, key } of keys) {
    expect(key).toMatch(FORM);
    expect(key.slice(3, 15)).toBe(id);
    expect(readKeyId(key)).toBe(id);
  }
  expect(new Set(keys.map(({ key }) => key)).size).toBe(1000);
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1000);
});

test('the secret has 192 bits: each of its digits varies, but for the first one', () => {
  const secrets = Array.from({ length: 2000 }, () => makeKey().key.slice(16, 49));
  for (let place = 1; place < 33; place++) {
    expect(new Set(secrets.map((secret) => secret[place])).size, `digit ${place}`).toBe(62);
  }
  // 2^192 is 22 times 62^32 and a bit.
  expect(Math.max(...secrets.map((secret) => BASE62.indexOf(secret[0] ?? '')))).toBeLessThan(23);
});

test('the checksum is that of another implementation', () => {
  expect(readKeyId(KNOWN)).toBe('4k9x2m0q7d1z');
});

describe('a text that is no key', () => {
  test('each change of one character is found out', () => {
    for (let place = 0; place < KNOWN.length; place++) {
      for (const digit of BASE62) {
        if (digit === KNOWN[place]) continue;
        const changed = KNOWN.slice(0, place) + digit + KNOWN.slice(place + 1);
        expect(readKeyId(changed), changed).toBeUndefined();
      }
    }
  });

  test('each swap of two neighbours is found out', () => {
    const { key } = makeKey();
    for (let place = 0; place + 1 < key.length; place++) {
      const [a = '', b = ''] = key.slice(place, place + 2);
      if (a === b) continue;
      expect(readKeyId(key.slice(0, place) + b + a + key.slice(place + 2)), `place ${place}`).toBeUndefined();
    }
  });

  test.each([
    '',
    'vr_',
    KNOWN.slice(1),
    KNOWN.slice(0, -1),
    `${KNOWN}0`,
    ` ${KNOWN}`,
    `${KNOWN}\n`,
    KNOWN.toUpperCase(),
    KNOWN.replace('vr_', 'vrp_'),
    KNOWN.replace('_0', '-0'),
  ])('%j is none', (text) => {
    expect(readKeyId(text)).toBeUndefined();
  });

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(readKeyId(`vr_${text}`)).toBeUndefined();
      }),
    );
  });
});
