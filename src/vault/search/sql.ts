import { holds } from '../read/access-sql.ts';

/** A time in µs since 1970. `SELECT` makes it a constant of the statement. */
const timeOf = (us: string) => `(SELECT 'epoch'::timestamptz + ${us}::bigint * interval '1 microsecond')`;

/** The vaults `v` that a search may look at: `$1` the work session, `$2` a list of vaults; null: all. */
const SEARCHABLE = `v.work_session_id = $1 AND ($2::text[] IS NULL OR v.vault_id = ANY ($2))`;

/** `$3` writer, `$4` author, `$5` tag, `$6` kind, `$7` the first µs, `$8` the first µs after; null: any. */
const FITS = `
  ($3::text IS NULL OR e.writer_id = $3) AND ($4::text IS NULL OR e.author = $4) AND ($5::text IS NULL OR $5 = ANY (e.tags))
  AND ($6::text IS NULL OR e.kind = $6)
  AND ($7::bigint IS NULL OR e.created_at >= ${timeOf('$7')}) AND ($8::bigint IS NULL OR e.created_at < ${timeOf('$8')})`;

const IS_CURRENT = `
  NOT EXISTS (
    SELECT FROM vault_entries AS later
    WHERE later.bucket = e.bucket AND later.vault_id = e.vault_id AND later.entry_no = e.entry_no AND later.kind = e.kind
      AND later.version > e.version)`;

const CREATED_US = `(extract(epoch FROM e.created_at) * 1000000)::bigint`;

/** The ranges of rows that a search scans. `$3` the first µs: vaults without a row since then are left out. */
export const PLAN = `
  SELECT v.vault_id, 0::bigint AS after, v.head_seq AS up_to
  FROM vaults AS v
  WHERE ${SEARCHABLE} AND v.head_seq > 0 AND ($3::bigint IS NULL OR v.changed_at >= ${timeOf('$3')})`;

/**
 * The places of the newest rows of some ranges that fit: `$9` whether all versions fit, `$10` to `$12` vault, `seq` before
 * the first row and `seq` of the last row of each range, `$13` to `$15` patterns of texts, `$16` to `$18` the place before the first (null:
 * from the start), `$19` most places.
 */
export const SCAN = `
  SELECT e.vault_id, e.seq, ${CREATED_US} AS created_us
  FROM unnest($10::text[], $11::bigint[], $12::bigint[]) AS part (vault_id, after, up_to)
  JOIN vaults AS v ON v.bucket = vault_bucket(part.vault_id) AND v.vault_id = part.vault_id
  CROSS JOIN LATERAL (
    SELECT * FROM vault_entries
    WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > part.after AND seq <= part.up_to OFFSET 0) AS e
  WHERE ${SEARCHABLE} AND ${FITS}
    AND ($16::bigint IS NULL OR e.created_at <= ${timeOf('$16')}
      AND (e.created_at, e.vault_id COLLATE "C", e.seq) < (${timeOf('$16')}, $17::text, $18::bigint))
    ${['$13', '$14', '$15'].map((pattern) => `AND (${pattern}::text[] IS NULL OR ${holds('e.content', pattern)})`).join('\n    ')}
    AND ($9::boolean OR ${IS_CURRENT})
  ORDER BY e.created_at DESC, e.vault_id COLLATE "C" DESC, e.seq DESC LIMIT $19::bigint`;

/**
 * The rows at some places, in their order, as far as they fit: `$9` whether all versions fit, `$10` and `$11` vault and seq of each, `$12` most
 * bytes of content. `content` is null where it exceeds that. The first row always has it.
 */
export const FETCH = `
  SELECT place::int, e.vault_id, v.summary, e.entry_no, e.version, now_current.is AS current, e.kind, e.seq, e.writer_id,
    e.author, wire_time(e.created_at) AS created_at, ${CREATED_US} AS created_us, e.tags,
    CASE WHEN row_number() OVER in_order = 1 OR sum(octet_length(e.content)) OVER in_order <= $12::bigint THEN e.content END AS content
  FROM unnest($10::text[], $11::bigint[]) WITH ORDINALITY AS wanted (vault_id, seq, place)
  JOIN vaults AS v ON v.bucket = vault_bucket(wanted.vault_id) AND v.vault_id = wanted.vault_id
  CROSS JOIN LATERAL (
    SELECT * FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq = wanted.seq OFFSET 0) AS e
  CROSS JOIN LATERAL (SELECT ${IS_CURRENT} AS is OFFSET 0) AS now_current
  WHERE ${SEARCHABLE} AND ${FITS} AND ($9::boolean OR now_current.is)
  WINDOW in_order AS (ORDER BY place ROWS UNBOUNDED PRECEDING)
  ORDER BY place`;
