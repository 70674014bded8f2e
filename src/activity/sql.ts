/**
 * The statements of what happened in the vaults of a reader. None needs an index on time: a vault's rows follow its `seq`
 * in time, so `vault_seq_at` finds where in a vault a moment is.
 */

import { LIMITED, OPERATOR } from '../vault/read/access-sql.ts';

/** Characters of a text, and of a summary, that a row shows. */
export const SNIPPET = 280;
export const NAME = 120;

/** Most vaults that a statement looks at, those that changed last. */
const VAULTS = 20_000;
/** Most rows of one vault that a statement with filters looks at. The next page continues there. */
const LOOKED = 500;

const timeOf = (parameter: string) =>
  `('epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond')`;
const US = (time: string) => `(extract(epoch FROM ${time}) * 1000000)::bigint`;

const BEFORE = timeOf('$3');
const SINCE = timeOf('$12');

/** What happened, by the kind of a row and its version. */
const WHAT = `CASE WHEN kind = 'summary' THEN CASE WHEN version = 1 THEN 'created' ELSE 'summed_up' END
  WHEN version = 1 THEN 'wrote' ELSE 'edited' END`;

/** A row as a page shows it. `n` is the `seq` of a row of the vault, and negative for a read from outside. */
const ROW = `json_strip_nulls(json_build_object(
  'n', n, 'at', wire_time(at), 'what', what, 'vault_id', vault_id, 'vault', vault, 'work_session_id', work_session_id,
  'client_id', client_id, 'author', author, 'entry_no', entry_no, 'version', version, 'tags', nullif(tags, '{}'),
  'snippet', left(content, ${SNIPPET}), 'cut', CASE WHEN length(content) > ${SNIPPET} THEN true END,
  'reader_work_session_id', reader_work_session_id))`;

const IN_ORDER = 'at DESC, vault_id COLLATE "C" DESC, n DESC';

/** A row of a vault, and a read from outside, with the same columns. `e` and `r` are the rows, `v` is the vault. */
const WRITTEN = `e.seq AS n, e.created_at AS at, ${WHAT} AS what, v.vault_id, v.vault, v.work_session_id, e.writer_id AS client_id,
    e.author, e.entry_no, e.version, e.tags, e.content, NULL::text AS reader_work_session_id`;
const READ = `-r.id AS n, r.read_at AS at, 'read' AS what, v.vault_id, v.vault, v.work_session_id, r.client_id,
    NULL::text AS author, NULL::int AS entry_no, NULL::int AS version, NULL::text[] AS tags, NULL::text AS content,
    r.work_session_id AS reader_work_session_id`;

/** Whether the page asks for some rows only. */
const FILTERED = `($8::text IS NOT NULL OR $9::text IS NOT NULL OR $10::text[] IS NOT NULL)`;

/**
 * A page of rows, the newest first. `$1` work session, `$2` vaults of a limited caller, `$3` time (µs since 1970), `$4` vault
 * and `$5` `n` of the row before the page (null: from the newest), `$6` most rows, `$7` vault, `$8` client, `$9` tag,
 * `$10` what happened, `$11` work session, `$12` time (µs) after which rows are shown; null: any.
 *
 * Each vault gives its newest rows, and the newest of all are the page. Without filters the vaults whose newest rows are
 * the newest suffice. With filters each vault is searched as far as `LOOKED` rows, and `horizon` is the time down to
 * which all of them were.
 */
const pageOf = (vaults: string) => `
  WITH own AS MATERIALIZED (
    SELECT bucket, vault_id, work_session_id, left(summary, ${NAME}) AS vault, head_seq, changed_at FROM (${vaults}) AS v
    WHERE ($7::text IS NULL OR vault_id = $7) AND ($11::text IS NULL OR work_session_id = $11)
    ORDER BY changed_at DESC LIMIT ${VAULTS}
  ), placed AS (
    SELECT own.*, CASE WHEN $3::bigint IS NULL THEN head_seq WHEN vault_id = $4::text AND $5::bigint > 0 THEN $5::bigint - 1
      WHEN changed_at < ${BEFORE} THEN head_seq
      ELSE vault_seq_at(bucket, vault_id, head_seq, ${BEFORE} - CASE WHEN vault_id COLLATE "C" >= $4::text THEN 1 ELSE 0 END * interval '1 microsecond')
      END AS upto
    FROM own WHERE $12::bigint IS NULL OR changed_at >= ${SINCE}
  ), v AS (
    SELECT placed.* FROM placed CROSS JOIN LATERAL (
      SELECT created_at FROM vault_entries WHERE bucket = placed.bucket AND vault_id = placed.vault_id AND seq <= placed.upto
      ORDER BY seq DESC LIMIT 1) AS top
    ORDER BY top.created_at DESC, placed.vault_id COLLATE "C" DESC LIMIT CASE WHEN ${FILTERED} THEN ${VAULTS} ELSE $6::bigint + 1 END
  ), looked AS (
    SELECT ${WRITTEN}, e.place FROM v CROSS JOIN LATERAL (
      SELECT *, row_number() OVER (ORDER BY seq DESC) AS place FROM (
        SELECT * FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq <= v.upto
        ORDER BY seq DESC LIMIT CASE WHEN ${FILTERED} THEN ${LOOKED} ELSE $6::bigint + 1 END) AS newest) AS e
  ), horizon AS (
    SELECT max(at) AS at FROM looked WHERE place = CASE WHEN ${FILTERED} THEN ${LOOKED} ELSE $6::bigint + 1 END
  ), happened AS (
    SELECT n, at, what, vault_id, vault, work_session_id, client_id, author, entry_no, version, tags, content,
      reader_work_session_id FROM looked WHERE $9::text IS NULL OR $9 = ANY (tags)
    UNION ALL
    SELECT ${READ} FROM own AS v CROSS JOIN LATERAL (
      SELECT * FROM vault_outside_reads AS r WHERE r.bucket = v.bucket AND r.vault_id = v.vault_id AND $9::text IS NULL
        AND ($3::bigint IS NULL OR (r.read_at, r.vault_id COLLATE "C", -r.id) < (${BEFORE}, $4::text, $5::bigint))
      ORDER BY id DESC LIMIT 100) AS r
  ), page AS (
    SELECT *, row_number() OVER (ORDER BY ${IN_ORDER}) AS place FROM happened
    WHERE ($8::text IS NULL OR client_id = $8) AND ($10::text[] IS NULL OR what = ANY ($10))
      AND ($12::bigint IS NULL OR at >= ${SINCE}) AND (at >= (SELECT at FROM horizon)) IS NOT FALSE
    ORDER BY ${IN_ORDER} LIMIT $6::bigint + 1
  )
  SELECT coalesce((SELECT json_agg(${ROW} ORDER BY place) FROM page WHERE place <= $6::bigint), '[]') AS rows,
    (SELECT count(*) > $6::bigint FROM page) AS more, (SELECT ${US('at')} FROM horizon WHERE $12::bigint IS NULL OR at >= ${SINCE}) AS horizon`;

/**
 * Rows that were announced: `$1` vaults, `$2` `n`, `$3` work sessions (null: an operator asks), one of each per question.
 * Each row has its place from 1. `OFFSET 0` makes each question a look into an index.
 */
export const ANNOUNCED = `
  SELECT place::int AS place, ${ROW} AS row FROM (
    SELECT asked.place, happened.* FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS asked (vault, n, work_session, place)
    CROSS JOIN LATERAL (
      SELECT bucket, vault_id, work_session_id, left(summary, ${NAME}) AS vault FROM vaults
      WHERE bucket = vault_bucket(asked.vault) AND vault_id = asked.vault OFFSET 0) AS v
    CROSS JOIN LATERAL (
      SELECT ${WRITTEN} FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.seq = asked.n
      UNION ALL
      SELECT ${READ} FROM vault_outside_reads AS r WHERE r.bucket = v.bucket AND r.id = -asked.n AND r.vault_id = v.vault_id
    ) AS happened
    WHERE asked.work_session IS NULL OR v.work_session_id = asked.work_session) AS found`;

/** Most rows that are counted, and vaults whose rows are. */
export const COUNTED = 200_000;
const COUNTED_VAULTS = 2000;

/**
 * Counts rows by vault and hour. `$1` work session, `$2` vaults of a limited caller, `$3` the hours, which end with this one.
 * `hour` is 0 for the oldest.
 */
const hoursOf = (vaults: string) => `
  WITH start AS (
    SELECT date_trunc('hour', now(), 'UTC') - ($3::int - 1) * interval '1 hour' AS at
  ), own AS MATERIALIZED (
    SELECT bucket, vault_id, left(summary, ${NAME}) AS vault, head_seq FROM (${vaults}) AS v
    WHERE changed_at >= (SELECT at FROM start) ORDER BY changed_at DESC LIMIT ${COUNTED_VAULTS}
  ), counted AS (
    SELECT own.vault_id, own.vault, e.created_at, e.kind, e.version FROM own CROSS JOIN LATERAL (
      SELECT created_at, kind, version FROM vault_entries WHERE bucket = own.bucket AND vault_id = own.vault_id
        AND seq > vault_seq_at(own.bucket, own.vault_id, own.head_seq, (SELECT at FROM start) - interval '1 microsecond')
      ORDER BY seq DESC) AS e
    LIMIT ${COUNTED}
  )
  SELECT wire_time((SELECT at FROM start)) AS start, wire_time(now()) AS counted_at, vault_id, vault, what,
    floor(extract(epoch FROM created_at - (SELECT at FROM start)) / 3600)::int AS hour, count(*)::int AS rows
  FROM (SELECT vault_id, vault, created_at, ${WHAT} AS what FROM counted) AS c
  WHERE created_at >= (SELECT at FROM start)
  GROUP BY vault_id, vault, what, hour`;

const statementsOf = ({ vaults }: { vaults: string }) => ({ PAGE: pageOf(vaults), HOURS: hoursOf(vaults) });

/** The vaults of a caller's work session: what a past writer may read elsewhere is not part of what goes on here. */
const OWN = { vaults: 'SELECT * FROM vaults WHERE work_session_id = $1 AND $2::text[] IS NULL' };

/** The statements of callers, of callers who are limited to some vaults, and of operators. */
export const ACTIVITY = {
  caller: statementsOf(OWN),
  limited: statementsOf(LIMITED),
  operator: statementsOf(OPERATOR),
};
