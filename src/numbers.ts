/**
 * Converts a PostgreSQL BIGINT to a number.
 * @throws RangeError beyond 2^53 - 1, because a larger number would silently lose precision
 */
export function toSafeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} does not fit a JSON number`);
  return number;
}
