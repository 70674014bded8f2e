-- Why a write from another work session is refused.
--
-- In:     `w`: the write. Its vault exists and belongs to another work session; its lock is held, and the rows that the
--         statement has made so far are stored, because one of them may have opened the vault to this client.
-- Out:    forbidden: the client never wrote into this vault, or it may not read as itself (`w.reads_as` is NULL).
--         past_writer: it may read the vault but not write entries.
--         NULL: a past writer may set the summary.
-- Locks:  none.
-- VOLATILE: it must see the writers that were committed, or stored by this statement, before the call.
-- Errors: none.
CREATE OR REPLACE FUNCTION outside_write_outcome(w vault_write) RETURNS vault_write_outcome
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM vault_writers AS known
        WHERE known.bucket = vault_bucket(w.vault_id) AND known.vault_id = w.vault_id AND known.client_id = w.reads_as)
    THEN
        RETURN 'forbidden';
    ELSIF w.op <> 'summary' THEN
        RETURN 'past_writer';
    END IF;
    RETURN NULL;
END
$$;
