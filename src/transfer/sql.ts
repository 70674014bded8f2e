import { PORTION_OF_ROWS } from '../db/connection.ts';

/** The statements of export and import. Other reads go through the typed client, see `vaults.ts`. */

/** The moment of an export. */
export const CLOCK = 'SELECT wire_time(now()) AS exported_at';

/** `$1` vault, `$2` seq to go on from. */
export const ROWS = `
  WITH ${PORTION_OF_ROWS}
  SELECT e.vault_id, e.seq::float8 AS seq, (SELECT ahead FROM portion), e.entry_no, e.version, e.kind, e.writer_id,
    wire_time(e.created_at) AS created_at, e.tags, e.content, encode(e.hash, 'hex') AS hash,
    e.author, e.addressees AS to, encode(e.salt, 'hex') AS salt,
    CASE WHEN k.key IS NOT NULL THEN json_build_object('client_id', k.client_id, 'key', k.key,
      'request_hash', encode(k.request_hash, 'hex')) END AS key
  FROM vault_entries AS e LEFT JOIN vault_write_keys AS k
    ON k.bucket = e.bucket AND k.vault_id = e.vault_id AND k.seq = e.seq
  WHERE e.bucket = vault_bucket($1) AND e.vault_id = $1 AND e.seq > $2::bigint AND e.seq <= (SELECT last FROM portion) ORDER BY e.seq`;

/** `$1` action, `$2` vault, `$3` work session. What the operator's command line does has neither session nor address. */
export const AUDIT = `
  INSERT INTO audit_log (bucket, action, outcome, vault_id, work_session_id)
  VALUES (coalesce(vault_bucket($2), 0), $1, 'done', $2, $3)`;

/** Two imports at a time would take each other's vaults for somebody else's. */
export const LOCK = `SELECT pg_try_advisory_lock(hashtextextended('vault-relay import', 0)) AS locked`;

/** `$1` vault line as JSON. */
export const INSERT_VAULT = `
  INSERT INTO vaults (bucket, vault_id, work_session_id, created_by, created_at)
  SELECT vault_bucket(vault_id), v.* FROM json_to_record($1) AS v (vault_id TEXT, work_session_id TEXT, created_by TEXT, created_at TIMESTAMPTZ)`;

/** `$1` what is known of a vault once all its rows were seen, as JSON. Its column has the first 100 writers only. */
export const FINISH_VAULT = `
  UPDATE vaults AS v SET writer_list = f.writer_list[:100], next_entry_no = f.next_entry_no, summary = f.summary,
    summary_version = f.summary_version, head_seq = f.head_seq, head_hash = decode(f.head_hash, 'hex'),
    changed_at = f.changed_at, versions = f.versions, bytes = f.bytes
  FROM json_to_record($1) AS f (vault_id TEXT, writer_list TEXT[], next_entry_no INT, summary TEXT, summary_version INT,
    head_seq BIGINT, head_hash TEXT, changed_at TIMESTAMPTZ, versions BIGINT, bytes BIGINT)
  WHERE v.bucket = vault_bucket(f.vault_id) AND v.vault_id = f.vault_id`;

/** `$1` vault. Counts its entries, which an adopted vault may have of any number. */
export const SETTLE_NUMBERS = 'SELECT settle_vault_numbers($1)::text';

/** `$1` vault, `$2` its writers. */
export const INSERT_WRITERS = `
  INSERT INTO vault_writers (bucket, vault_id, client_id)
  SELECT vault_bucket($1), $1, client_id FROM unnest($2::text[]) AS client_id
  ON CONFLICT DO NOTHING`;

/** `$1` rows as JSON. */
export const INSERT_ROWS = `
  INSERT INTO vault_entries (bucket, seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash,
    author, addressees, salt)
  SELECT vault_bucket(vault_id), seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags,
    decode(hash, 'hex'), author, "to", decode(salt, 'hex')
  FROM json_to_recordset($1) AS r (seq BIGINT, vault_id TEXT, entry_no INT, version INT, kind TEXT, writer_id TEXT,
    content TEXT, created_at TIMESTAMPTZ, tags TEXT[], hash TEXT, author TEXT, "to" TEXT[], salt TEXT)`;

/** `$1` keys as JSON. */
export const INSERT_WRITE_KEYS = `
  INSERT INTO vault_write_keys (bucket, vault_id, client_id, key, request_hash, seq)
  SELECT vault_bucket(vault_id), vault_id, client_id, key, decode(request_hash, 'hex'), seq
  FROM json_to_recordset($1) AS k (vault_id TEXT, client_id TEXT, key TEXT, request_hash TEXT, seq BIGINT)`;

/** `$1` work session, `$2` client, `$3` key, `$4` hash of the request, `$5` vault. */
export const INSERT_CREATION_KEY = `
  INSERT INTO vault_creation_keys (work_session_id, client_id, key, request_hash, bucket, vault_id)
  VALUES ($1, $2, $3, decode($4, 'hex'), vault_bucket($5), $5)`;

/** `$1` id, `$2` key, `$3` when. No row: it has another key here. */
export const INSERT_ASTATION = `
  WITH added AS (
    INSERT INTO astations (astation_id, public_key, registered_at) VALUES ($1, $2, $3::timestamptz)
    ON CONFLICT DO NOTHING RETURNING astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id) SELECT 'key_register', 'imported', astation_id FROM added
  )
  SELECT 1 AS same FROM added UNION ALL SELECT 1 FROM astations WHERE astation_id = $1 AND public_key = $2`;
