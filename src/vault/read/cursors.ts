/**
 * Where a page of entries ended: the seq of the view, and the last position in it. The position is an entry number in the
 * current view (an adopted vault also has numbers below 0), or a seq in the history.
 */
export interface ReadCursor {
  asOf: number;
  position: number;
}

/** Where a page of vaults ended. */
export interface ListCursor {
  /** µs since 1970. */
  createdUs: number;
  vaultId: string;
}

/** The forms of cursors, which inputs are checked against. */
export const READ_CURSOR = /^\d{1,16}\.-?\d{1,16}$/;
export const LIST_CURSOR = /^\d{1,16}\.\P{Cc}{1,128}$/u;

export const writeReadCursor = ({ asOf, position }: ReadCursor): string => `${asOf}.${position}`;

/** @param cursor within `READ_CURSOR` */
export function readReadCursor(cursor: string): ReadCursor {
  const [asOf, position] = cursor.split('.').map(Number) as [number, number];
  return { asOf, position };
}

export const writeListCursor = ({ createdUs, vaultId }: ListCursor): string => `${createdUs}.${vaultId}`;

/** @param cursor within `LIST_CURSOR` */
export function readListCursor(cursor: string): ListCursor {
  const [createdUs = '', ...vaultId] = cursor.split('.');
  return { createdUs: Number(createdUs), vaultId: vaultId.join('.') };
}
