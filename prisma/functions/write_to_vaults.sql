-- Every write into vaults that exist, one or many in one statement and one commit. Each write is decided by itself: one
-- that is refused leaves the others as they are.
--
-- In:     `writes`: a JSON array of objects with the fields of the type `vault_write`: place, op (append, override or
--         summary), vault_id, work_session_id, client_id, reads_as, entry_no, text, tags, expected, key, request_hash
--         (hexadecimal), session, request_id, address, author. `place` is the order of arrival, which is kept within each vault.
--         `max_entries`, `max_bytes`: what a vault may hold; 0 means no limit. Entries count, whatever their numbers.
-- Out:    a row for each write. `entry_no`, `version` and `seq` are of the row that was written. `current` is the highest
--         version, where the write expected another. `outcome` is one of the type `vault_write_outcome`:
--         written       the row is stored
--         replayed      the same request was written before, under the same key; the answer is its row
--         no_vault      the vault does not exist
--         forbidden     the vault belongs to another work session, and the client is not a past writer
--         past_writer   as above, but the client may read the vault
--         key_reused    the key was used for another request
--         entries_full  the vault holds `max_entries` entries, or its counter is at its end
--         bytes_full    the text would exceed `max_bytes`
--         no_entry      an override of an entry that does not exist
--         conflict      the highest version is not the expected one
-- Locks:  the rows of the vaults until the end of the transaction, in the order of their ids, so that two statements never
--         deadlock.
-- VOLATILE: each query sees what was committed before it began. A write that waited for the lock of a vault must see the
-- versions and the writers of the write that it waited for (decision 1).
-- Errors: SQLSTATE 55P03 or 57014 when a lock takes too long. Then nothing is written.
--
-- Rows and their writers are stored together at the end, and before a later write of the same statement needs them.
-- The audit log has a row for each write, whatever its outcome.
CREATE OR REPLACE FUNCTION write_to_vaults(writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w vault_write;
    v vaults;
    decided vault_write_outcome;
    -- The last row that was made, and the highest version of the entry that this write continues.
    made vault_row;
    top vault_row;
    target INT;
    known RECORD;
    -- Made but not stored yet.
    rows vault_row[] := '{}';
    events vault_write_event[] := '{}';
    changed BOOLEAN := false;
    seed BYTEA := new_salt_seed();
BEGIN
    FOR w IN
        SELECT * FROM json_populate_recordset(NULL::vault_write, writes) AS asked
        ORDER BY asked.vault_id COLLATE "C", asked.place
    LOOP
        decided := NULL; entry_no := NULL; version := NULL; seq := NULL; current := NULL;

        -- The vault: store the one before, lock the next.
        IF v.vault_id IS DISTINCT FROM w.vault_id THEN
            IF changed THEN PERFORM store_vault_head(v); END IF;
            changed := false;
            SELECT * INTO v FROM vaults
            WHERE bucket = vault_bucket(w.vault_id) AND vault_id = w.vault_id FOR NO KEY UPDATE;
        END IF;

        -- The caller.
        IF v.vault_id IS NULL THEN
            decided := 'no_vault';
        ELSIF v.work_session_id <> w.work_session_id THEN
            rows := store_vault_rows(rows);
            decided := outside_write_outcome(w);
        END IF;

        -- The key: a repeat answers with the row of the first request.
        IF decided IS NULL AND w.key IS NOT NULL THEN
            SELECT k.request_hash, k.seq INTO known FROM vault_write_keys AS k
            WHERE k.bucket = v.bucket AND k.vault_id = w.vault_id AND k.client_id = w.client_id AND k.key = w.key;
            IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
                decided := 'replayed';
                rows := store_vault_rows(rows);
                SELECT e.entry_no, e.version, e.seq INTO entry_no, version, seq
                FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.seq = known.seq;
            ELSIF FOUND THEN
                decided := 'key_reused';
            END IF;
        END IF;

        -- The entry: a new one, or the highest version of the one that the write continues.
        IF decided IS NULL AND w.op = 'append' THEN
            top := NULL;
            IF v.irregular THEN v := skip_taken_numbers(v); END IF;
            IF max_entries > 0 AND v.next_entry_no::bigint - v.gaps > max_entries OR v.next_entry_no = 2147483647 THEN
                decided := 'entries_full';
            END IF;
        ELSIF decided IS NULL THEN
            target := CASE
                WHEN w.op = 'summary' THEN 0
                WHEN w.entry_no > 0 THEN least(w.entry_no, 2147483647)::int
            END;
            IF made.vault_id = w.vault_id AND made.entry_no = target THEN
                top := made;
            ELSE
                rows := store_vault_rows(rows);
                top := top_vault_row(v.bucket, v.vault_id, target);
            END IF;
            IF top.seq IS NULL AND w.op = 'override' THEN
                decided := 'no_entry';
            ELSIF w.expected <> coalesce(top.version, 0) THEN
                decided := 'conflict';
                current := json_build_object('entry_no', top.entry_no, 'version', top.version, 'seq', top.seq,
                    'writer_id', top.writer_id, 'content', top.content, 'created_at', wire_time(top.created_at));
            END IF;
        END IF;
        IF decided IS NULL AND max_bytes > 0 AND v.bytes + octet_length(w.text) > max_bytes THEN
            decided := 'bytes_full';
        END IF;

        -- The row.
        IF decided IS NULL THEN
            made := new_vault_row(w, v, top, seed);
            rows := rows || made;
            v := vault_after_row(v, made, w.op);
            changed := true;
            IF w.key IS NOT NULL THEN
                INSERT INTO vault_write_keys (bucket, vault_id, client_id, key, request_hash, seq)
                VALUES (v.bucket, v.vault_id, w.client_id, w.key, decode(w.request_hash, 'hex'), made.seq);
            END IF;
            decided := 'written'; entry_no := made.entry_no; version := made.version; seq := made.seq;
        END IF;

        -- The answer.
        place := w.place;
        outcome := decided;
        events := events || vault_write_event_of(w, outcome, seq, coalesce(v.bucket, vault_bucket(w.vault_id)));
        RETURN NEXT;
    END LOOP;

    IF changed THEN PERFORM store_vault_head(v); END IF;
    PERFORM store_vault_rows(rows);
    INSERT INTO audit_log (bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address
    FROM unnest(events);
END
$$;
