-- Made from prisma/functions by `npm run functions:migration`. Change the files there and make the next migration.

-- Makes a vault with its first summary.
--
-- In:     `creation`: a JSON object of vault_id (fresh), summary, work_session_id, client_id, key, request_hash
--         (hexadecimal), session, request_id, address.
--         `max_vaults`: how many vaults a work session may have; 0 is no limit.
-- Out:    one row. `vault_id` and `seq` are of the vault and its newest row. `outcome` is one of the type
--         `vault_creation_outcome`:
--         written     the vault is made
--         replayed    the same request made a vault before, under the same key; the answer is that vault
--         key_reused  the key was used for another request
--         full        the work session has `max_vaults` vaults
--         taken       the id is not fresh; nothing is written, not even into the audit log
-- Locks:  with a key or a limit, an advisory lock of the work session until the end of the transaction. Creations take
--         turns, because two at the same time would both find no key, or room for one more.
-- VOLATILE: it writes, and each query must see what was committed before the lock was acquired.
-- Errors: SQLSTATE 55P03 or 57014 when the lock takes too long. Then nothing is written.
CREATE OR REPLACE FUNCTION create_vault(creation JSON, max_vaults BIGINT)
RETURNS TABLE (outcome TEXT, vault_id TEXT, seq BIGINT)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w vault_write := json_populate_record(NULL::vault_write, creation);
    v vaults;
    made vault_row;
    known RECORD;
    decided vault_creation_outcome := 'written';
BEGIN
    IF w.key IS NOT NULL OR max_vaults > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay create ' || w.work_session_id, 0));
    END IF;
    IF w.key IS NOT NULL THEN
        SELECT k.request_hash, k.vault_id INTO known FROM vault_creation_keys AS k
        WHERE k.work_session_id = w.work_session_id AND k.client_id = w.client_id AND k.key = w.key;
        IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
            decided := 'replayed';
            vault_id := known.vault_id;
            SELECT head_seq INTO seq FROM vaults WHERE vault_id = known.vault_id;
        ELSIF FOUND THEN
            decided := 'key_reused';
        END IF;
    END IF;
    IF decided = 'written' AND max_vaults > 0
        AND (SELECT count(*) FROM vaults WHERE work_session_id = w.work_session_id) >= max_vaults THEN
        decided := 'full';
    END IF;
    IF decided = 'written' THEN
        w.op := 'summary';
        w.text := creation ->> 'summary';
        v.vault_id := w.vault_id;
        v.head_hash := decode(repeat('00', 32), 'hex');
        v.bytes := 0;
        made := new_vault_row(w, v, NULL);
        v := vault_after_row(v, made, w.op);
        INSERT INTO vaults (vault_id, summary, work_session_id, created_by, created_at, head_seq, head_hash,
            changed_at, summary_version, bytes)
        VALUES (v.vault_id, v.summary, w.work_session_id, w.client_id, made.created_at, v.head_seq, v.head_hash,
            v.changed_at, v.summary_version, v.bytes)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'taken'::vault_creation_outcome;
            RETURN NEXT;
            RETURN;
        END IF;
        PERFORM store_vault_rows(ARRAY[made]);
        IF w.key IS NOT NULL THEN
            INSERT INTO vault_creation_keys (work_session_id, client_id, key, request_hash, vault_id)
            VALUES (w.work_session_id, w.client_id, w.key, decode(w.request_hash, 'hex'), w.vault_id);
        END IF;
        vault_id := w.vault_id;
        seq := made.seq;
    END IF;
    outcome := decided;
    INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    VALUES ('create', outcome, vault_id, seq, w.work_session_id, w.client_id, w.session, w.request_id, w.address);
    RETURN NEXT;
END
$$;

-- Makes the row that a write adds to its vault. It stores nothing.
--
-- In:     `w`: a write that is allowed. `v`: the row of its vault, as the write before left it; the caller holds its lock.
--         `top`: the highest version of the entry that an override or a summary continues; NULL for a new entry.
-- Out:    the row, with the next `seq` and its hash. An append takes the number of the vault's counter. Tags that the write
--         does not name stay as they are in `top`.
-- Locks:  none. The lock of the vault makes `seq` order commit order within the vault.
-- VOLATILE, because it draws from the sequence and reads the clock.
-- Errors: none.
CREATE OR REPLACE FUNCTION new_vault_row(w vault_write, v vaults, top vault_row) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made vault_row;
BEGIN
    made.seq := nextval('vault_entries_seq_seq');
    made.vault_id := v.vault_id;
    made.entry_no := CASE w.op WHEN 'append' THEN v.next_entry_no WHEN 'summary' THEN 0 ELSE top.entry_no END;
    made.version := coalesce(top.version, 0) + 1;
    made.kind := CASE w.op WHEN 'summary' THEN 'summary' ELSE 'content' END;
    made.writer_id := w.client_id;
    made.content := w.text;
    made.created_at := clock_timestamp();
    made.tags := coalesce(w.tags, top.tags, '{}');
    made.hash := vault_row_hash(v.head_hash, made);
    RETURN made;
END
$$;

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
        SELECT FROM vault_writers AS known WHERE known.vault_id = w.vault_id AND known.client_id = w.reads_as)
    THEN
        RETURN 'forbidden';
    ELSIF w.op <> 'summary' THEN
        RETURN 'past_writer';
    END IF;
    RETURN NULL;
END
$$;

-- Moves the counter of an irregular vault past numbers that are taken. Such a vault was adopted from another server and may
-- have entries whose numbers its counter has not reached.
--
-- In:     `v`: the row of the vault. The caller holds its lock.
-- Out:    the same row, whose `next_entry_no` is free, or 2147483647. `gaps` rises by one for each number skipped, so that
--         the count of entries stays right.
-- Locks:  none.
-- VOLATILE: it must see the rows that were committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION skip_taken_numbers(v vaults) RETURNS vaults
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WHILE v.next_entry_no < 2147483647 AND EXISTS (
        SELECT FROM vault_entries AS e WHERE e.vault_id = v.vault_id AND e.entry_no = v.next_entry_no)
    LOOP
        v.next_entry_no := v.next_entry_no + 1;
        v.gaps := v.gaps + 1;
    END LOOP;
    RETURN v;
END
$$;

-- The highest version of an entry. The summary is entry 0.
--
-- In:     `the_vault_id`: a vault whose lock the caller holds. `the_entry_no`: the number; NULL finds nothing.
-- Out:    the row; all of its fields are NULL when the vault has no such entry.
-- Locks:  none.
-- VOLATILE: a write that waited for the lock of the vault must see the version of the write that it waited for
-- (decision 1).
-- Errors: none.
CREATE OR REPLACE FUNCTION top_vault_row(the_vault_id TEXT, the_entry_no INT) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    top vault_row;
BEGIN
    SELECT e.seq, e.vault_id, e.entry_no, e.version, e.kind, e.writer_id, e.content, e.created_at, e.tags, e.hash
    INTO top.seq, top.vault_id, top.entry_no, top.version, top.kind, top.writer_id, top.content, top.created_at,
        top.tags, top.hash
    FROM vault_entries AS e
    WHERE e.vault_id = the_vault_id AND e.entry_no = the_entry_no
    ORDER BY e.version DESC LIMIT 1;
    RETURN top;
END
$$;

-- The row of a vault after one more entry or summary: head, counts and summary. It stores nothing.
--
-- In:     `v`: the row of the vault before. `made`: the row that was made. `op`: append, override or summary.
-- Out:    the new row of the vault. Only an append moves the counter: an override of an
--         irregular vault may have the number that the counter has reached.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION vault_after_row(v vaults, made vault_row, op TEXT) RETURNS vaults
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    v.head_seq := made.seq;
    v.head_hash := made.hash;
    v.changed_at := made.created_at;
    v.bytes := v.bytes + octet_length(made.content);
    IF op = 'summary' THEN
        v.summary := made.content;
        v.summary_version := made.version;
    ELSE
        v.versions := v.versions + 1;
        IF op = 'append' THEN v.next_entry_no := v.next_entry_no + 1; END IF;
    END IF;
    RETURN v;
END
$$;

-- The audit row of one write. It stores nothing.
--
-- In:     `w`: the write. `outcome`: what became of it. `seq`: of its row, or NULL where there is none.
-- Out:    the fields of the row of `audit_log`, without the text of the write.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION vault_write_event_of(w vault_write, outcome TEXT, seq BIGINT) RETURNS vault_write_event
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    event vault_write_event;
BEGIN
    event.action := w.op;
    event.outcome := outcome;
    event.vault_id := w.vault_id;
    event.seq := seq;
    event.work_session_id := w.work_session_id;
    event.client_id := w.client_id;
    event.session := w.session;
    event.request_id := w.request_id;
    event.address := w.address;
    RETURN event;
END
$$;

-- Every write into vaults that exist, one or many in one statement and one commit. Each write is decided by itself: one
-- that is refused leaves the others as they are.
--
-- In:     `writes`: a JSON array of objects with the fields of the type `vault_write`: place, op (append, override or
--         summary), vault_id, work_session_id, client_id, reads_as, entry_no, text, tags, expected, key, request_hash
--         (hexadecimal), session, request_id, address. `place` is the order of arrival, which is kept within each vault.
--         `max_entries`, `max_bytes`: what a vault may hold; 0 is no limit. Entries count, whatever their numbers.
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
            SELECT * INTO v FROM vaults WHERE vault_id = w.vault_id FOR NO KEY UPDATE;
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
            WHERE k.vault_id = w.vault_id AND k.client_id = w.client_id AND k.key = w.key;
            IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
                decided := 'replayed';
                rows := store_vault_rows(rows);
                SELECT e.entry_no, e.version, e.seq INTO entry_no, version, seq
                FROM vault_entries AS e WHERE e.seq = known.seq;
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
                top := top_vault_row(w.vault_id, target);
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
            made := new_vault_row(w, v, top);
            rows := rows || made;
            v := vault_after_row(v, made, w.op);
            changed := true;
            IF w.key IS NOT NULL THEN
                INSERT INTO vault_write_keys (vault_id, client_id, key, request_hash, seq)
                VALUES (v.vault_id, w.client_id, w.key, decode(w.request_hash, 'hex'), made.seq);
            END IF;
            decided := 'written'; entry_no := made.entry_no; version := made.version; seq := made.seq;
        END IF;

        -- The answer.
        place := w.place;
        outcome := decided;
        events := events || vault_write_event_of(w, outcome, seq);
        RETURN NEXT;
    END LOOP;

    IF changed THEN PERFORM store_vault_head(v); END IF;
    PERFORM store_vault_rows(rows);
    INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address
    FROM unnest(events);
END
$$;
