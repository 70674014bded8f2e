-- Vaults as an export has them, without their rows, for the typed client. `by_bytes` is the id, and sorts by bytes.
-- `writer_list` has all writers: the first ones in the order in which they came, the others in the order of bytes.
-- `created_at` is a text to the microsecond, because the client's times have milliseconds.
CREATE VIEW vault_lines WITH (security_invoker = true) AS
SELECT v.vault_id, v.vault_id COLLATE "C" AS by_bytes, v.work_session_id, v.created_by, wire_time(v.created_at) AS created_at,
    v.writer_list || ARRAY(
        SELECT w.client_id FROM vault_writers AS w
        WHERE w.bucket = v.bucket AND w.vault_id = v.vault_id AND w.client_id <> ALL (v.writer_list)
        ORDER BY w.client_id COLLATE "C") AS writer_list,
    v.next_entry_no, v.head_seq, encode(v.head_hash, 'hex') AS head_hash, k.client_id AS key_client_id, k.key,
    encode(k.request_hash, 'hex') AS key_hash, v.bucket
FROM vaults AS v LEFT JOIN vault_creation_keys AS k ON k.bucket = v.bucket AND k.vault_id = v.vault_id;
