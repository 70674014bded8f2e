import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LIST_CURSOR,
  READ_CURSOR,
  readListCursor,
  readReadCursor,
  writeListCursor,
  writeReadCursor,
} from '../../../src/vault/read/cursors.ts';
import { makeVaultId } from '../../../src/vault/write/create-store.ts';

const place = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
/** Everything from 1970 to 2255 has at most 16 digits. */
const time = fc.oneof(place, fc.constantFrom(Date.now() * 1000, Date.parse('2200-01-01') * 1000));
const vaultId = fc.oneof(
  fc.constant(makeVaultId()),
  // Vaults from elsewhere may have ids of another form.
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((id) => !/\p{Cc}/u.test(id)),
  fc.constantFrom('.', '1.2', 'a.b.c', '团.队'),
);

describe('a cursor', () => {
  test('of a read is accepted, and decodes to its input', () => {
    fc.assert(
      fc.property(
        fc.record({
          asOf: place,
          position: fc.oneof(
            place,
            place.map((n) => 0 - n),
          ),
        }),
        (cursor) => {
          const text = writeReadCursor(cursor);
          expect(text).toMatch(READ_CURSOR);
          expect(readReadCursor(text)).toEqual(cursor);
        },
      ),
    );
  });

  test('of a list is accepted, and decodes to its input', () => {
    fc.assert(
      fc.property(fc.record({ createdUs: time, vaultId }), (cursor) => {
        const text = writeListCursor(cursor);
        expect(text).toMatch(LIST_CURSOR);
        expect(readListCursor(text)).toEqual(cursor);
      }),
    );
  });

  test.each([
    '',
    '.',
    '1.',
    '.1',
    '1',
    '1.2.3',
    '-1.2',
    '1.--2',
    '1.2-',
    '1.2 ',
    ' 1.2',
    '1e3.2',
    '1.0x2',
    '١.٢',
    `1.${'9'.repeat(17)}`,
  ])('of a read is not: %j', (text) => expect(text).not.toMatch(READ_CURSOR));

  test.each([
    '',
    '.',
    '1.',
    '.v-1',
    'v-1',
    '-1.v-1',
    '1.\0',
    '1.a\nb',
    '1.\u007f',
    `1.${'a'.repeat(129)}`,
    `${'9'.repeat(17)}.v-1`,
  ])('of a list is not: %j', (text) => expect(text).not.toMatch(LIST_CURSOR));
});
