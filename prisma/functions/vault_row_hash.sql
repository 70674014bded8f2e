-- The hash of one row: SHA-256 over the hash of the previous row of its vault and the canonical form of this row. The fields
-- of the form are netstrings: `<length in bytes>:<text>,`. docs/proof.md has both forms and test vectors, and
-- `vault-relay verify` computes the hash without this function.
--
-- In:     `previous`: hash of the vault's previous row; 32 zero bytes for the first.
--         `entry`: the row. Its `hash` and `bucket` are not read. A row with an `author` is of form vault-relay/2, which needs
--         `addressees` and `salt`; a row without one is of form vault-relay/1.
-- Out:    32 bytes. NULL when `previous` or another scalar field that the form needs is NULL.
-- Locks:  none.
-- STABLE, because to_char() is.
-- Errors: SQLSTATE 22004 when `tags` is NULL, or `addressees` of a row with an author.
CREATE OR REPLACE FUNCTION vault_row_hash(previous BYTEA, entry vault_row) RETURNS BYTEA
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    created TEXT := to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    tags TEXT := '';
    addressees TEXT := '';
    each_of TEXT;
    inner_pad BYTEA;
    outer_pad BYTEA;
BEGIN
    FOREACH each_of IN ARRAY entry.tags LOOP
        tags := tags || octet_length(each_of) || ':' || each_of || ',';
    END LOOP;
    IF entry.author IS NULL THEN
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
    END IF;
    FOREACH each_of IN ARRAY entry.addressees LOOP
        addressees := addressees || octet_length(each_of) || ':' || each_of || ',';
    END LOOP;
    -- `salted_hash` twice, with its pads made once.
    inner_pad := salt_pad(entry.salt, 3906369333256140342);
    outer_pad := salt_pad(entry.salt, 6655295901103053916);
    RETURN sha256(previous || convert_to(
        '13:vault-relay/2,'
        || octet_length(entry.vault_id) || ':' || entry.vault_id || ','
        || length(entry.seq::text) || ':' || entry.seq || ','
        || length(entry.entry_no::text) || ':' || entry.entry_no || ','
        || length(entry.version::text) || ':' || entry.version || ','
        || octet_length(entry.kind) || ':' || entry.kind || ','
        || octet_length(entry.writer_id) || ':' || entry.writer_id || ','
        || octet_length(entry.author) || ':' || entry.author || ','
        || octet_length(addressees) || ':' || addressees || ','
        || length(created) || ':' || created || ','
        || '64:' || encode(sha256(outer_pad || sha256(inner_pad || convert_to(tags, 'UTF8'))), 'hex') || ','
        || '64:' || encode(sha256(outer_pad || sha256(inner_pad || convert_to(entry.content, 'UTF8'))), 'hex') || ',', 'UTF8'));
END
$$;
