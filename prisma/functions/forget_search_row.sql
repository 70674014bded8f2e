-- Removes what the search index knows of the text of a row. Call it in the transaction that erases the text. Until a server
-- has built the segment of the row again, searches check each row of it.
--
-- In:     `the_vault_id`, `the_seq`: the row.
-- Out:    nothing.
-- Locks:  that of the index of the work session, until the end of the transaction.
-- VOLATILE, because it writes.
-- Errors: SQLSTATE 55P03 or 57014 when the lock takes too long. Then nothing is changed.
--
-- The segment gets another number, so that no server replaces it by one of the texts from before.
CREATE OR REPLACE FUNCTION forget_search_row(the_vault_id TEXT, the_seq BIGINT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_bucket INT := vault_bucket(the_vault_id);
    the_work_session TEXT;
    the_vault_no INT;
BEGIN
    SELECT work_session_id INTO the_work_session FROM vaults WHERE bucket = the_bucket AND vault_id = the_vault_id;
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay search ' || the_work_session, 0));
    -- A vault that was not indexed counts too, because a server may be reading the text for its first segment.
    INSERT INTO search_vaults AS known (bucket, vault_id, erasures) VALUES (the_bucket, the_vault_id, 1)
    ON CONFLICT (bucket, vault_id) DO UPDATE SET erasures = known.erasures + 1
    RETURNING vault_no INTO the_vault_no;
    WITH gone AS (
        DELETE FROM search_segments
        WHERE work_session_id = the_work_session AND position(int4send(the_vault_no) || int8send(the_seq) IN documents) > 0
        RETURNING *)
    INSERT INTO search_segments (work_session_id, level, rows, first_us, last_us, slot_bits, documents, postings)
    SELECT work_session_id, level, rows, first_us, last_us, slot_bits, documents, NULL FROM gone;
END
$$;
