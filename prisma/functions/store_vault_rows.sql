-- Stores rows that a statement has made, and opens their vaults to their writers.
--
-- In:     `rows`: complete rows, in the order of their `seq`; may be empty. The caller holds the locks of their vaults.
-- Out:    an empty array, which the caller assigns to its variable: nothing is left to be stored.
-- Locks:  those of `open_vaults_to_writers`.
-- VOLATILE: it writes, and later queries of the same statement must see the rows.
-- Errors: SQLSTATE 23505 when a version exists already, which the lock of the vault rules out.
CREATE OR REPLACE FUNCTION store_vault_rows(rows vault_row[]) RETURNS vault_row[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(rows) > 0 THEN
        INSERT INTO vault_entries
            (bucket, seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash, author, addressees,
            salt)
        SELECT bucket, seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash, author, addressees,
            salt
        FROM unnest(rows);
        PERFORM open_vaults_to_writers(rows);
    END IF;
    RETURN '{}';
END
$$;
