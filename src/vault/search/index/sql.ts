/**
 * The time of a row `e` in the order of searches, within the µs since 1970 that a number of JavaScript holds. Imported rows may have
 * any year.
 */
export const ORDER_TIME = `least(greatest(e.created_at, '1684-07-28 00:12:25.259009Z'), '2255-06-05 23:47:34.740991Z')`;

export const CREATED_US = `(extract(epoch FROM ${ORDER_TIME}) * 1000000)::bigint`;

/** Rows of a vault that no segment has, or more: the numbers of old rows have holes. */
export const COUNT = 'least(v.head_seq - coalesce(known.indexed_seq, 0), v.versions + v.summary_version)';

/**
 * Work sessions with enough rows for a segment, `$1`, or bytes of text, `$2`, or a segment to build again: those of the next vaults after
 * a work session, `$3`; `$4` most vaults. `next` is the last of them, which may have more vaults, or null after the last vault. There is at
 * least one row.
 */
export const BEHIND = `
  WITH page AS MATERIALIZED (
    SELECT bucket, vault_id, work_session_id, head_seq, versions, summary_version, bytes FROM vaults
    WHERE work_session_id > $3 ORDER BY work_session_id LIMIT $4)
  SELECT reached.next, behind.work_session_id
  FROM (SELECT CASE WHEN count(*) >= $4::bigint THEN max(work_session_id) END AS next FROM page) AS reached
  LEFT JOIN (
    SELECT v.work_session_id
    FROM page AS v
    LEFT JOIN LATERAL (SELECT * FROM search_vaults WHERE bucket = v.bucket AND vault_id = v.vault_id OFFSET 0) AS known ON true
    WHERE v.head_seq > coalesce(known.indexed_seq, 0)
    GROUP BY v.work_session_id
    HAVING sum(${COUNT}) >= $1
      OR sum(v.bytes - coalesce(known.indexed_bytes, 0)) >= $2
    UNION
    SELECT work_session_id FROM search_segments WHERE postings IS NULL) AS behind ON true`;

/** The rows of a work session that no segment has. `$1` the work session, `$2` most vaults. */
export const UNINDEXED = `
  SELECT v.bucket, v.vault_id, coalesce(known.indexed_seq, 0) AS after, v.head_seq AS up_to,
    coalesce(known.erasures, 0) AS erasures, ${COUNT}::int AS count, v.bytes - coalesce(known.indexed_bytes, 0) AS bytes
  FROM vaults AS v LEFT JOIN search_vaults AS known ON known.bucket = v.bucket AND known.vault_id = v.vault_id
  WHERE v.work_session_id = $1 AND v.head_seq > coalesce(known.indexed_seq, 0)
  ORDER BY v.changed_at LIMIT $2`;

/** Numbers vaults, `$1`, that have none. A conflict would use up a number too. In one order, so that two servers never wait for each other. */
export const NUMBER_VAULTS = `
  INSERT INTO search_vaults (bucket, vault_id)
  SELECT vault_bucket(vault_id), vault_id FROM unnest($1::text[]) AS new (vault_id)
  WHERE NOT EXISTS (
    SELECT FROM search_vaults AS known WHERE known.bucket = vault_bucket(new.vault_id) AND known.vault_id = new.vault_id)
  ORDER BY vault_bucket(vault_id), vault_id COLLATE "C"
  ON CONFLICT DO NOTHING`;

/**
 * The first rows of some ranges: `$1` vaults, `$2` seq before the first, `$3` seq of the last of each, `$4` most rows, `$5` most bytes of
 * their texts. There is at least one row.
 */
export const ROWS = `
  SELECT vault_no, vault_id, seq, created_us, kind, writer_id, author, tags, content FROM (
    SELECT known.vault_no, part.place, ${CREATED_US} AS created_us, e.*,
      sum(octet_length(e.content)) OVER in_order - octet_length(e.content) AS bytes_before
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS part (vault_id, after, up_to, place)
    CROSS JOIN LATERAL (
      SELECT vault_no FROM search_vaults WHERE bucket = vault_bucket(part.vault_id) AND vault_id = part.vault_id OFFSET 0) AS known
    CROSS JOIN LATERAL (
      SELECT * FROM vault_entries
      WHERE bucket = vault_bucket(part.vault_id) AND vault_id = part.vault_id AND seq > part.after AND seq <= part.up_to
      ORDER BY seq LIMIT $4) AS e
    WINDOW in_order AS (ORDER BY part.place, e.seq ROWS UNBOUNDED PRECEDING)
    ORDER BY part.place, e.seq LIMIT $4) AS first
  WHERE bytes_before < $5::bigint
  ORDER BY place, seq`;

export const STORE = 'SELECT store_search_segment($1::json, $2::bytea, $3::bytea) AS stored';

/**
 * The oldest segments of the lowest level of a work session, `$1`, which has enough: `$2` of them, and at most `$3` bytes. A larger one
 * than half of that is left out, so that it does not block the others.
 */
export const MERGEABLE = `
  SELECT segment, level, rows, slot_bits, documents, postings FROM (
    SELECT *, min(level) OVER () AS lowest FROM (
      SELECT *, count(*) OVER (PARTITION BY level) AS peers, row_number() OVER in_order AS place,
        sum(octet_length(postings)) OVER in_order AS bytes
      FROM search_segments WHERE work_session_id = $1 AND octet_length(postings) <= $3::bigint / 2
      WINDOW in_order AS (PARTITION BY level ORDER BY segment)) AS ordered
    WHERE peers >= $2 AND place <= $2 AND bytes <= $3::bigint) AS mergeable
  WHERE level = lowest
  ORDER BY segment`;

export const VAULT_IDS = `SELECT vault_no, vault_id FROM search_vaults WHERE vault_no = ANY ($1::int[])`;

/** A segment of a work session, `$1`, that has lost its postings. */
export const LOST = `SELECT segment, level, documents FROM search_segments WHERE work_session_id = $1 AND postings IS NULL LIMIT 1`;

/**
 * The first rows by the numbers of their vaults, `$1`, and their seq, `$2`, with at most `$3` bytes of texts, as in `ROWS`. `place` is that
 * of the row, from 1.
 */
export const ROWS_AT = `
  SELECT place::int, vault_no, vault_id, seq, created_us, kind, writer_id, author, tags, content FROM (
    SELECT known.vault_no, wanted.place, ${CREATED_US} AS created_us, e.*,
      sum(octet_length(e.content)) OVER in_order - octet_length(e.content) AS bytes_before
    FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (vault_no, seq, place)
    CROSS JOIN LATERAL (SELECT * FROM search_vaults WHERE vault_no = wanted.vault_no OFFSET 0) AS known
    CROSS JOIN LATERAL (
      SELECT * FROM vault_entries WHERE bucket = known.bucket AND vault_id = known.vault_id AND seq = wanted.seq OFFSET 0) AS e
    WINDOW in_order AS (ORDER BY wanted.place ROWS UNBOUNDED PRECEDING)) AS first
  WHERE bytes_before < $3::bigint
  ORDER BY place`;

export const SIZE = `
  SELECT pg_total_relation_size('search_segments') + pg_total_relation_size('search_vaults') AS bytes`;

/** Whether the database refuses writes, as a standby does. */
export const READ_ONLY = `SELECT current_setting('transaction_read_only') = 'on' AS is`;
