import { type Access, holds } from './access-sql.ts';
import { PORTION_BYTES, PORTION_ROWS, type PortionSql, portion } from './portion-sql.ts';

/** The order of a list. */
export const IN_ORDER = 'created_at, vault_id COLLATE "C"';

/** Vaults as one JSON text. `$1` work session, `$2` client id; the other options name the further parameters. */
const listed = (
  rows: string,
  { json, ...rest }: Pick<PortionSql, 'json' | 'where' | 'maxRows' | 'maxBytes' | 'begun'>,
  measures = false,
) =>
  portion(
    {
      ...rest,
      rows,
      json,
      order: IN_ORDER,
      weight: 'octet_length(e.summary)',
      maxWeight: rest.maxBytes,
      columns: `
        (max(extract(epoch FROM created_at)) FILTER (WHERE fits) * 1000000)::bigint AS created_us,
        (array_agg(vault_id ORDER BY place DESC) FILTER (WHERE fits))[1] AS vault_id,
        array_agg(vault_id) FILTER (WHERE fits AND work_session_id <> $1) AS outside`,
    },
    measures,
  );

const NAMED = `'{"vault_id":', to_json(vault_id), ',"summary":', to_json(summary)`;

/** A vault in a list as JSON text. */
export const IN_LIST = `concat(${NAMED}, '}')`;

export const IN_DETAIL = `
  concat(${NAMED}, ',"created_at":"', wire_time(created_at), '","changed_at":"', wire_time(changed_at), '","entries":', next_entry_no - 1 - gaps,
    ',"writers":', to_json(writer_list), ',"head":', head_seq, ',"summary_version":', summary_version, '}')`;

/**
 * `$3` pattern of a text, `$4` writer, `$5` tag, `$12` author; null: any. The text is tested before currency, because that saves an
 * index lookup for each entry without the text. Vaults of other work sessions are not searched.
 */
const VAULT_MATCHES = `
  ($3::text[] IS NULL AND $4::text IS NULL AND $5::text IS NULL AND $12::text IS NULL OR e.work_session_id = $1 OR $1::text IS NULL)
  AND ($3::text[] IS NULL AND $5::text IS NULL OR ${holds('e.summary', '$3')} AND $5 IS NULL OR EXISTS (
    SELECT FROM vault_entries AS held
    WHERE held.bucket = e.bucket AND held.vault_id = e.vault_id AND held.kind = 'content'
      AND ($3::text[] IS NULL OR ${holds('held.content', '$3')}) AND ($5 IS NULL OR $5 = ANY (held.tags))
      AND NOT EXISTS (
        SELECT FROM vault_entries AS later
        WHERE later.bucket = held.bucket AND later.vault_id = held.vault_id AND later.entry_no = held.entry_no AND later.kind = held.kind AND later.version > held.version)))
  AND ($4::text IS NULL OR EXISTS (
    SELECT FROM vault_entries AS held WHERE held.bucket = e.bucket AND held.vault_id = e.vault_id AND held.kind = 'content' AND held.writer_id = $4))
  AND ($12::text IS NULL OR EXISTS (
    SELECT FROM vault_entries AS held WHERE held.bucket = e.bucket AND held.vault_id = e.vault_id AND held.author = $12))`;

const AFTER_VAULT = `($6::bigint IS NULL OR (created_at, vault_id COLLATE "C") > ('epoch'::timestamptz + $6::bigint * interval '1 microsecond', $7::text))`;

/** `$13` vaults that had the text at a moment (null: all may have it), `$14` the time in µs of changes that may have brought it since. */
const MAY_MATCH = `
  ($13::text[] IS NULL OR vault_id = ANY ($13) OR changed_at >= 'epoch'::timestamptz + $14::bigint * interval '1 microsecond')`;

/** The statements that list vaults. */
export const makeLists = ({ vaults }: Pick<Access, 'vaults'>) => {
  const listOf = (json: string, measures = false) => {
    const look = `SELECT * FROM (${vaults}) AS v WHERE ${AFTER_VAULT} AND ${MAY_MATCH} ORDER BY created_at, vault_id COLLATE "C" LIMIT $11::bigint`;
    const bounds = { maxRows: '$8::bigint', maxBytes: '$9::bigint', begun: '$10::boolean' };
    const list = listed('SELECT * FROM looked', { json, where: VAULT_MATCHES, ...bounds }, measures);
    // `looked_to` is the last vault of the scan, if more vaults may follow it.
    return `
  WITH looked AS (${look})
  SELECT list.*, (extract(epoch FROM looked_to.created_at) * 1000000)::bigint AS end_created_us, looked_to.vault_id AS end_vault_id
  FROM (${list}) AS list
  LEFT JOIN (SELECT created_at, vault_id FROM looked ORDER BY created_at, vault_id COLLATE "C" OFFSET $11::bigint - 1 LIMIT 1) AS looked_to ON true`;
  };
  return {
    /** The first portion of the list without options, the most common request: planned once. `$1` work session, `$2` client id. */
    LIST: listed(vaults, {
      json: IN_LIST,
      where: 'true',
      maxRows: String(PORTION_ROWS),
      maxBytes: String(PORTION_BYTES),
      begun: 'false',
    }),

    /**
     * `$6` (µs since 1970) and `$7` time and id of the last vault before the portion (null: from the start), `$8` most
     * vaults, `$9` most bytes, `$10` whether the answer has vaults already, `$11` most vaults to scan. `created_us` and
     * `vault_id` are of the portion's last vault, `end_…` of the last vault of the scan.
     */
    LIST_MATCHING: listOf(IN_LIST),
    LIST_DETAILS: listOf(IN_DETAIL),
    MEASURE_LIST: listOf(IN_LIST, true),
    MEASURE_DETAILS: listOf(IN_DETAIL, true),
  };
};
