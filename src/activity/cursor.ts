import type { ActivityRow } from './schema.ts';

/** A row's place in the order of all rows. */
export interface Place {
  /** µs since 1970. */
  us: number;
  n: number;
  vaultId: string;
}

/** @returns µs since 1970 of a time in RFC 3339, with any offset. Digits behind the sixth are left out. */
export function microsOf(at: string): number {
  const [fraction = '', digits = ''] = /\.(\d+)/.exec(at) ?? [];
  return Date.parse(at.replace(fraction, '')) * 1000 + Number(digits.slice(0, 6).padEnd(6, '0'));
}

/** @returns the cursor of the page before a row */
export const cursorOf = ({ at, n, vault_id }: ActivityRow): string => `${microsOf(at)}.${n}.${vault_id}`;

/** The form that `cursorOf` makes. The vault is empty in cursors of older servers. */
export const CURSOR = /^(\d{1,16})\.(-?\d{1,16})\.(.{0,128})$/su;

/** @returns the place of a cursor; undefined for another text */
export function parseCursor(text: string): Place | undefined {
  const [, us, n, vaultId] = CURSOR.exec(text) ?? [];
  if (us === undefined || n === undefined || vaultId === undefined) return undefined;
  return { us: Number(us), n: Number(n), vaultId };
}
