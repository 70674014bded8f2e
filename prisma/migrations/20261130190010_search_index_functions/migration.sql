-- Made from prisma/functions by `npm run functions:migration`. Change the files there and make the next migration.

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

-- Finds the rows of a segment that are not newer than a time.
--
-- In:     `documents`: as `src/vault/search/index/segment.ts` describes them, the oldest row first. `us`: µs since 1970.
-- Out:    the number of rows up to that time.
-- Locks:  none.
-- STABLE: it reads the parts of `documents` that it needs.
-- Errors: none.
CREATE OR REPLACE FUNCTION search_position(documents BYTEA, us BIGINT) RETURNS INT
LANGUAGE plpgsql STABLE AS $$
DECLARE
    below INT := 0;
    above INT := octet_length(documents) / 20;
    middle INT;
BEGIN
    WHILE below < above LOOP
        middle := (below + above) / 2;
        IF ('x' || encode(substr(documents, middle * 20 + 13, 8), 'hex'))::bit(64)::bigint <= us THEN
            below := middle + 1;
        ELSE
            above := middle;
        END IF;
    END LOOP;
    RETURN below;
END
$$;

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
