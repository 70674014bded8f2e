/**
 * The statements that show vaults: for callers, who read what `policy.ts` lets them, and from the same templates for
 * operators, who read all.
 */

import { type Access, CALLER, holds, OPERATOR } from './access-sql.ts';
import { ENTRY_HISTORY } from './entry-history-sql.ts';
import { makeLists } from './list-sql.ts';
import { PORTION_BYTES, PORTION_ROWS, portion } from './portion-sql.ts';

/**
 * An entry on the wire, with its tags only where there are some: released clients know none. As text: PostgreSQL's
 * functions for JSON objects look up the type of each field for each entry, and set spaces between them.
 */
const ENTRY_JSON = `
  concat('{"seq":', seq, ',"entry_no":', entry_no, ',"version":', version, ',"kind":', to_json(kind),
    ',"writer_id":', to_json(writer_id), ',"content":', to_json(content), ',"created_at":"', wire_time(created_at),
    CASE WHEN tags <> '{}' THEN '","tags":' || to_json(tags) || '}' ELSE '"}' END)`;

/** The most JSON that an entry has beside its content: names and tags of their longest, each character escaped. */
const MAX_BYTES_AROUND_CONTENT = 4608;

/** `$6` pattern of a text, `$7` writer, `$8` tag, `$11` kind, `$16` number of the entry; null: any. */
const MATCHES = `
  ($6::text[] IS NULL OR ${holds('e.content', '$6')})
  AND ($7::text IS NULL OR e.writer_id = $7) AND ($8::text IS NULL OR $8 = ANY (e.tags))
  AND ($11::text IS NULL OR e.kind = $11) AND ($16::bigint IS NULL OR e.entry_no = $16)`;

/** A position before every seq, and before every number of an entry. */
export const BEFORE_ALL = -2_147_483_649;

/** Of the rows of a vault. */
interface View {
  /** What the rows and the end are looked for by, beside the vault `v`. */
  from?: string;
  rows: string;
  /** `seq` or `entry_no`. */
  position: string;
  /** Where the rows that were looked through end, if there may be others behind them. */
  end: string;
  columns?: string;
}

/**
 * One row for a vault that the caller may read, none for another: its head, and a portion of its entries. `$4` since,
 * `$5` as of (null: now), `$9` position of the last row before the portion (BEFORE_ALL: from the start), `$10` how many rows,
 * `$12` how many bytes, `$13` whether the answer has rows already, `$14` how many rows to look through, `$15` how many bytes
 * of content to make JSON of. The head of a
 * view as of another moment is the last row that it could show. `next` is where the next portion begins, null at the
 * end; `ceiling` is more than the JSON of all rows of the vault can have.
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
    SELECT seq, hash FROM vault_entries WHERE $5::bigint IS NOT NULL AND vault_id = v.vault_id AND seq <= $5::bigint
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
  WHERE v.vault_id = $1 AND ${canRead}`;

/** Rows up to the moment `$5`; null: now. */
const UP_TO_MOMENT = `seq <= coalesce($5::bigint, 9223372036854775807)`;

/** The rows of a vault behind a position of its history. */
const HISTORY_ROWS = `vault_entries WHERE vault_id = v.vault_id AND seq > greatest($4::bigint, $9::bigint) AND ${UP_TO_MOMENT}`;

/** Every version, by seq. */
const HISTORY: View = {
  rows: `SELECT * FROM ${HISTORY_ROWS} ORDER BY seq LIMIT $14::bigint`,
  position: 'seq',
  end: `(SELECT seq FROM ${HISTORY_ROWS} ORDER BY seq OFFSET $14::bigint - 1 LIMIT 1)`,
};

/** An adopted vault may have entries of any number. `greatest` and `least` leave a null out. */
const LOWEST_ENTRY = `CASE WHEN $11::text = 'summary' THEN 0 WHEN v.irregular THEN -2147483648 WHEN $11::text = 'content' THEN 1 ELSE 0 END`;
const LAST_ENTRY = `least($16::bigint,
  CASE WHEN $11::text = 'summary' THEN 0 WHEN v.irregular THEN 2147483647 ELSE v.next_entry_no - 1 END)`;

/** The first entry behind the position: numbers that no entry has cost nothing, however many there are. */
const FIRST_ENTRY = `
  LEFT JOIN LATERAL (
    SELECT entry_no FROM vault_entries
    WHERE vault_id = v.vault_id AND entry_no >= greatest(${LOWEST_ENTRY}, $9::bigint + 1, $16::bigint) ORDER BY entry_no LIMIT 1
  ) AS first ON true`;
const LAST_LOOKED = 'first.entry_no + $14::bigint - 1';

/**
 * One step into the unique index for each entry: the cost goes by entries, not by versions. In an irregular vault entry
 * 0 may have versions of both kinds, and a version may follow a higher one.
 */
const CURRENT: View = {
  from: FIRST_ENTRY,
  rows: `SELECT top.* FROM generate_series(first.entry_no, least(${LAST_ENTRY}, ${LAST_LOOKED})) AS n (entry_no)
   CROSS JOIN LATERAL (
     SELECT * FROM vault_entries
     WHERE vault_id = v.vault_id AND entry_no = n.entry_no AND ${UP_TO_MOMENT}
       AND (NOT v.irregular OR seq > $4::bigint AND ($11::text IS NULL OR kind = $11))
     ORDER BY version DESC LIMIT 1
   ) AS top WHERE top.seq > $4::bigint`,
  position: 'entry_no',
  end: `CASE WHEN ${LAST_LOOKED} < ${LAST_ENTRY} THEN ${LAST_LOOKED} END`,
};

const NEW_ROWS = `vault_entries WHERE vault_id = v.vault_id AND seq > $4::bigint AND ${UP_TO_MOMENT} ORDER BY seq`;

/**
 * A follower is near the head: the cost goes by the rows it has not seen. `overflow`: those are more than the rows to
 * look through, and CURRENT is to be asked instead.
 */
const CURRENT_SINCE: View = {
  rows: `SELECT DISTINCT ON (entry_no) * FROM (SELECT * FROM ${NEW_ROWS} LIMIT $14::bigint) AS e
   WHERE entry_no > $9::bigint AND ($11::text IS NULL OR kind = $11) ORDER BY entry_no, version DESC`,
  position: 'entry_no',
  end: 'NULL',
  columns: `, EXISTS (SELECT FROM ${NEW_ROWS} OFFSET $14::bigint LIMIT 1) AS overflow`,
};

/** The newest of an entry's versions that a condition holds for, as JSON, of vault `v` and entry `n`. */
const newest = (condition: string) => `
  (SELECT ${ENTRY_JSON} FROM vault_entries WHERE vault_id = v.vault_id AND entry_no = n AND ${condition}
   ORDER BY version DESC LIMIT 1)`;

/**
 * How many versions below the average the first look for an entry's newest one begins. PostgreSQL takes in every
 * matching row of an index page, and 16 of them cost less than a second look.
 */
const BELOW_AVERAGE = 16;

/** Writers that a description of a vault names, the last one to write first. */
export const MAX_WRITERS = 1000;

/** Bytes of content that one proof makes hashes of, unless its first row alone has more. */
const PROOF_CONTENT_BYTES = 16_777_216;

const PROOF_ROW = `
  json_build_object('seq', seq, 'entry_no', entry_no, 'version', version, 'kind', kind, 'writer_id', writer_id,
    'created_at', wire_time(created_at), 'tags', tags,
    'content_sha256', encode(sha256(convert_to(content, 'UTF8')), 'hex'), 'hash', encode(hash, 'hex'))::text`;

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
     * The current view as most ask for it, without options: `$1` the vault, `$2` work session, `$3` client id. With null
     * for each option PostgreSQL plans READ_CURRENT anew each time, which takes it a third of the time of a read of 50
     * entries. An entry's newest version is looked for around the average of the vault's first, then among all.
     * `json` is null where the vault may hold more than a portion, or entries of any number.
     */
    READ_WHOLE: `
  SELECT coalesce(v.work_session_id <> $2, false) AS from_outside, v.head_seq AS head,
    encode(v.head_hash, 'hex') AS head_hash,
    CASE WHEN v.bytes <= ${PORTION_BYTES} AND v.next_entry_no <= ${PORTION_ROWS} AND NOT v.irregular THEN coalesce((
      SELECT string_agg(coalesce(
        ${newest(`version > v.versions / v.next_entry_no - ${BELOW_AVERAGE}`)},
        ${newest('true')}), ',' ORDER BY n)
      FROM generate_series(1, v.next_entry_no - 1) AS n), '') END AS json
  FROM vaults AS v WHERE v.vault_id = $1 AND ${canRead}`,

    /** `$1` the vault, `$2` work session, `$3` client id. Writers by their last write, outside reads newest first. */
    READ_META: `
  SELECT v.vault_id, v.summary, v.summary_version, v.work_session_id, v.created_by,
    wire_time(v.created_at) AS created_at, wire_time(v.changed_at) AS changed_at, v.next_entry_no - 1 - v.gaps AS entries,
    v.versions, v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    w.writers, w.writer_count,
    (SELECT coalesce(json_agg(json_build_object('client_id', client_id, 'read_at', wire_time(read_at)) ORDER BY id DESC), '[]')
      FROM (SELECT * FROM vault_outside_reads WHERE vault_id = v.vault_id ORDER BY id DESC LIMIT 100) AS r)
      AS outside_reads
  FROM vaults AS v
  CROSS JOIN LATERAL (
    SELECT coalesce(max(writer_count), 0)::int AS writer_count,
      coalesce(json_agg(json_build_object('client_id', writer_id, 'writes', writes,
        'last_write_at', wire_time(last_write_at), 'in_writer_list', EXISTS (
          SELECT FROM vault_writers AS o WHERE o.vault_id = v.vault_id AND o.client_id = w.writer_id))
        ORDER BY last_write_at DESC, writer_id COLLATE "C"), '[]') AS writers
    FROM (
      SELECT writer_id, count(*) AS writes, max(created_at) AS last_write_at, count(*) OVER () AS writer_count
      FROM vault_entries WHERE vault_id = v.vault_id AND kind = 'content'
      GROUP BY writer_id ORDER BY last_write_at DESC, writer_id COLLATE "C" LIMIT ${MAX_WRITERS}
    ) AS w
  ) AS w
  WHERE v.vault_id = $1 AND ${canRead}`,

    /**
     * `$4` since, `$5` how many rows, `$6` how many bytes. `previous_hash` is what the first row's hash was made over.
     */
    READ_PROOF: `
  SELECT v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    coalesce((SELECT encode(hash, 'hex') FROM vault_entries WHERE vault_id = v.vault_id AND seq <= $4::bigint
      ORDER BY seq DESC LIMIT 1), repeat('0', 64)) AS previous_hash, page.json
  FROM vaults AS v
  CROSS JOIN LATERAL (${portion(
    {
      rows: `SELECT * FROM vault_entries WHERE vault_id = v.vault_id AND seq > $4::bigint ORDER BY seq LIMIT $5::bigint + 1`,
      where: 'true',
      order: 'e.seq',
      json: PROOF_ROW,
      weight: 'octet_length(e.content)',
      maxWeight: String(PROOF_CONTENT_BYTES),
      maxRows: '$5::bigint',
      maxBytes: '$6::bigint',
      begun: 'false',
      columns: 'max(seq) AS last',
    },
    false,
  )}) AS page
  WHERE v.vault_id = $1 AND ${canRead}`,
  };
};

/** The statements that read, for callers and for operators. */
export const READS = { caller: makeReads(CALLER), operator: makeReads(OPERATOR) };
