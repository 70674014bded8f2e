/** The statements that add rows about vaults to the audit log. */

/** `$1` the vault (null: several), `$2` the person, `$3` request id, `$4` address, `$5` action: an operator has no client id. */
export const NOTE_OPERATOR_READ = `
  INSERT INTO audit_log (bucket, vault_id, session, request_id, address, action, outcome)
  VALUES (coalesce(vault_bucket($1), 0), $1, $2, $3, $4, $5, 'operator')`;

/**
 * `$1` the vaults, `$2` work session, `$3` client id, `$4` session, `$5` request id, `$6` address, `$7` action. Keeps the
 * last hundred reads of each vault from outside, and each read in the audit log. Returns the reads, and the work session of each vault.
 */
export const NOTE_OUTSIDE_READS = `
  WITH noted AS (
    INSERT INTO vault_outside_reads (bucket, vault_id, work_session_id, client_id)
    SELECT vault_bucket(vault_id), vault_id, $2, $3 FROM unnest($1::text[]) AS read (vault_id)
    RETURNING bucket, vault_id, id
  ), audited AS (
    INSERT INTO audit_log (bucket, vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT vault_bucket(vault_id), vault_id, $2, $3, $4, $5, $6, $7, 'from_outside' FROM unnest($1::text[]) AS read (vault_id)
  ), removed AS (
    DELETE FROM vault_outside_reads AS old USING unnest($1::text[]) AS read (vault_id)
    WHERE old.bucket = vault_bucket(read.vault_id) AND old.vault_id = read.vault_id AND old.id <= (
      SELECT id FROM vault_outside_reads AS kept
      WHERE kept.bucket = vault_bucket(read.vault_id) AND kept.vault_id = read.vault_id ORDER BY id DESC OFFSET 99 LIMIT 1)
  )
  SELECT noted.id, noted.vault_id, v.work_session_id FROM noted
  CROSS JOIN LATERAL (
    SELECT work_session_id FROM vaults WHERE bucket = noted.bucket AND vault_id = noted.vault_id OFFSET 0) AS v`;

/** `$1` vault, if known, `$2` work session, `$3` client id, `$4` session, `$5` request id, `$6` address, `$7` actions and `$8` outcomes, one for each call of the request. */
export const NOTE_REFUSALS = `
  INSERT INTO audit_log (bucket, vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
  SELECT coalesce(vault_bucket($1), 0), $1, $2, $3, $4, $5, $6, action, outcome FROM unnest($7::text[], $8::text[]) AS refused (action, outcome)`;

/**
 * `$1` vault, `$2` work session, `$3` client id, `$4` session, `$5` request id, `$6` address, `$7` the client id as far
 * as it opens vaults, `$8` the refused action. Finds the reason and adds it to the audit log.
 */
export const EXPLAIN_REFUSAL = `
  WITH v AS (
    SELECT work_session_id, EXISTS (
      SELECT FROM vault_writers WHERE bucket = vault_bucket($1) AND vault_id = $1 AND client_id = $7) AS is_writer
    FROM vaults WHERE bucket = vault_bucket($1) AND vault_id = $1
  ), audited AS (
    INSERT INTO audit_log (bucket, vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT vault_bucket($1), $1, $2, $3, $4, $5, $6, $8, CASE
      WHEN NOT EXISTS (SELECT FROM v) THEN 'no_vault'
      WHEN (SELECT is_writer FROM v) THEN 'past_writer'
      ELSE 'forbidden' END
  )
  SELECT work_session_id, is_writer FROM v`;
