/**
 * The statements of the vault store. `$1` is the vault, `$2` the caller's work session, `$3` its
 * client id, unless a statement says otherwise. `policy.ts` states the same predicates in TypeScript;
 * a test holds the two together.
 */

const CAN_READ = `(v.work_session_id = $2 OR v.writer_list @> ARRAY[$3]::text[])`;

/** RFC 3339 in UTC, to the microsecond that the database keeps. */
const CREATED_AT = `to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at`;

const ENTRY = `e.seq, e.entry_no, e.version, e.kind, e.writer_id, e.content, ${CREATED_AT}`;

/** The writer joins the list in the write's own statement, and once. */
const WITH_WRITER = `
  writer_list = CASE WHEN $3 = ANY (v.writer_list) THEN v.writer_list ELSE array_append(v.writer_list, $3) END`;

/** `$1` a fresh id, `$2` summary, `$3` work session, `$4` creator. No row: the id is taken. */
export const CREATE = `
  INSERT INTO vaults (vault_id, summary, work_session_id, created_by, created_at)
  VALUES ($1, $2, $3, $4, clock_timestamp())
  ON CONFLICT (vault_id) DO NOTHING
  RETURNING vault_id`;

/** `$1` work session, `$2` client id. Two index scans; the second skips what the first found. */
export const LIST = `
  SELECT vault_id, summary FROM (
    SELECT vault_id, summary, created_at FROM vaults WHERE work_session_id = $1
    UNION ALL
    SELECT vault_id, summary, created_at FROM vaults WHERE writer_list @> ARRAY[$2]::text[] AND work_session_id <> $1
  ) AS readable
  ORDER BY created_at, vault_id`;

/**
 * The UPDATE locks the vault's row until the commit, and the seq is drawn after it: within one
 * vault, seq order is commit order, so that a follower of `since` never misses a row.
 */
export const APPEND = `
  WITH vault AS (
    UPDATE vaults AS v SET next_entry_no = v.next_entry_no + 1, ${WITH_WRITER}
    WHERE v.vault_id = $1 AND v.work_session_id = $2
    RETURNING v.vault_id, v.next_entry_no - 1 AS entry_no
  )
  INSERT INTO vault_entries (vault_id, entry_no, version, kind, writer_id, content, created_at)
  SELECT vault_id, entry_no, 1, 'content', $3, $4, clock_timestamp() FROM vault
  RETURNING entry_no, version, seq`;

/**
 * `$5` the entry. Entries are numbered without holes, so that it exists exactly if it lies below the
 * next number. `top_entry_version` runs under the lock and sees the versions committed up to then,
 * where a subquery would see those of the moment the statement began and collide. The number passes
 * through `least` because a bare `$5::int` is computed while planning, also for one that no INT holds.
 */
export const OVERRIDE = `
  WITH vault AS (
    UPDATE vaults AS v SET ${WITH_WRITER}
    WHERE v.vault_id = $1 AND v.work_session_id = $2 AND $5::bigint BETWEEN 1 AND v.next_entry_no - 1
    RETURNING v.vault_id, least($5::bigint, v.next_entry_no)::int AS entry_no
  )
  INSERT INTO vault_entries (vault_id, entry_no, version, kind, writer_id, content, created_at)
  SELECT vault_id, entry_no, top_entry_version(vault_id, entry_no) + 1, 'content', $3, $4, clock_timestamp()
  FROM vault
  RETURNING entry_no, version, seq`;

/** `$4` the summary. */
export const SET_SUMMARY = `
  UPDATE vaults AS v SET summary = $4 WHERE v.vault_id = $1 AND ${CAN_READ} RETURNING v.vault_id`;

/**
 * Reads join the entries to the vault's row from the left: a vault that the caller may read and that
 * has nothing to show yields one row of nulls, one that it may not read yields none.
 */
const readable = (entries: string, order: string) => `
  SELECT ${ENTRY}, v.work_session_id <> $2 AS from_outside FROM vaults AS v LEFT JOIN LATERAL (${entries}) AS e ON true
  WHERE v.vault_id = $1 AND ${CAN_READ}
  ORDER BY ${order}`;

/** `$4` since. */
export const READ_HISTORY = readable(
  `SELECT * FROM vault_entries WHERE vault_id = v.vault_id AND kind = 'content' AND seq > $4`,
  'e.seq',
);

/** One step into the unique index for each entry: the cost goes by entries, not by versions. */
export const READ_CURRENT = readable(
  `SELECT top.* FROM generate_series(1, v.next_entry_no - 1) AS n (entry_no)
   CROSS JOIN LATERAL (
     SELECT * FROM vault_entries WHERE vault_id = v.vault_id AND entry_no = n.entry_no
     ORDER BY version DESC LIMIT 1
   ) AS top`,
  'e.entry_no',
);

/** `$4` since. A follower is near the head: the cost goes by the rows it has not seen. */
export const READ_CURRENT_SINCE = readable(
  `SELECT DISTINCT ON (entry_no) * FROM vault_entries
   WHERE vault_id = v.vault_id AND kind = 'content' AND seq > $4
   ORDER BY entry_no, version DESC`,
  'e.entry_no',
);

/** `$1` the vault, `$2` client id: what the policy needs to tell 404 from 403. */
export const READ_ACCESS = `
  SELECT work_session_id, coalesce($2::text = ANY (writer_list), false) AS is_writer FROM vaults WHERE vault_id = $1`;
