import type { AnswerBounds } from '../../answer.ts';
import type { Database } from '../../db/client.ts';
import { toSafeNumber } from '../../numbers.ts';
import type { SharedReads } from '../../queues/shared-reads.ts';
import { searchPattern } from '../search/pattern.ts';
import { type ListCursor, readListCursor } from './cursors.ts';
import { type ListOptions, ListPage, type VaultListPage } from './page.ts';
import { PORTION_BYTES, PORTION_ROWS } from './portion-sql.ts';
import { completeRows, firstPortion, type Portion, type PortionWanted } from './portions.ts';
import type { LIMITED_LISTS } from './sql.ts';

/** The caller of a list, and the statements that read it. */
export interface ListSource {
  /** Runs a statement. @param scans whether its cost depends on more than the rows shown */
  rowsOf(scans: boolean): Database['rows'];
  statements: typeof LIMITED_LISTS;
  /** Work session, and client id or the list of vaults. */
  who: readonly unknown[];
  /** Finds the vaults that may have a text by the index of searches; undefined: any may. */
  candidatesOf(q: string): Promise<Candidates | undefined>;
  /** Coalesces concurrent requests for the same portion. */
  shared: SharedReads<ListRow | undefined>;
}

/** Vaults that had a text at a moment. */
export interface Candidates {
  vaultIds: string[];
  /** Vaults that have changed since this time may have it too, in µs since 1970. */
  changedUs: number;
}

/** A portion of a list, as the statements return it. */
export interface ListRow {
  json: string;
  rows: number;
  bytes: number;
  more: boolean;
  created_us: bigint | null;
  vault_id: string | null;
  /** Vaults of the portion that belong to other work sessions. */
  outside: string[] | null;
  end_created_us?: bigint | null;
  end_vault_id?: string | null;
}

/** Vaults that one statement of a search goes through. */
const SEARCHED_VAULTS = 200;

const isSearch = ({ q, writer, author, tag }: ListOptions) =>
  q !== undefined || writer !== undefined || author !== undefined || tag !== undefined;

const isFirst = ({ at, rows, bytes }: PortionWanted<ListCursor>) =>
  at === undefined && rows === PORTION_ROWS && bytes === PORTION_BYTES;

/** Whether the list has all vaults of its caller, or at least the first portion of them. */
export const isWholeList = (options: ListOptions, { maxBytes }: AnswerBounds): boolean =>
  !isSearch(options) &&
  options.cursor === undefined &&
  (options.limit ?? PORTION_ROWS) >= PORTION_ROWS &&
  maxBytes >= PORTION_BYTES;

const cursorOf = (
  createdUs: bigint | null | undefined,
  vaultId: string | null | undefined,
): ListCursor | null =>
  createdUs == null || vaultId == null ? null : { createdUs: toSafeNumber(createdUs), vaultId };

function readRow(row: ListRow | undefined, at: ListCursor | undefined): Portion<ListCursor> {
  if (!row) throw new Error('A list came back without its row');
  const { json, rows, bytes, more } = row;
  const behind = cursorOf(row.created_us, row.vault_id) ?? at ?? null;
  return { json, rows, bytes, more, next: more ? behind : cursorOf(row.end_created_us, row.end_vault_id) };
}

/**
 * Lists vaults, oldest first.
 * @param bounds `onListed` is called with the vaults of other work sessions before the caller gets them
 * @throws RelayError as `completeRows`
 */
export async function listVaults(
  { rowsOf, statements, who, candidatesOf, shared }: ListSource,
  { q, writer, author, tag, details = false, limit, cursor }: ListOptions,
  { onListed, ...bounds }: AnswerBounds & { onListed(outside: readonly string[]): Promise<void> },
): Promise<VaultListPage> {
  const searches = isSearch({ q, writer, author, tag });
  const { LIST, LIST_MATCHING, LIST_DETAILS, MEASURE_LIST, MEASURE_DETAILS } = statements;
  const candidates = q === undefined ? undefined : await candidatesOf(q);
  const [show, measure] = details ? [LIST_DETAILS, MEASURE_DETAILS] : [LIST_MATCHING, MEASURE_LIST];

  const ask = ({ at, rows, bytes, begun = false, measures = false }: PortionWanted<ListCursor>) =>
    rowsOf(searches || at !== undefined || measures)<ListRow>(
      measures ? measure : show,
      ...who,
      q === undefined ? null : searchPattern(q),
      writer ?? null,
      tag ?? null,
      at?.createdUs ?? null,
      at?.vaultId ?? null,
      rows,
      bytes,
      begun,
      searches ? SEARCHED_VAULTS : rows + 1,
      author ?? null,
      candidates?.vaultIds ?? null,
      candidates?.changedUs ?? null,
    );
  const fetch = async (wanted: PortionWanted<ListCursor>) => {
    const isCommon = !searches && !details && isFirst(wanted);
    const find = async () => {
      // The most common list has a statement that is planned once.
      const [row] = await (isCommon ? rowsOf(false)<ListRow>(LIST, ...who) : ask(wanted));
      return row;
    };
    const key = JSON.stringify([who, q, writer, author, tag, details, ...Object.entries(wanted)]);
    const row = await shared.read(key, find);
    if (!wanted.measures) await onListed(row?.outside ?? []);
    return readRow(row, wanted.at);
  };
  const at = cursor === undefined ? undefined : readListCursor(cursor);
  const first = await fetch(firstPortion(limit, at, bounds));
  return new ListPage(await completeRows(first, fetch, { ...bounds, limit }));
}
