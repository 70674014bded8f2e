/**
 * The statements that read vaults. Callers read the vaults that `policy.ts` allows; operators read all. Both sets come
 * from the same templates.
 */

import { type Access, CALLER, holds, LIMITED, OPERATOR } from './access-sql.ts';
import { ENTRY_HISTORY } from './entry-history-sql.ts';
import { makeLists } from './list-sql.ts';
import { portion } from './portion-sql.ts';
import { readProof } from './proof-sql.ts';

/**
 * An entry on the wire. An entry without tags has no such field, because released clients do not know it. The JSON is
 * concatenated text, because PostgreSQL's functions for JSON objects look up the type of each field for each entry and
 * add spaces.
 */
const entryJson = (proven: string) => `
  concat('{"seq":', seq, ',"entry_no":', entry_no, ',"version":', version, ',"kind":', to_json(kind),
    ',"writer_id":', to_json(writer_id), ',"content":', to_json(content), ',"created_at":"', wire_time(created_at),
    CASE WHEN tags <> '{}' THEN '","tags":' || to_json(tags) ELSE '"' END${proven}, '}')`;

/** An entry of a view without options. */
export const PLAIN_ENTRY = entryJson('');

/** With `$17` also what the server proved about the writer, and the salt of the hash; rows of the first form have neither. */
const ENTRY_JSON = entryJson(`,
    CASE WHEN $17::boolean AND author IS NOT NULL
      THEN concat(',"author":', to_json(author), ',"salt":"', encode(salt, 'hex'), '"') END`);

/** The most JSON that an entry has beside its content: names, author and tags of their longest, each character escaped. */
const MAX_BYTES_AROUND_CONTENT = 5120;

/** The least: a name of one character, no tags. */
const LEAST_BYTES_AROUND_CONTENT = 120;

/** `$6` pattern of a text, `$7` writer, `$8` tag, `$11` kind, `$16` number of the entry, `$18` author; null: any. */
const MATCHES = `
  ($6::text[] IS NULL OR ${holds('e.content', '$6')})
  AND ($7::text IS NULL OR e.writer_id = $7) AND ($8::text IS NULL OR $8 = ANY (e.tags))
  AND ($11::text IS NULL OR e.kind = $11) AND ($16::bigint IS NULL OR e.entry_no = $16)
  AND ($18::text IS NULL OR e.author = $18)`;

/** A position before every seq and every entry number. */
export const BEFORE_ALL = -2_147_483_649;

/** The parts of a statement that read one view of a vault. */
interface View {
  /** Joins that the rows and the end need, besides the vault `v`. */
  from?: string;
  rows: string;
  /** `seq` or `entry_no`. */
  position: string;
  /** The position where the scan ended, if more rows may follow. */
  end: string;
  columns?: string;
}

/**
 * Returns one row for a readable vault, and none otherwise: the head and a portion of the entries. `$4` since,
 * `$5` as of (null: now), `$9` position of the last row before the portion (BEFORE_ALL: from the start), `$10` most rows,
 * `$12` most bytes, `$13` whether the answer has rows already, `$14` most rows to scan, `$15` most bytes of content to make
 * JSON of. In a view of the past, the head is the last row that the view could show. `next` is where the next portion
 * begins, null at the end. `ceiling` is an upper bound for the JSON of all rows of the vault.
 */
const readable = ({ canRead }: Access, view: View, measures = false) => `
  SELECT coalesce(v.work_session_id <> $2, false) AS from_outside,
    CASE WHEN $5::bigint IS NULL THEN v.head_seq ELSE coalesce(moment.seq, 0) END AS head,
    encode(CASE WHEN $5::bigint IS NULL THEN v.head_hash ELSE coalesce(moment.hash, decode(repeat('00', 32), 'hex')) END, 'hex')
      AS head_hash,
    page.json, page.rows, page.bytes, page.more,
    CASE WHEN page.more THEN coalesce(page.last, $9::bigint) ELSE ${view.end} END AS next,
    (v.bytes * 6 + (v.versions + v.summary_version) * ${MAX_BYTES_AROUND_CONTENT})::float8 AS ceiling${view.columns ?? ''}
  FROM vaults AS v
  LEFT JOIN LATERAL (
    SELECT seq, hash FROM vault_entries WHERE $5::bigint IS NOT NULL AND bucket = v.bucket AND vault_id = v.vault_id AND seq <= $5::bigint
    ORDER BY seq DESC LIMIT 1
  ) AS moment ON true
  ${view.from ?? ''}
  CROSS JOIN LATERAL (${portion(
    {
      rows: view.rows,
      where: MATCHES,
      order: `e.${view.position}`,
      json: ENTRY_JSON,
      weight: 'octet_length(e.content)',
      maxWeight: '$15::bigint',
      maxRows: '$10::bigint',
      maxBytes: '$12::bigint',
      begun: '$13::boolean',
      columns: `max(${view.position}) FILTER (WHERE fits)::bigint AS last`,
    },
    measures,
  )}) AS page
  WHERE v.bucket = vault_bucket($1) AND v.vault_id = $1 AND ${canRead}`;

/** Rows up to the moment `$5`; null: now. */
const UP_TO_MOMENT = `seq <= coalesce($5::bigint, 9223372036854775807)`;

/** The rows of a vault behind a position of its history. */
const HISTORY_ROWS = `vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > greatest($4::bigint, $9::bigint) AND ${UP_TO_MOMENT}`;

/** Every version, by seq. */
const HISTORY: View = {
  rows: `SELECT * FROM ${HISTORY_ROWS} ORDER BY seq LIMIT $14::bigint`,
  position: 'seq',
  end: `(SELECT seq FROM ${HISTORY_ROWS} ORDER BY seq OFFSET $14::bigint - 1 LIMIT 1)`,
};

/** An adopted vault may have any entry numbers. `greatest` and `least` ignore nulls. */
const LOWEST_ENTRY = `CASE WHEN $11::text = 'summary' THEN 0 WHEN v.irregular THEN -2147483648 WHEN $11::text = 'content' THEN 1 ELSE 0 END`;
const LAST_ENTRY = `least($16::bigint,
  CASE WHEN $11::text = 'summary' THEN 0 WHEN v.irregular THEN 2147483647 ELSE v.next_entry_no - 1 END)`;

/** The first entry after the position. The lookup skips unused numbers without cost. */
const FIRST_ENTRY = `
  LEFT JOIN LATERAL (
    SELECT entry_no FROM vault_entries
    WHERE bucket = v.bucket AND vault_id = v.vault_id AND entry_no >= greatest(${LOWEST_ENTRY}, $9::bigint + 1, $16::bigint) ORDER BY entry_no LIMIT 1
  ) AS first ON true`;
const LAST_LOOKED = 'first.entry_no + $14::bigint - 1';

/**
 * One lookup in the unique index per entry, so the cost depends on the entries, not on their versions. In an irregular
 * vault entry 0 may have versions of both kinds, and a version may follow a higher one.
 */
const CURRENT: View = {
  from: FIRST_ENTRY,
  rows: `SELECT top.* FROM generate_series(first.entry_no, least(${LAST_ENTRY}, ${LAST_LOOKED})) AS n (entry_no)
   CROSS JOIN LATERAL (
     SELECT * FROM vault_entries
     WHERE bucket = v.bucket AND vault_id = v.vault_id AND entry_no = n.entry_no AND ${UP_TO_MOMENT}
       AND (NOT v.irregular OR seq > $4::bigint AND ($11::text IS NULL OR kind = $11))
     ORDER BY version DESC LIMIT 1
   ) AS top WHERE top.seq > $4::bigint`,
  position: 'entry_no',
  end: `CASE WHEN ${LAST_LOOKED} < ${LAST_ENTRY} THEN ${LAST_LOOKED} END`,
};

const NEW_ROWS = `vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq > $4::bigint AND ${UP_TO_MOMENT} ORDER BY seq`;

/**
 * For followers near the head: the cost depends on the rows that they have not seen. `overflow`: there are more of these
 * than the statement may scan, so the caller must use CURRENT instead.
 */
const CURRENT_SINCE: View = {
  rows: `SELECT DISTINCT ON (entry_no) * FROM (SELECT * FROM ${NEW_ROWS} LIMIT $14::bigint) AS e
   WHERE entry_no > $9::bigint AND ($11::text IS NULL OR kind = $11) ORDER BY entry_no, version DESC`,
  position: 'entry_no',
  end: 'NULL',
  columns: `, EXISTS (SELECT FROM ${NEW_ROWS} OFFSET $14::bigint LIMIT 1) AS overflow`,
};

/** The newest version of entry `n` of vault `v` that meets a condition, as JSON. */
const newest = (condition: string) => `
  (SELECT ${PLAIN_ENTRY} FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND entry_no = n AND ${condition}
   ORDER BY version DESC LIMIT 1)`;

/**
 * The first lookup of an entry's newest version begins this many versions below the average. PostgreSQL reads every
 * matching row of an index page, and 16 of them cost less than a second lookup.
 */
const BELOW_AVERAGE = 16;

/** Most writers in the description of a vault, the last one to write first. */
export const MAX_WRITERS = 1000;

/** Authors that it names of one writer. */
export const MAX_AUTHORS = 10;

const makeReads = (access: Access) => {
  const { canRead } = access;
  return {
    ...makeLists(access),

    READ_HISTORY: readable(access, HISTORY),
    MEASURE_HISTORY: readable(access, HISTORY, true),
    READ_ENTRY_HISTORY: readable(access, ENTRY_HISTORY),
    MEASURE_ENTRY_HISTORY: readable(access, ENTRY_HISTORY, true),
    READ_CURRENT: readable(access, CURRENT),
    MEASURE_CURRENT: readable(access, CURRENT, true),
    READ_CURRENT_SINCE: readable(access, CURRENT_SINCE),

    /**
     * The current view without options, the most common read: `$1` the vault, `$2` work session, `$3` client id, `$4` most
     * rows, `$5` most bytes. With a null for each option, PostgreSQL would plan READ_CURRENT again for each read. That
     * takes a third of the time of a read of 50 entries. The lookup of an entry's newest version starts near the vault's
     * average, then covers all. `json` is null where the vault is irregular or exceeds a bound by its counts. A reader
     * compares the length with `$5` again, because escaped characters do not count.
     */
    READ_WHOLE: `
  SELECT coalesce(v.work_session_id <> $2, false) AS from_outside, v.head_seq AS head,
    encode(v.head_hash, 'hex') AS head_hash,
    CASE WHEN v.bytes + v.next_entry_no::bigint * ${LEAST_BYTES_AROUND_CONTENT} <= $5::bigint AND v.next_entry_no - 1 <= $4::bigint AND NOT v.irregular THEN coalesce((
      SELECT string_agg(coalesce(
        ${newest(`version > v.versions / v.next_entry_no - ${BELOW_AVERAGE}`)},
        ${newest('true')}), ',' ORDER BY n)
      FROM generate_series(1, v.next_entry_no - 1) AS n), '') END AS json
  FROM vaults AS v WHERE v.bucket = vault_bucket($1) AND v.vault_id = $1 AND ${canRead}`,

    /** `$1` the vault, `$2` work session, `$3` client id. Writers by their last write, outside reads newest first. */
    READ_META: `
  SELECT v.vault_id, v.summary, v.summary_version, v.work_session_id, v.created_by,
    (SELECT author FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id ORDER BY seq LIMIT 1) AS author,
    wire_time(v.created_at) AS created_at, wire_time(v.changed_at) AS changed_at, v.next_entry_no - 1 - v.gaps AS entries,
    v.versions, v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    w.writers, w.writer_count,
    (SELECT coalesce(json_agg(json_build_object('client_id', client_id, 'read_at', wire_time(read_at)) ORDER BY id DESC), '[]')
      FROM (SELECT * FROM vault_outside_reads WHERE bucket = v.bucket AND vault_id = v.vault_id ORDER BY id DESC LIMIT 100) AS r)
      AS outside_reads
  FROM vaults AS v
  CROSS JOIN LATERAL (
    SELECT coalesce(max(writer_count), 0)::int AS writer_count,
      coalesce(json_agg(json_build_object('client_id', writer_id, 'writes', writes,
        'last_write_at', wire_time(last_write_at), 'authors', coalesce(authors[:${MAX_AUTHORS}], '{}'), 'in_writer_list', EXISTS (
          SELECT FROM vault_writers AS o WHERE o.bucket = v.bucket AND o.vault_id = v.vault_id AND o.client_id = w.writer_id))
        ORDER BY last_write_at DESC, writer_id COLLATE "C"), '[]') AS writers
    FROM (
      SELECT writer_id, count(*) AS writes, max(created_at) AS last_write_at, count(*) OVER () AS writer_count,
        array_agg(DISTINCT author) FILTER (WHERE author IS NOT NULL) AS authors
      FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND kind = 'content'
      GROUP BY writer_id ORDER BY last_write_at DESC, writer_id COLLATE "C" LIMIT ${MAX_WRITERS}
    ) AS w
  ) AS w
  WHERE v.bucket = vault_bucket($1) AND v.vault_id = $1 AND ${canRead}`,

    READ_PROOF: readProof(access),
  };
};

/** The statements that read, for callers and for operators. */
export const READS = { caller: makeReads(CALLER), operator: makeReads(OPERATOR) };

/** The statements that list the vaults of a caller who is limited to some: `$2` is their list. */
export const LIMITED_LISTS = makeLists(LIMITED);
