/**
 * A BIGINT of PostgreSQL as a JSON-safe number.
 * @throws RangeError beyond 2^53 - 1, where a number would silently become another one
 */
export function toSafeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} does not fit a JSON number`);
  return number;
}
