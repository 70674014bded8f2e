import type { ActivityRow } from './schema.ts';

/** A row's place in the order of all rows. */
export interface Place {
  /** µs since 1970. */
  us: number;
  n: number;
  vaultId: string;
}

/** @returns µs since 1970 of a time of the wire, which has six digits behind the point */
export const microsOf = (at: string): number =>
  Date.parse(`${at.slice(0, 23)}Z`) * 1000 + Number(at.slice(23, 26));

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
