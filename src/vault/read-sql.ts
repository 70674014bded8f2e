/**
 * The statements that show vaults: for callers, who read what `policy.ts` lets them, and from the same templates for
 * operators, who read all.
 */

/** Which vaults the statements that read are about. */
interface Access {
  /** Of one vault `v`: `$1` the vault, `$2` work session, `$3` client id. */
  canRead: string;
  /** All of them: `$1` work session, `$2` client id. */
  vaults: string;
}

const CALLER: Access = {
  canRead: `(v.work_session_id = $2 OR v.writer_list @> ARRAY[$3]::text[])`,
  // Two index scans; the second skips what the first found. Behind a SELECT the client id is unknown to the planner:
  // knowing how rare it is, PostgreSQL would plan anew for each list, which takes as long as the list.
  vaults: `
  SELECT * FROM vaults WHERE work_session_id = $1
  UNION ALL
  SELECT * FROM vaults WHERE writer_list @> ARRAY[(SELECT $2::text)] AND work_session_id <> $1`,
};

/** An operator has neither work session nor client id, and so reads every vault. */
const OPERATOR: Access = {
  canRead: `($2::text IS NULL AND $3::text IS NULL)`,
  vaults: `SELECT * FROM vaults WHERE $1::text IS NULL AND $2::text IS NULL`,
};

/**
 * Whether a text holds another, in upper or lower case. Lower case is most of the cost, and spared where the text that
 * is looked for has no case, as in Chinese. The Greek s has two small forms, which are one letter.
 */
function holds(text: string, parameter: string): string {
  const q = `${parameter}::text`;
  const oneSigma = (greek: string) => `translate(lower(${greek}), 'ς', 'σ')`;
  return `CASE
    WHEN lower(${q}) = upper(${q}) THEN strpos(${text}, ${q})
    WHEN strpos(${oneSigma(q)}, 'σ') > 0 THEN strpos(${oneSigma(text)}, ${oneSigma(q)})
    ELSE strpos(lower(${text}), lower(${q})) END > 0`;
}

/**
 * An entry on the wire, with its tags only where there are some: released clients know none. As text: PostgreSQL's
 * functions for JSON objects look up the type of each field for each entry, and set spaces between them.
 */
const ENTRY_JSON = `
  concat('{"seq":', seq, ',"entry_no":', entry_no, ',"version":', version, ',"kind":"', kind,
    '","writer_id":', to_json(writer_id), ',"content":', to_json(content), ',"created_at":"', wire_time(created_at),
    CASE WHEN tags <> '{}' THEN '","tags":' || to_json(tags) || '}' ELSE '"}' END)`;

/** `$6` text, `$7` writer, `$8` tag; null: any. */
const MATCHES = `
  ($6::text IS NULL OR ${holds('e.content', '$6')})
  AND ($7::text IS NULL OR e.writer_id = $7) AND ($8::text IS NULL OR $8 = ANY (e.tags))`;

/**
 * One row for a vault that the caller may read, none for another: its head, and its entries as one JSON text, made
 * where they lie. `$4` since, `$5` as of (null: now), `$9` position of the last row of the page before (-1: from the
 * start), `$10` how many (null: all), `$11` the kind of rows (null: both). The head of a view as of another moment is
 * the last row that it could show.
 */
const readable = ({ canRead }: Access, rows: string, position: string) => `
  SELECT coalesce(v.work_session_id <> $2, false) AS from_outside,
    CASE WHEN $5::bigint IS NULL THEN v.head_seq ELSE coalesce(moment.seq, 0) END AS head,
    encode(CASE WHEN $5::bigint IS NULL THEN v.head_hash ELSE coalesce(moment.hash, decode(repeat('00', 32), 'hex')) END, 'hex')
      AS head_hash,
    page.entries, page.last, page.more
  FROM vaults AS v
  LEFT JOIN LATERAL (
    SELECT seq, hash FROM vault_entries WHERE $5::bigint IS NOT NULL AND vault_id = v.vault_id AND seq <= $5::bigint
    ORDER BY seq DESC LIMIT 1
  ) AS moment ON true
  CROSS JOIN LATERAL (
    SELECT '[' || coalesce(string_agg(${ENTRY_JSON}, ',' ORDER BY place)
        FILTER (WHERE place <= coalesce($10::bigint, place)), '') || ']' AS entries,
      max(${position}) FILTER (WHERE place <= $10::bigint)::bigint AS last, count(*) > $10::bigint AS more
    FROM (
      SELECT e.*, row_number() OVER (ORDER BY e.${position}) AS place FROM (${rows}) AS e
      WHERE ${MATCHES} ORDER BY e.${position} LIMIT $10::bigint + 1
    ) AS e
  ) AS page
  WHERE v.vault_id = $1 AND ${canRead}`;

/** The newest of an entry's versions that a condition holds for, as JSON, of vault `v` and entry `n`. */
const newest = (condition: string) => `
  (SELECT ${ENTRY_JSON} FROM vault_entries WHERE vault_id = v.vault_id AND entry_no = n AND ${condition}
   ORDER BY version DESC LIMIT 1)`;

/**
 * How many versions below the average the first look for an entry's newest one begins. PostgreSQL takes in every
 * matching row of an index page, and 16 of them cost less than a second look.
 */
const BELOW_AVERAGE = 16;

const makeReads = (access: Access) => {
  const { canRead, vaults } = access;
  return {
    LIST: `
  SELECT vault_id, summary FROM (${vaults}) AS v ORDER BY created_at, vault_id`,

    /**
     * `$3` text, `$4` writer, `$5` tag, `$6` (µs since 1970) and `$7` time and id of the last vault of
     * the page before, `$8` how many; null: any. Text is looked for first and whether it still stands after that, which spares the step into the index for each
     * entry that does not hold it.
     */
    LIST_MATCHING: `
  SELECT vault_id, summary, wire_time(created_at) AS created_at, wire_time(changed_at) AS changed_at,
    next_entry_no - 1 AS entries, writer_list AS writers, head_seq AS head, summary_version,
    (extract(epoch FROM created_at) * 1000000)::bigint AS created_us
  FROM (${vaults}) AS v
  WHERE ($6::bigint IS NULL OR (v.created_at, v.vault_id) > ('epoch'::timestamptz + $6::bigint * interval '1 microsecond', $7::text))
    AND ($3::text IS NULL AND $5::text IS NULL OR ${holds('v.summary', '$3')} AND $5 IS NULL OR EXISTS (
      SELECT FROM vault_entries AS e
      WHERE e.vault_id = v.vault_id AND e.kind = 'content'
        AND ($3::text IS NULL OR ${holds('e.content', '$3')}) AND ($5 IS NULL OR $5 = ANY (e.tags))
        AND NOT EXISTS (
          SELECT FROM vault_entries AS later
          WHERE later.vault_id = e.vault_id AND later.entry_no = e.entry_no AND later.version > e.version)))
    AND ($4::text IS NULL OR EXISTS (
      SELECT FROM vault_entries AS e WHERE e.vault_id = v.vault_id AND e.kind = 'content' AND e.writer_id = $4))
  ORDER BY v.created_at, v.vault_id LIMIT $8::bigint`,

    /** Every version, by seq. */
    READ_HISTORY: readable(
      access,
      `SELECT * FROM vault_entries
   WHERE vault_id = v.vault_id AND seq > greatest($4::bigint, $9::bigint) AND seq <= coalesce($5::bigint, 9223372036854775807)
     AND ($11::text IS NULL OR kind = $11)`,
      'seq',
    ),

    /**
     * The current view as most ask for it, without options: `$1` the vault, `$2` work session, `$3` client id. With null
     * for each option PostgreSQL plans READ_CURRENT anew each time, which takes it a third of the time of a read of 50
     * entries. An entry's newest version is looked for around the average of the vault's first, then among all.
     */
    READ_WHOLE: `
  SELECT coalesce(v.work_session_id <> $2, false) AS from_outside, v.head_seq AS head,
    encode(v.head_hash, 'hex') AS head_hash,
    '[' || coalesce((
      SELECT string_agg(coalesce(
        ${newest(`version > v.versions / v.next_entry_no - ${BELOW_AVERAGE}`)},
        ${newest('true')}), ',' ORDER BY n)
      FROM generate_series(1, v.next_entry_no - 1) AS n), '') || ']' AS entries
  FROM vaults AS v WHERE v.vault_id = $1 AND ${canRead}`,

    /** One step into the unique index for each entry: the cost goes by entries, not by versions. */
    READ_CURRENT: readable(
      access,
      `SELECT top.* FROM generate_series(
     greatest(CASE WHEN $11::text = 'content' THEN 1 ELSE 0 END, $9::bigint + 1),
     CASE WHEN $11::text = 'summary' THEN 0 ELSE v.next_entry_no - 1 END) AS n (entry_no)
   CROSS JOIN LATERAL (
     SELECT * FROM vault_entries
     WHERE vault_id = v.vault_id AND entry_no = n.entry_no AND seq <= coalesce($5::bigint, 9223372036854775807)
     ORDER BY version DESC LIMIT 1
   ) AS top WHERE top.seq > $4::bigint`,
      'entry_no',
    ),

    /** A follower is near the head: the cost goes by the rows it has not seen. */
    READ_CURRENT_SINCE: readable(
      access,
      `SELECT DISTINCT ON (entry_no) * FROM vault_entries
   WHERE vault_id = v.vault_id AND seq > $4::bigint AND seq <= coalesce($5::bigint, 9223372036854775807) AND entry_no > $9::bigint
     AND ($11::text IS NULL OR kind = $11)
   ORDER BY entry_no, version DESC`,
      'entry_no',
    ),

    /** `$1` the vault, `$2` work session, `$3` client id. Writers by their last write, outside reads newest first. */
    READ_META: `
  SELECT v.vault_id, v.summary, v.summary_version, v.work_session_id, v.created_by,
    wire_time(v.created_at) AS created_at, wire_time(v.changed_at) AS changed_at, v.next_entry_no - 1 AS entries,
    v.versions, v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    (SELECT coalesce(json_agg(json_build_object('client_id', writer_id, 'writes', writes,
        'last_write_at', wire_time(last_write_at), 'in_writer_list', writer_id = ANY (v.writer_list))
        ORDER BY last_write_at DESC, writer_id), '[]')
      FROM (SELECT writer_id, count(*) AS writes, max(created_at) AS last_write_at FROM vault_entries
        WHERE vault_id = v.vault_id AND kind = 'content' GROUP BY writer_id) AS w) AS writers,
    (SELECT coalesce(json_agg(json_build_object('client_id', client_id, 'read_at', wire_time(read_at)) ORDER BY id DESC), '[]')
      FROM (SELECT * FROM vault_outside_reads WHERE vault_id = v.vault_id ORDER BY id DESC LIMIT 100) AS r)
      AS outside_reads
  FROM vaults AS v WHERE v.vault_id = $1 AND ${canRead}`,

    /** `$4` since, `$5` how many. `previous_hash` is what the first row's hash was made over. */
    READ_PROOF: `
  SELECT v.head_seq AS head, encode(v.head_hash, 'hex') AS head_hash, coalesce(v.work_session_id <> $2, false) AS from_outside,
    coalesce((SELECT encode(hash, 'hex') FROM vault_entries WHERE vault_id = v.vault_id AND seq <= $4::bigint
      ORDER BY seq DESC LIMIT 1), repeat('0', 64)) AS previous_hash,
    (SELECT coalesce(json_agg(json_build_object('seq', seq, 'entry_no', entry_no, 'version', version, 'kind', kind,
        'writer_id', writer_id, 'created_at', wire_time(created_at), 'tags', tags,
        'content_sha256', encode(sha256(convert_to(content, 'UTF8')), 'hex'), 'hash', encode(hash, 'hex'))
        ORDER BY seq), '[]')
      FROM (SELECT * FROM vault_entries WHERE vault_id = v.vault_id AND seq > $4 ORDER BY seq LIMIT $5::bigint) AS e) AS rows
  FROM vaults AS v WHERE v.vault_id = $1 AND ${canRead}`,
  };
};

/** The statements that read, for callers and for operators. */
export const READS = { caller: makeReads(CALLER), operator: makeReads(OPERATOR) };
