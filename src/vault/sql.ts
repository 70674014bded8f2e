/**
 * The statements of the vault stores that are not in read-sql.ts. `policy.ts` states the same predicates in
 * TypeScript; a test holds the two together. Writes are two functions of the database: `prisma/functions/write_to_vaults.sql`
 * and `create_vault.sql`. A write is decided under the lock of its vault, in its own statement.
 */

/** `$1` the writes as JSON, `$2` entries and `$3` bytes that a vault may hold. */
export const WRITE = `
  SELECT place, outcome, entry_no, version, seq, current FROM write_to_vaults($1::json, $2, $3)`;

/** `$1` the vault to make as JSON, `$2` the vaults that a work session may have. */
export const CREATE = `SELECT outcome, vault_id, seq FROM create_vault($1::json, $2)`;

/**
 * `$1` vaults, `$2` work sessions, `$3` client ids, one of each a question. One JSON array for all of them, which costs
 * the server less than rows do: place from 1, from outside, head and its hash, of each vault that may be read.
 */
export const READ_HEADS = `
  SELECT coalesce(json_agg(json_build_array(
      asked.place, v.work_session_id <> asked.work_session_id, v.head_seq, encode(v.head_hash, 'hex'))), '[]') AS heads
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (vault_id, work_session_id, client_id, place)
  JOIN vaults AS v ON v.vault_id = asked.vault_id
  WHERE v.work_session_id = asked.work_session_id OR (
    SELECT true FROM vault_writers AS w WHERE w.vault_id = v.vault_id AND w.client_id = asked.client_id)`;

/** `$1` the vault (null: several), `$2` request id, `$3` address, `$4` action: an operator has neither session nor client id. */
export const NOTE_OPERATOR_READ = `
  INSERT INTO audit_log (vault_id, request_id, address, action, outcome) VALUES ($1, $2, $3, $4, 'operator')`;

/**
 * `$1` the vaults, `$2` work session, `$3` client id, `$4` session, `$5` request id, `$6` address, `$7` action. Keeps the
 * last hundred reads of each vault from outside, and each read in the audit log.
 */
export const NOTE_OUTSIDE_READS = `
  WITH noted AS (
    INSERT INTO vault_outside_reads (vault_id, work_session_id, client_id)
    SELECT vault_id, $2, $3 FROM unnest($1::text[]) AS read (vault_id)
  ), audited AS (
    INSERT INTO audit_log (vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT vault_id, $2, $3, $4, $5, $6, $7, 'from_outside' FROM unnest($1::text[]) AS read (vault_id)
  )
  DELETE FROM vault_outside_reads AS old USING unnest($1::text[]) AS read (vault_id)
  WHERE old.vault_id = read.vault_id AND old.id <= (
    SELECT id FROM vault_outside_reads AS kept WHERE kept.vault_id = read.vault_id ORDER BY id DESC OFFSET 99 LIMIT 1)`;

/**
 * `$1` to `$6` as above, `$7` the writer to remove, under the vault's lock. No row: the vault does not exist, or the
 * caller may not.
 */
export const REMOVE_WRITER = `
  WITH locked AS (
    SELECT vault_id FROM vaults WHERE vault_id = $1 AND work_session_id = $2 FOR NO KEY UPDATE
  ), removed AS (
    DELETE FROM vault_writers WHERE vault_id = (SELECT vault_id FROM locked) AND client_id = $7 RETURNING client_id
  ), unlisted AS (
    UPDATE vaults SET writer_list = array_remove(writer_list, $7)
    WHERE vault_id = (SELECT vault_id FROM locked) AND $7 = ANY (writer_list)
  ), done AS (
    SELECT EXISTS (SELECT FROM removed) AS removed FROM locked
  ), audited AS (
    INSERT INTO audit_log (vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT $1, $2, $3, $4, $5, $6, 'remove_writer', CASE WHEN removed THEN 'written' ELSE 'nothing' END FROM done
  )
  SELECT removed FROM done`;

/**
 * `$1` to `$6` likewise, `$7` the client id as far as it opens vaults, `$8` what was refused. Finds out why, and keeps
 * that in the audit log.
 */
export const EXPLAIN_REFUSAL = `
  WITH v AS (
    SELECT work_session_id, EXISTS (SELECT FROM vault_writers WHERE vault_id = $1 AND client_id = $7) AS is_writer
    FROM vaults WHERE vault_id = $1
  ), audited AS (
    INSERT INTO audit_log (vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT $1, $2, $3, $4, $5, $6, $8, CASE
      WHEN NOT EXISTS (SELECT FROM v) THEN 'no_vault'
      WHEN (SELECT is_writer FROM v) THEN 'past_writer'
      ELSE 'forbidden' END
  )
  SELECT work_session_id, is_writer FROM v`;

/** `$1` vault, if known, `$2` to `$6` as above, `$7` actions and `$8` outcomes, one for each call of the request. */
export const NOTE_REFUSALS = `
  INSERT INTO audit_log (vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
  SELECT $1, $2, $3, $4, $5, $6, action, outcome FROM unnest($7::text[], $8::text[]) AS refused (action, outcome)`;
