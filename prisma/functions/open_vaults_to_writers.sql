-- Opens each vault to the writers of these rows of content: from now on they may read it from another work session. A writer
-- that is known already costs one look into the index and writes nothing.
--
-- In:     `rows`: rows that are stored. Summaries are ignored. So is content that a person wrote, because a client that
--         calls itself by the name of that person could read the vault. The caller holds the locks of their vaults, so that no removal
--         of a writer comes between.
-- Out:    nothing. `vaults.writer_list` keeps the first 100 writers, for readers of the relay design's schema.
-- Locks:  the new rows of `vault_writers`, in the order of their key, so that two statements never deadlock.
-- VOLATILE, because it writes.
-- Errors: none.
CREATE OR REPLACE FUNCTION open_vaults_to_writers(rows vault_row[]) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    written RECORD;
BEGIN
    -- In the order of the key, so that no two statements ever wait for each other.
    INSERT INTO vault_writers (bucket, vault_id, client_id)
    SELECT DISTINCT bucket, vault_id, writer_id FROM unnest(rows) WHERE kind = 'content' AND NOT starts_with(author, 'person:')
    ORDER BY bucket, vault_id, writer_id
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR written IN
        SELECT bucket, vault_id, writer_id FROM unnest(rows) WHERE kind = 'content' AND NOT starts_with(author, 'person:')
        GROUP BY bucket, vault_id, writer_id ORDER BY bucket, vault_id, min(seq)
    LOOP
        UPDATE vaults SET writer_list = writer_list || written.writer_id
        WHERE bucket = written.bucket AND vault_id = written.vault_id AND cardinality(writer_list) < 100
            AND written.writer_id <> ALL (writer_list);
    END LOOP;
END
$$;
