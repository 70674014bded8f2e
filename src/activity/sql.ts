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
/** Most rows that a page with filters looks at. The next page continues there. */
const LOOKED = 10_000;
/** How far from the newest row a vault is sampled. At the last sample a page ends. */
const DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const DEEPEST = 512;

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
    e.author, e.entry_no, e.version, e.tags, NULL::text AS reader_work_session_id`;
const READ = `-r.id AS n, r.read_at AS at, 'read' AS what, v.vault_id, v.vault, v.work_session_id, r.client_id,
    NULL::text AS author, NULL::int AS entry_no, NULL::int AS version, NULL::text[] AS tags,
    r.work_session_id AS reader_work_session_id`;

/** Whether the page asks for some rows only. */
const FILTERED = '($8::text IS NOT NULL OR $9::text IS NOT NULL OR $10::text[] IS NOT NULL)';
/** Rows that the page looks at. At least half of them stand above `horizon`, which makes a page without filters full. */
const BUDGET = `CASE WHEN ${FILTERED} THEN ${LOOKED} ELSE 2 * ($6::bigint + 1) + ${DEEPEST} END`;

/** Whether a row comes after `since` and before the cursor, and has the client and the kind that the page asks for. */
const askedFor = (row: { at: string; n: string; client: string; what: string }) => `
  ($3::bigint IS NULL OR (${row.at}, v.vault_id COLLATE "C", ${row.n}) < (${BEFORE}, $4::text, $5::bigint))
    AND ($12::bigint IS NULL OR ${row.at} >= ${SINCE})
    AND ($8::text IS NULL OR ${row.client} = $8) AND ($10::text[] IS NULL OR ${row.what} = ANY ($10))`;

/**
 * A page of rows, the newest first. `$1` work session, `$2` vaults of a limited caller, `$3` time (µs since 1970), `$4` vault
 * and `$5` `n` of the row before the page (null: from the newest), `$6` most rows, `$7` vault, `$8` client, `$9` tag,
 * `$10` what happened, `$11` work session, `$12` time (µs) from which rows are shown; null: any.
 *
 * Each vault gives its newest rows, and the newest of all are the page. Without filters the vaults whose newest rows are
 * the newest suffice. Samples of each vault tell how many rows lie down to which time: a sample at depth 4 stands for the
 * rows from there to depth 8. The newest samples are taken until their rows use up `BUDGET`. `horizon` is the first sample
 * that is left, as the cursor of the next page: above it, each row was looked at.
 *
 * Where the times of a vault step back, a row may stand above its place, and be left out. The cursor moves down all the same.
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
  ), newest AS (
    SELECT placed.* FROM placed CROSS JOIN LATERAL (
      SELECT created_at FROM vault_entries WHERE bucket = placed.bucket AND vault_id = placed.vault_id AND seq <= placed.upto
      ORDER BY seq DESC LIMIT 1) AS top
    ORDER BY top.created_at DESC, placed.vault_id COLLATE "C" DESC LIMIT CASE WHEN ${FILTERED} THEN ${VAULTS} ELSE $6::bigint + 1 END
  ), sampled AS (
    SELECT *, row_number() OVER down AS place, sum(depth) OVER down AS together FROM (
      SELECT v.vault_id, e.seq, depth, least(min(e.created_at) OVER (PARTITION BY v.vault_id ORDER BY depth), ${BEFORE}) AS at
      FROM newest AS v CROSS JOIN unnest('{${DEPTHS}}'::int[]) AS depth CROSS JOIN LATERAL (
        SELECT seq, created_at FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq <= v.upto - depth + 1
        ORDER BY seq DESC LIMIT 1) AS e
      WHERE depth <= v.upto) AS samples
    WHERE $12::bigint IS NULL OR at >= ${SINCE}
    WINDOW down AS (ORDER BY at DESC, vault_id COLLATE "C" DESC, seq DESC, depth ROWS UNBOUNDED PRECEDING)
  ), horizon AS (
    SELECT at, vault_id, seq + 1 AS n, place FROM sampled WHERE depth = ${DEEPEST} OR (place > 1 AND together > ${BUDGET})
    ORDER BY place LIMIT 1
  ), looked AS (
    SELECT v.bucket, ${WRITTEN} FROM (
      SELECT vault_id, 2 * max(depth) - 1 AS depth FROM sampled WHERE (place < (SELECT place FROM horizon)) IS NOT FALSE
      GROUP BY vault_id) AS d
    JOIN newest AS v USING (vault_id) CROSS JOIN LATERAL (
      SELECT seq, created_at, kind, version, writer_id, author, entry_no, tags FROM vault_entries
      WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > v.upto - d.depth AND seq <= v.upto) AS e
    WHERE ($9::text IS NULL OR $9 = ANY (e.tags))
      AND ${askedFor({ at: 'e.created_at', n: 'e.seq', client: 'e.writer_id', what: `(${WHAT})` })}
  ), happened AS (
    SELECT * FROM looked
    UNION ALL
    SELECT v.bucket, ${READ} FROM own AS v CROSS JOIN LATERAL (
      SELECT * FROM vault_outside_reads AS r WHERE r.bucket = v.bucket AND r.vault_id = v.vault_id AND $9::text IS NULL
        AND ${askedFor({ at: 'r.read_at', n: '-r.id', client: 'r.client_id', what: "'read'" })}
      ORDER BY id DESC LIMIT 100) AS r
  ), page AS (
    SELECT *, row_number() OVER (ORDER BY ${IN_ORDER}) AS place FROM happened
    WHERE ((at, vault_id COLLATE "C", n) >= (SELECT at, vault_id, n FROM horizon)) IS NOT FALSE
    ORDER BY ${IN_ORDER} LIMIT $6::bigint + 1
  )
  SELECT coalesce((SELECT json_agg(${ROW} ORDER BY place) FROM page LEFT JOIN LATERAL (
      SELECT content FROM vault_entries AS e WHERE e.bucket = page.bucket AND e.vault_id = page.vault_id AND e.seq = page.n
    ) AS text ON true WHERE place <= $6::bigint), '[]') AS rows,
    (SELECT count(*) > $6::bigint FROM page) AS more,
    (SELECT concat_ws('.', ${US('at')}, n, vault_id) FROM horizon
      WHERE ($3::bigint IS NULL OR (at, vault_id COLLATE "C", n) < (${BEFORE}, $4::text, $5::bigint))) AS horizon`;

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
      SELECT ${WRITTEN}, e.content FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.seq = asked.n
      UNION ALL
      SELECT ${READ}, NULL FROM vault_outside_reads AS r WHERE r.bucket = v.bucket AND r.id = -asked.n AND r.vault_id = v.vault_id
    ) AS happened
    WHERE asked.work_session IS NULL OR v.work_session_id = asked.work_session) AS found`;

/** The time of the database in µs since 1970. */
export const NOW = `SELECT ${US('clock_timestamp()')} AS now`;

/** Most rows that are counted, and vaults whose rows are. One more shows that there are more. */
const COUNTED = 200_000;
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
    WHERE changed_at >= (SELECT at FROM start) ORDER BY changed_at DESC LIMIT ${COUNTED_VAULTS + 1}
  ), counted AS (
    SELECT own.vault_id, own.vault, e.created_at, e.kind, e.version FROM own CROSS JOIN LATERAL (
      SELECT created_at, kind, version FROM vault_entries WHERE bucket = own.bucket AND vault_id = own.vault_id
        AND seq > vault_seq_at(own.bucket, own.vault_id, own.head_seq, (SELECT at FROM start) - interval '1 microsecond')
      ORDER BY seq DESC) AS e
    LIMIT ${COUNTED + 1}
  )
  SELECT wire_time((SELECT at FROM start)) AS start, wire_time(now()) AS counted_at, vault_id, vault, what,
    (SELECT count(*) FROM counted) > ${COUNTED} OR (SELECT count(*) FROM own) > ${COUNTED_VAULTS} AS cut,
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
