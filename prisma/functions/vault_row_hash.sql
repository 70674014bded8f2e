-- The hash of one row: SHA-256 over the hash of the previous row of its vault and the canonical form of this row. The fields
-- of the form are netstrings: `<length in bytes>:<text>,`. docs/proof.md has the form and test vectors, and
-- `vault-relay verify` computes the hash without this function.
--
-- In:     `previous`: hash of the vault's previous row; 32 zero bytes for the first.
--         `entry`: the row. Its `hash` is not read.
-- Out:    32 bytes. NULL when `previous` or a scalar field of the row is NULL.
-- Locks:  none.
-- STABLE, because to_char() is.
-- Errors: SQLSTATE 22004 when `tags` is NULL.
CREATE OR REPLACE FUNCTION vault_row_hash(previous BYTEA, entry vault_row) RETURNS BYTEA
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    created TEXT := to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    tags TEXT := '';
    tag TEXT;
BEGIN
    FOREACH tag IN ARRAY entry.tags LOOP
        tags := tags || octet_length(tag) || ':' || tag || ',';
    END LOOP;
    RETURN sha256(previous || convert_to(
        '13:vault-relay/1,'
        || octet_length(entry.vault_id) || ':' || entry.vault_id || ','
        || length(entry.seq::text) || ':' || entry.seq || ','
        || length(entry.entry_no::text) || ':' || entry.entry_no || ','
        || length(entry.version::text) || ':' || entry.version || ','
        || octet_length(entry.kind) || ':' || entry.kind || ','
        || octet_length(entry.writer_id) || ':' || entry.writer_id || ','
        || length(created) || ':' || created || ','
        || octet_length(tags) || ':' || tags || ','
        || '64:' || encode(sha256(convert_to(entry.content, 'UTF8')), 'hex') || ',', 'UTF8'));
END
$$;
