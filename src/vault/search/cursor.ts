import { microsOf } from './times.ts';

/** The place of a row in the order of searches: newest first, then by vault and seq. */
export interface Place {
  /** µs since 1970. */
  createdUs: number;
  vaultId: string;
  seq: number;
}

/** Where a page of hits ended. */
export interface SearchCursor {
  place: Place;
  /** For the best first: `place` is the newest hit, and this many were shown. */
  shown?: number;
}

/** The form of cursors, which inputs are checked against. */
export const SEARCH_CURSOR = /^(?:\d{1,4}~)?-?\d{1,16}\.\d{1,16}\.\P{Cc}{1,128}$/u;

/** @returns the cursor of the page after a hit, newest first */
export const cursorAfter = (hit: { created_at: string; seq: number; vault_id: string }): string =>
  writeSearchCursor({
    place: { createdUs: microsOf(hit.created_at) ?? 0, seq: hit.seq, vaultId: hit.vault_id },
  });

export const writeSearchCursor = ({ place: { createdUs, seq, vaultId }, shown }: SearchCursor): string =>
  `${shown === undefined ? '' : `${shown}~`}${createdUs}.${seq}.${vaultId}`;

/** @param cursor within `SEARCH_CURSOR` */
export function readSearchCursor(cursor: string): SearchCursor {
  const [, shown, createdUs, seq, vaultId = ''] = /^(?:(\d+)~)?(-?\d+)\.(\d+)\.(.*)$/su.exec(cursor) ?? [];
  const place = { createdUs: Number(createdUs), seq: Number(seq), vaultId };
  return { place, ...(shown !== undefined && { shown: Number(shown) }) };
}

/** Sorts the newest first. Vaults are compared by their bytes, as PostgreSQL does. */
export const byPlace = (a: Place, b: Place): number =>
  b.createdUs - a.createdUs ||
  (a.vaultId === b.vaultId ? b.seq - a.seq : Buffer.compare(Buffer.from(b.vaultId), Buffer.from(a.vaultId)));
