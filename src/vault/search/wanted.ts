import type { Caller } from '../../access/policy.ts';
import type { SearchCursor } from './cursor.ts';
import type { Needle } from './query.ts';

/** What a search looks for, beside its text. */
export interface Filters {
  writer?: string | undefined;
  author?: string | undefined;
  tag?: string | undefined;
  vault?: string | undefined;
  kind?: 'content' | 'summary' | undefined;
  /** The first time, in µs since 1970. */
  sinceUs?: number | undefined;
  /** The first time after, in µs since 1970. */
  untilUs?: number | undefined;
  /** Every version instead of the current ones. */
  history: boolean;
}

export interface Wanted extends Filters {
  needles: readonly Needle[];
  order: 'newest' | 'best';
  limit: number;
  cursor?: SearchCursor | undefined;
}

/** The vaults that a search may look at; null: every vault of the work session. */
export function vaultsOf({ vaults }: Caller, { vault }: Filters): readonly string[] | null {
  if (vault === undefined) return vaults ?? null;
  return vaults === undefined || vaults.includes(vault) ? [vault] : [];
}

/** The first nine values of the statements of a search. */
export const filterValues = (caller: Caller, filters: Filters): unknown[] => [
  caller.workSessionId,
  vaultsOf(caller, filters),
  filters.writer ?? null,
  filters.author ?? null,
  filters.tag ?? null,
  filters.kind ?? null,
  filters.sinceUs ?? null,
  filters.untilUs ?? null,
  filters.history,
];
