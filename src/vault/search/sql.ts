import { mayHold } from '../read/access-sql.ts';
import { COUNT, CREATED_US, ORDER_TIME } from './index/sql.ts';

/** A time in µs since 1970. `SELECT` makes it a constant of the statement. */
const timeOf = (us: string) => `(SELECT 'epoch'::timestamptz + ${us}::bigint * interval '1 microsecond')`;

/**
 * A value that the planner does not know. Knowing which filters are null, and how long a list is, PostgreSQL would plan each search, which
 * takes longer than the search.
 */
const hidden = (value: string) => `(SELECT ${value})`;

/** The vaults `v` that a search may look at: `$1` the work session, `$2` a list of vaults; null: all. */
const searchable = (workSession: string) =>
  `v.work_session_id = ${workSession} AND (${hidden('$2::text[] IS NULL')} OR v.vault_id = ANY (${hidden('$2::text[]')}::text[]))`;
const SEARCHABLE = searchable('$1');

/** `$3` writer, `$4` author, `$5` tag, `$6` kind, `$7` the first µs, `$8` the first µs after; null: any. */
const FITS = `
  (${hidden('$3::text IS NULL')} OR e.writer_id = ${hidden('$3')})
  AND (${hidden('$4::text IS NULL')} OR e.author = ${hidden('$4')})
  AND (${hidden('$5::text IS NULL')} OR ${hidden('$5')} = ANY (e.tags))
  AND (${hidden('$6::text IS NULL')} OR e.kind = ${hidden('$6')})
  AND (${hidden('$7::bigint IS NULL')} OR e.created_at >= ${timeOf('$7')})
  AND (${hidden('$8::bigint IS NULL')} OR e.created_at < ${timeOf('$8')})`;

/**
 * Whether a row was current at the moment of the plan. Otherwise a search misses an entry that is overridden meanwhile: it finds the new
 * version no more, and the old one no longer.
 * @param head the last `seq` of the vault at that moment
 */
const wasCurrent = (head: string) => `
  NOT EXISTS (
    SELECT FROM vault_entries AS later
    WHERE later.bucket = e.bucket AND later.vault_id = e.vault_id AND later.entry_no = e.entry_no AND later.kind = e.kind
      AND later.version > e.version AND later.seq <= ${head})`;

/** After every time that a row may have. */
const LATER = '9223372036854775807';

/** The last µs of a plan, which is not before those that `CREATED_US` has. */
const LAST = hidden(`greatest(coalesce($4::bigint, ${LATER}), -${Number.MAX_SAFE_INTEGER})`);

const MADE = `
  coalesce((SELECT max(segment) FROM search_segments WHERE work_session_id = ${hidden('$1::text')}), 0) AS newest,
  (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us`;

/**
 * All that a search looks at, at one moment: the rows that no segment has, which are scanned, and the segments. `$3` the first µs,
 * `$4` the last µs; null: any. `rows` is the number of rows; a range may have fewer. `below` is the number of rows of a segment up to
 * the last µs, `newest` the last segment that was made, and `now_us` the time.
 */
export const PLAN = `
  SELECT v.vault_id, coalesce(known.indexed_seq, 0) AS after, v.head_seq AS up_to,
    NULL::bigint AS segment, ${COUNT}::int AS rows, NULL::bigint AS last_us, NULL::int AS below, ${MADE}
  FROM vaults AS v
  LEFT JOIN search_vaults AS known ON known.bucket = v.bucket AND known.vault_id = v.vault_id
  WHERE ${searchable(hidden('$1::text'))} AND v.head_seq > coalesce(known.indexed_seq, 0)
  UNION ALL
  SELECT NULL, NULL, NULL, s.segment, s.rows, s.last_us,
    CASE WHEN s.last_us <= ${LAST} THEN s.rows ELSE search_position(s.documents, ${LAST}) END, ${MADE}
  FROM search_segments AS s
  WHERE s.work_session_id = ${hidden('$1::text')} AND s.last_us >= ${hidden(`coalesce($3::bigint, -${LATER})`)} AND s.first_us <= ${LAST}`;

const byteOf = (n: number) => `get_byte(head, ${n})::bigint << ${24 - 8 * (n % 4)}`;
const numberOf = (first: number) => [0, 1, 2, 3].map((n) => `(${byteOf(first + n)})`).join(' | ');

/**
 * The slots of some hashes in some segments: `$1` work session, `$2` the segments, `$3` the hashes, of which the first `$5` are always taken,
 * `$4` bytes of the others of each segment, of which the smallest slots are taken first. There is at least one of these of each. `place` is that
 * of the hash, from 1. `bytes` is null in a segment that has lost its postings.
 */
export const SLOTS = `
  SELECT segment, slot_bits, place::int, substr(postings, start::int + 1, (stop - start)::int) AS bytes
  FROM (
    SELECT s.segment, s.slot_bits, s.postings, wanted.place, start, stop,
      sum(stop - start) OVER (
        PARTITION BY s.segment, wanted.place <= $5::int ORDER BY stop - start, wanted.place ROWS UNBOUNDED PRECEDING) - (stop - start) AS before
    FROM unnest(${hidden('$2::bigint[]')}) AS asked (segment)
    JOIN search_segments AS s ON s.segment = asked.segment AND s.work_session_id = $1
    CROSS JOIN unnest(${hidden('$3::bigint[]')}) WITH ORDINALITY AS wanted (hash, place)
    CROSS JOIN LATERAL (
      SELECT substr(s.postings, (wanted.hash >> (32 - s.slot_bits))::int * 4 + 1, 8) AS head OFFSET 0) AS slot
    CROSS JOIN LATERAL (SELECT ${numberOf(0)} AS start, ${numberOf(4)} AS stop OFFSET 0) AS bounds) AS sized
  WHERE place <= $5::int OR (before < $4::bigint) IS NOT FALSE`;

/**
 * The places of the newest rows of some ranges that fit: `$9` whether all versions fit, `$10` to `$12` vault, `seq` before
 * the first row and `seq` of the last row of each range, `$13` to `$15` patterns that a text may have, which the server checks, `$16` to `$18` the place before the first (null:
 * from the start), `$19` most places, `$20` the head of the vault of each range.
 */
export const SCAN = `
  SELECT e.vault_id, e.seq, ${CREATED_US} AS created_us
  FROM unnest(${['$10::text[]', '$11::bigint[]', '$12::bigint[]', '$20::bigint[]'].map(hidden).join(', ')}) AS part (vault_id, after, up_to, head)
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(part.vault_id) AND vault_id = part.vault_id OFFSET 0) AS v
  CROSS JOIN LATERAL (
    SELECT * FROM vault_entries
    WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > part.after AND seq <= part.up_to OFFSET 0) AS e
  WHERE ${SEARCHABLE} AND ${FITS}
    AND (${hidden('$16::bigint IS NULL')} OR ${ORDER_TIME} <= ${timeOf('$16')}
      AND (${ORDER_TIME}, e.vault_id COLLATE "C", e.seq) < (${timeOf('$16')}, $17::text, $18::bigint))
    ${['$13', '$14', '$15'].map((pattern) => `AND (${hidden(`${pattern}::text[] IS NULL`)} OR ${mayHold('e.content', hidden(pattern))})`).join('\n    ')}
    AND (${hidden('$9::boolean')} OR ${wasCurrent('part.head')})
  ORDER BY ${ORDER_TIME} DESC, e.vault_id COLLATE "C" DESC, e.seq DESC LIMIT ${hidden('$19::bigint')}`;

/**
 * Cuts a range of rows whose numbers have holes: `$1` vault, `$2` `seq` before the first row, `$3` `seq` of the last row, `$4` rows of a part.
 * Returns the last `seq` of each part but the last one.
 */
export const CUTS = `
  SELECT seq FROM (
    SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM vault_entries
    WHERE bucket = vault_bucket($1) AND vault_id = $1 AND seq > $2::bigint AND seq <= $3::bigint) AS numbered
  WHERE place % $4::bigint = 0 AND seq < $3::bigint
  ORDER BY seq`;

const HAS_ROOM =
  '(row_number() OVER in_order = 1 OR sum(octet_length(e.content) + octet_length(v.summary)) OVER in_order <= $12::bigint)';

/**
 * The rows at some places, in their order, that fit. `content` and `summary` are null where all would have more than `$12` bytes.
 * The first row always has them.
 * @param wanted a query for vault, seq, head of the vault and place
 */
const fetched = (wanted: string) => `
  SELECT wanted.place::int, e.vault_id, CASE WHEN ${HAS_ROOM} THEN v.summary END AS summary, e.entry_no, e.version,
    now_current.is AS current, e.kind, e.seq, e.writer_id, e.author, wire_time(e.created_at) AS created_at,
    ${CREATED_US} AS created_us, e.tags, CASE WHEN ${HAS_ROOM} THEN e.content END AS content
  FROM (${wanted}) AS wanted
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(wanted.vault_id) AND vault_id = wanted.vault_id OFFSET 0) AS v
  CROSS JOIN LATERAL (
    SELECT * FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq = wanted.seq OFFSET 0) AS e
  CROSS JOIN LATERAL (SELECT ${wasCurrent('wanted.head')} AS is OFFSET 0) AS now_current
  WHERE ${SEARCHABLE} AND ${FITS} AND ($9::boolean OR now_current.is)
  WINDOW in_order AS (ORDER BY wanted.place ROWS UNBOUNDED PRECEDING)`;

/** Rows by their places: `$9` whether all versions fit, `$10` and `$11` vault and seq of each, `$12` most bytes, `$13` the heads of the vaults. */
export const FETCH = `
  ${fetched('SELECT * FROM unnest($10::text[], $11::bigint[], $13::bigint[]) WITH ORDINALITY AS given (vault_id, seq, head, place)')}
  ORDER BY place`;

/** So long a write may take, in µs, between the time of its row and its end. */
export const LONGEST_WRITE_US = 60_000_000;

/** The rows at some positions of segments. `indexed`: no segment lacked a row of the vault at the moment of the plan. */
const AT_POSITIONS = `
    SELECT known.vault_id, ('x' || encode(substr(document, 5, 8), 'hex'))::bit(64)::bigint AS seq,
      coalesce(scanned.head, known.indexed_seq) AS head, scanned.head IS NULL AS indexed, given.place
    FROM unnest($10::bigint[], $11::int[]) WITH ORDINALITY AS given (segment, position, place)
    CROSS JOIN LATERAL (
      SELECT substr(documents, given.position * 20 + 1, 12) AS document FROM search_segments
      WHERE segment = given.segment AND work_session_id = $1 OFFSET 0) AS cut
    CROSS JOIN LATERAL (
      SELECT vault_id, indexed_seq FROM search_vaults
      WHERE vault_no = ('x' || encode(substr(document, 1, 4), 'hex'))::bit(32)::int OFFSET 0) AS known
    LEFT JOIN unnest($13::text[], $14::bigint[]) AS scanned (vault_id, head) ON scanned.vault_id = known.vault_id`;

/**
 * Rows of segments: `$9` whether all versions fit, `$10` and `$11` segment and position of each, `$12` most bytes, `$13` and `$14` the vaults
 * with rows to scan and their heads, `$15` and `$16` the last segment that was made and the time of the plan. The first row says in `gone`
 * whether the plan must be made again: a segment has vanished, or one was made of writes since, and a row is in a vault that changed since,
 * so that `indexed_seq` may not be the head of that vault at the moment of the plan.
 */
export const FETCH_POSITIONS = `
  SELECT present.segments < (SELECT count(DISTINCT segment) FROM unnest($10::bigint[]) AS asked (segment))
    OR (NOT $9::boolean AND EXISTS (
      SELECT FROM search_segments
      WHERE work_session_id = $1 AND segment > $15::bigint AND last_us >= $16::bigint - ${LONGEST_WRITE_US})
    AND EXISTS (
      SELECT FROM (${AT_POSITIONS}) AS asked
      CROSS JOIN LATERAL (
        SELECT changed_at FROM vaults WHERE bucket = vault_bucket(asked.vault_id) AND vault_id = asked.vault_id OFFSET 0) AS v
      WHERE asked.indexed AND v.changed_at >= ${timeOf(`($16::bigint - ${LONGEST_WRITE_US})`)})) AS gone, row.*
  FROM (SELECT count(*) AS segments FROM search_segments WHERE segment = ANY ($10::bigint[]) AND work_session_id = $1) AS present
  LEFT JOIN LATERAL (${fetched(AT_POSITIONS)}) AS row ON true
  ORDER BY row.place`;
