import { LRUCache } from 'lru-cache';
import type { Database } from '../../db/client.ts';
import { SharedReads } from '../../queues/shared-reads.ts';
import { IN_DETAIL, IN_LIST, IN_ORDER } from './list-sql.ts';
import { PORTION_BYTES, PORTION_ROWS } from './portion-sql.ts';
import { RenderedView } from './rendered-view.ts';

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

interface SharedRow {
  json: string | null;
  outsiders: string[];
}

/** What one statement found, rendered once for all of its callers. */
interface SharedList {
  /** Undefined: the list may be larger than a portion. */
  list: RenderedView | undefined;
  outsiders: string[];
}

/** The list of a work session, for one of its clients. */
export interface ListWanted {
  workSessionId: string;
  /** The client id that opens vaults of other work sessions; null: none. */
  readsAs: string | null;
  details: boolean;
}

/** How long a list is not asked for together after that was in vain, and how many such lists are known. */
const ALONE = { ttl: 60_000, max: 10_000 };

/**
 * Lists of all callers of a work session share a statement, because most of them see the vaults of that work session and no
 * others. The statement tells which callers see more.
 */
export class WorkSessionLists {
  readonly #shared = new SharedReads<SharedList>();
  /** The clients of the next statement, by list. */
  readonly #names = new Map<string, Set<string>>();
  /** Lists that are too large, and those of callers that see other vaults. They would cost a statement in vain. */
  readonly #alone = new LRUCache<string, true>(ALONE);

  /**
   * @param ask runs a statement when it is the caller's turn
   * @returns the whole list; undefined where the caller also sees other vaults, or the list may be larger than a portion
   */
  async read(
    { workSessionId, readsAs, details }: ListWanted,
    ask: Database['rows'],
  ): Promise<RenderedView | undefined> {
    const key = `${details} ${workSessionId}`;
    // No work session has a NUL in its name.
    const ownKey = `${workSessionId}\0${readsAs}`;
    if (this.#alone.has(key) || this.#alone.has(ownKey)) return undefined;
    const names = this.#names.get(key) ?? new Set();
    this.#names.set(key, names);
    if (readsAs !== null) names.add(readsAs);
    const { list, outsiders } = await this.#shared.read(key, () => {
      // Later callers join the statement after this one.
      const asked = [...(this.#names.get(key) ?? [])];
      this.#names.delete(key);
      return this.#ask(ask, details, [workSessionId, asked]);
    });
    const isOutsider = readsAs !== null && outsiders.includes(readsAs);
    if (list !== undefined && !isOutsider) return list;
    this.#alone.set(list === undefined ? key : ownKey, true);
    return undefined;
  }

  async #ask(ask: Database['rows'], details: boolean, values: unknown[]): Promise<SharedList> {
    const { LIST_TOGETHER, LIST_DETAILS_TOGETHER } = LISTS_OF_WORK_SESSION;
    const [row] = await ask<SharedRow>(details ? LIST_DETAILS_TOGETHER : LIST_TOGETHER, ...values);
    if (!row) throw new Error('A list came back without its row');
    const { json, outsiders } = row;
    return { list: json === null ? undefined : RenderedView.of(json), outsiders };
  }
}
