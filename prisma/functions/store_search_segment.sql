-- Stores a segment of the search index, and notes how far the vaults of its rows are indexed, or removes the segments that
-- it was merged from.
--
-- In:     `made`: work_session_id, level, rows, first_us, last_us, slot_bits; `parts`: an array of {bucket, vault_id, after, up_to,
--         bytes, erasures}, the rows of a new segment; `replaced`: an array of the segments that a merged one stands for.
--         `documents`, `postings`: as `src/vault/search/index/segment.ts` describes them. A segment without rows only replaces others.
-- Out:    whether it was stored. False: another server was faster, or a text was erased; nothing was changed.
-- Locks:  that of the index of the work session, until the end of the transaction.
-- VOLATILE: it writes, and it must see what was committed while it waited for the lock.
-- Errors: SQLSTATE 55P03 or 57014 when the lock takes too long. Then nothing is written.
CREATE OR REPLACE FUNCTION store_search_segment(made JSON, documents BYTEA, postings BYTEA) RETURNS BOOLEAN
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_work_session TEXT := made ->> 'work_session_id';
    replaced BIGINT[] := ARRAY(SELECT value::bigint FROM json_array_elements_text(made -> 'replaced') AS value);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay search ' || the_work_session, 0));
    IF EXISTS (
        SELECT FROM json_to_recordset(made -> 'parts') AS part (bucket INT, vault_id TEXT, after BIGINT, erasures INT)
        LEFT JOIN search_vaults AS known ON known.bucket = part.bucket AND known.vault_id = part.vault_id
        WHERE (known.indexed_seq = part.after AND known.erasures = part.erasures) IS NOT TRUE)
        OR (SELECT count(*) FROM search_segments AS s WHERE s.segment = ANY (replaced)) < cardinality(replaced)
    THEN
        RETURN false;
    END IF;
    UPDATE search_vaults AS known SET
        indexed_seq = part.up_to, indexed_bytes = known.indexed_bytes + part.bytes
    FROM json_to_recordset(made -> 'parts') AS part (bucket INT, vault_id TEXT, up_to BIGINT, bytes BIGINT)
    WHERE known.bucket = part.bucket AND known.vault_id = part.vault_id;
    DELETE FROM search_segments AS s WHERE s.segment = ANY (replaced);
    INSERT INTO search_segments
        (work_session_id, level, rows, first_us, last_us, slot_bits, documents, postings)
    SELECT m.work_session_id, m.level, m.rows, m.first_us, m.last_us, m.slot_bits, store_search_segment.documents,
        store_search_segment.postings
    FROM json_to_record(made) AS m (
        work_session_id TEXT, level INT, rows INT, first_us BIGINT, last_us BIGINT, slot_bits INT)
    WHERE m.rows > 0;
    RETURN true;
END
$$;
