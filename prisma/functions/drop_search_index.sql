-- Removes the index of a work session, which a server then builds again. Searches stay exact, because they scan what is not indexed.
--
-- In:     `the_work_session`: its id.
-- Out:    the number of rows that were indexed.
-- Locks:  that of the index of the work session, until the end of the transaction.
-- VOLATILE, because it writes.
-- Errors: SQLSTATE 55P03 or 57014 when the lock takes too long. Then nothing is changed.
CREATE OR REPLACE FUNCTION drop_search_index(the_work_session TEXT) RETURNS BIGINT
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    dropped BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay search ' || the_work_session, 0));
    UPDATE search_vaults AS known SET indexed_seq = 0, indexed_bytes = 0
    FROM vaults AS v
    WHERE v.work_session_id = the_work_session AND known.bucket = v.bucket AND known.vault_id = v.vault_id;
    WITH gone AS (DELETE FROM search_segments WHERE work_session_id = the_work_session RETURNING rows)
    SELECT coalesce(sum(rows), 0) INTO dropped FROM gone;
    RETURN dropped;
END
$$;
