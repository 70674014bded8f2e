import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSearchable } from '../../src/dashboard/vaults/searchable.ts';
import { isLongEnough, parseQuery } from '../../src/vault/search/query.ts';

test('the dashboard: takes a query as searchable where the server does', () => {
  expect(['e\u0301', 'ß', '"ß"', 'ab'].map(isSearchable)).toEqual([false, true, false, true]);
  const letters = fc.constantFrom(...'aßé\u0301İ中🚀" ');
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 4 }), (q) => {
      expect(isSearchable(q)).toBe(parseQuery(q).some(isLongEnough));
    }),
  );
});
