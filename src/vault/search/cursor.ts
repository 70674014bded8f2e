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
  /** For the best first: `place` is the newest hit, and this is the last one that was shown. */
  last?: Scored;
}

/** A hit in the order of the best first. */
export interface Scored {
  score: number;
  place: Place;
}

/** The form of cursors, which inputs are checked against. */
export const SEARCH_CURSOR =
  /^(?:b\d{1,4}\.-?\d{1,16}\.\d{1,16}\.[\w-]{1,700}~)?-?\d{1,16}\.\d{1,16}\.\P{Cc}{1,128}$/u;

/** @returns the cursor of the page after a hit, newest first */
export const cursorAfter = (hit: { created_at: string; seq: number; vault_id: string }): string =>
  writeSearchCursor({
    place: { createdUs: microsOf(hit.created_at) ?? 0, seq: hit.seq, vaultId: hit.vault_id },
  });

/** The vault of the last hit is in base64url, because another place follows it. */
const writeScored = ({ score, place: { createdUs, seq, vaultId } }: Scored): string =>
  `b${score}.${createdUs}.${seq}.${Buffer.from(vaultId).toString('base64url')}~`;

export const writeSearchCursor = ({ place: { createdUs, seq, vaultId }, last }: SearchCursor): string =>
  `${last === undefined ? '' : writeScored(last)}${createdUs}.${seq}.${vaultId}`;

/** @param cursor within `SEARCH_CURSOR` */
export function readSearchCursor(cursor: string): SearchCursor {
  const [, score, lastUs, lastSeq, lastVault = '', createdUs, seq, vaultId = ''] =
    /^(?:b(\d+)\.(-?\d+)\.(\d+)\.([\w-]+)~)?(-?\d+)\.(\d+)\.(.*)$/su.exec(cursor) ?? [];
  const place = { createdUs: Number(createdUs), seq: Number(seq), vaultId };
  if (score === undefined) return { place };
  const vault = Buffer.from(lastVault, 'base64url').toString();
  return {
    place,
    last: {
      score: Number(score),
      place: { createdUs: Number(lastUs), seq: Number(lastSeq), vaultId: vault },
    },
  };
}

/** Sorts the newest first. Vaults are compared by their bytes, as PostgreSQL does. */
export const byPlace = (a: Place, b: Place): number =>
  b.createdUs - a.createdUs ||
  (a.vaultId === b.vaultId ? b.seq - a.seq : Buffer.compare(Buffer.from(b.vaultId), Buffer.from(a.vaultId)));

/** Sorts the best first, and the newest first among those that are as good. */
export const byScore = (a: Scored, b: Scored): number => b.score - a.score || byPlace(a.place, b.place);
