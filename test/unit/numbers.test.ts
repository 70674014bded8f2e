import { expect, test } from 'vitest';
import { toSafeNumber } from '../../src/numbers.ts';

test.each([
  [0n, 0],
  [1n, 1],
  [-1n, -1],
  [4_294_967_296n, 4_294_967_296],
  [9_007_199_254_740_991n, Number.MAX_SAFE_INTEGER],
  [-9_007_199_254_740_991n, Number.MIN_SAFE_INTEGER],
])('%s is the number %s', (bigint, number) => {
  expect(toSafeNumber(bigint)).toBe(number);
});

test.each([
  9_007_199_254_740_992n,
  9_007_199_254_740_993n,
  -9_007_199_254_740_992n,
  9_223_372_036_854_775_807n,
])('%s is refused instead of becoming another number', (bigint) => {
  expect(() => toSafeNumber(bigint)).toThrow(new RangeError(`${bigint} does not fit a JSON number`));
});
