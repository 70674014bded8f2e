-- The highest version of an entry. The summary is entry 0.
--
-- In:     `the_bucket`, `the_vault_id`: a vault whose lock the caller holds. `the_entry_no`: the number; NULL finds nothing.
-- Out:    the row without author, addressees and salt; all of its fields are NULL when the vault has no such entry.
-- Locks:  none.
-- VOLATILE: a write that waited for the lock of the vault must see the version of the write that it waited for
-- (decision 1).
-- Errors: none.
CREATE OR REPLACE FUNCTION top_vault_row(the_bucket INT, the_vault_id TEXT, the_entry_no INT) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    top vault_row;
BEGIN
    SELECT e.seq, e.vault_id, e.entry_no, e.version, e.kind, e.writer_id, e.content, e.created_at, e.tags, e.hash
    INTO top.seq, top.vault_id, top.entry_no, top.version, top.kind, top.writer_id, top.content, top.created_at,
        top.tags, top.hash
    FROM vault_entries AS e
    WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id AND e.entry_no = the_entry_no
    ORDER BY e.version DESC LIMIT 1;
    RETURN top;
END
$$;
