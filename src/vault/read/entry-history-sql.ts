/** `seq + 0` prevents PostgreSQL from using the index of all rows of the vault by seq. */
const OF_ENTRY = `
  FROM vault_entries
  WHERE bucket = v.bucket AND vault_id = v.vault_id AND entry_no = $16::bigint
    AND seq + 0 > greatest($4::bigint, $9::bigint) AND seq + 0 <= coalesce($5::bigint, 9223372036854775807)`;

/**
 * `entry_no + 0` for the same reason: the row is found by its number.
 *
 * The version that the last page ended with, else the newest one that the reader has seen. A reader near the head meets
 * it first. 0: none of them.
 */
const SEEN = `
  CROSS JOIN LATERAL (SELECT coalesce(
    (SELECT version FROM vault_entries 
     WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq = $9::bigint AND entry_no + 0 = $16::bigint),
    (SELECT version FROM vault_entries
     WHERE bucket = v.bucket AND vault_id = v.vault_id AND entry_no = $16::bigint AND seq + 0 <= $4::bigint AND $4::bigint > 0
     ORDER BY version DESC LIMIT 1),
    0) AS version) AS seen`;

/**
 * The versions of an entry are in the order of `seq`, so the index yields them in order after the version seen. An
 * irregular vault has no such order, so its versions are sorted.
 */
const looked = (columns: string) => `
  (SELECT ${columns} ${OF_ENTRY} AND NOT v.irregular AND version > seen.version ORDER BY version LIMIT $14::bigint)
  UNION ALL
  (SELECT ${columns} ${OF_ENTRY} AND v.irregular ORDER BY seq + 0 LIMIT $14::bigint)`;

/** Every version of entry `$16` of vault `v`, by seq. The cost depends on the versions of the entry, not of the vault. */
export const ENTRY_HISTORY = {
  from: SEEN,
  rows: looked('*'),
  position: 'seq',
  end: `(SELECT seq FROM (${looked('seq')}) AS looked ORDER BY seq OFFSET $14::bigint - 1 LIMIT 1)`,
};
