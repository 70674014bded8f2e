import type { Database } from '../../db/client.ts';
import { SharedReads } from '../../queues/shared-reads.ts';
import { IN_DETAIL, IN_LIST, IN_ORDER } from './list-sql.ts';
import { PORTION_BYTES, PORTION_ROWS } from './portion-sql.ts';
import type { Portion } from './portions.ts';

/**
 * The vaults of work session `$1` as JSON text, and which clients of `$2` have written into vaults of other ones. `json` is
 * null where the list may be larger than a portion. The summaries are measured first, because their JSON reads them.
 * `OFFSET 0` makes each vault of a client a look into the index. The SELECT around `$2` is as in `READ_HEADS`.
 */
const ofWorkSession = (item: string) => `
  WITH looked AS MATERIALIZED (
    SELECT * FROM vaults WHERE work_session_id = $1 ORDER BY created_at LIMIT ${PORTION_ROWS} + 1)
  SELECT CASE WHEN octet_length(list.json) <= ${PORTION_BYTES} THEN list.json END AS json,
    ARRAY(
      SELECT name FROM unnest((SELECT $2::text[])) AS name WHERE EXISTS (
        SELECT FROM vault_writers AS w
        CROSS JOIN LATERAL (SELECT work_session_id FROM vaults WHERE bucket = w.bucket AND vault_id = w.vault_id OFFSET 0) AS v
        WHERE w.client_id = name AND v.work_session_id <> $1)) AS outsiders
  FROM (
    SELECT CASE WHEN count(*) <= ${PORTION_ROWS} AND coalesce(sum(octet_length(summary)), 0) <= ${PORTION_BYTES}
      THEN coalesce((SELECT string_agg(${item}, ',' ORDER BY ${IN_ORDER}) FROM looked), '') END AS json
    FROM looked
  ) AS list`;

/** The statements for the whole list of a work session, with and without details, each planned once. */
export const LISTS_OF_WORK_SESSION = {
  LIST_TOGETHER: ofWorkSession(IN_LIST),
  LIST_DETAILS_TOGETHER: ofWorkSession(IN_DETAIL),
};

interface SharedList {
  json: string | null;
  outsiders: string[];
}

/** The list of a work session, for one of its clients. */
export interface ListWanted {
  workSessionId: string;
  /** The client id that opens vaults of other work sessions; null: none. */
  readsAs: string | null;
  details: boolean;
}

/**
 * Lists of all callers of a work session share a statement, because most of them see the vaults of that work session and no
 * others. The statement tells which callers see more.
 */
export class WorkSessionLists {
  readonly #shared = new SharedReads<SharedList>();
  /** The clients of the next statement, by list. */
  readonly #names = new Map<string, Set<string>>();

  /**
   * @param ask runs a statement when it is the caller's turn
   * @returns the whole list; undefined where the caller also sees other vaults, or the list may be larger than a portion
   */
  async read(
    { workSessionId, readsAs, details }: ListWanted,
    ask: Database['rows'],
  ): Promise<Portion<never> | undefined> {
    const key = JSON.stringify([workSessionId, details]);
    const names = this.#names.get(key) ?? new Set();
    this.#names.set(key, names);
    if (readsAs !== null) names.add(readsAs);
    const { LIST_TOGETHER, LIST_DETAILS_TOGETHER } = LISTS_OF_WORK_SESSION;
    const { json, outsiders } = await this.#shared.read(key, async () => {
      // Later callers join the statement after this one.
      const asked = [...(this.#names.get(key) ?? [])];
      this.#names.delete(key);
      const [row] = await ask<SharedList>(
        details ? LIST_DETAILS_TOGETHER : LIST_TOGETHER,
        workSessionId,
        asked,
      );
      if (!row) throw new Error('A list came back without its row');
      return row;
    });
    if (json === null || (readsAs !== null && outsiders.includes(readsAs))) return undefined;
    return { json, rows: 0, bytes: Buffer.byteLength(json), next: null, more: false };
  }
}
