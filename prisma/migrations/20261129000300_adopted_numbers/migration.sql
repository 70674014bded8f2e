-- A relay server of the design of 2026-05-29 lets a client override an entry that nobody wrote. Its vaults have entries of
-- any number, also 0 and below, and rows whose order is not that of their versions. This migration accepts them all: rows
-- and numbers stay as they are, and reads and appends find their way.

-- Must come first: writes in flight end before the rows are counted.
LOCK TABLE vaults, vault_entries IN ACCESS EXCLUSIVE MODE;

ALTER TABLE vaults
    -- Numbers below the counter without an entry, less the entries with other numbers: a vault has
    -- `next_entry_no - 1 - gaps` entries.
    ADD COLUMN gaps INT NOT NULL DEFAULT 0,
    -- Whether entries have numbers below 1 or not below the counter, or versions that follow higher ones.
    ADD COLUMN irregular BOOLEAN NOT NULL DEFAULT false;
GRANT UPDATE (gaps, irregular) ON vaults TO vault_relay_app;

-- What a vault says of its rows of content, from the rows. Its counter goes past every entry up to 1,000,000; an entry
-- with a higher number keeps it without taking the numbers before it away.
CREATE FUNCTION settle_vault_numbers(the_vault_id TEXT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    counter INT;
    numbers RECORD;
BEGIN
    SELECT v.next_entry_no INTO counter FROM vaults AS v WHERE v.vault_id = the_vault_id FOR NO KEY UPDATE;
    SELECT count(DISTINCT e.entry_no)::int AS entries, count(*) AS versions,
        min(e.entry_no) AS lowest, max(e.entry_no) AS highest,
        greatest(counter, max(e.entry_no) FILTER (WHERE e.entry_no <= 1000000) + 1) AS next
    INTO numbers
    FROM vault_entries AS e WHERE e.vault_id = the_vault_id AND e.kind = 'content';
    UPDATE vaults SET
        next_entry_no = numbers.next, gaps = numbers.next - 1 - numbers.entries, versions = numbers.versions,
        irregular = coalesce(numbers.lowest < 1 OR numbers.highest >= numbers.next, false) OR EXISTS (
            SELECT FROM (
                SELECT e.version < lag(e.version) OVER (PARTITION BY e.entry_no ORDER BY e.seq) AS goes_back
                FROM vault_entries AS e WHERE e.vault_id = the_vault_id
            ) AS by_seq WHERE goes_back)
    WHERE vault_id = the_vault_id;
END
$$;

-- What the writes of one statement changed about a vault. Its list of writers is not among it.
CREATE OR REPLACE FUNCTION store_vault_head(v vaults) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE vaults SET
        summary = v.summary, next_entry_no = v.next_entry_no, gaps = v.gaps, head_seq = v.head_seq,
        head_hash = v.head_hash, changed_at = v.changed_at, summary_version = v.summary_version,
        versions = v.versions, bytes = v.bytes
    WHERE vault_id = v.vault_id;
END
$$;

-- Every write into vaults that exist, one or many in one statement and one commit.
--
-- `writes` is an array of {place, op: append | override | summary, vault_id, work_session_id, client_id, reads_as,
-- entry_no, text, tags, expected, key, request_hash (hex), session, request_id, address}. `place` is the order of
-- arrival, kept within each vault; vaults are locked by id, so that two batches never wait for each other in a ring.
-- The answer has a row for each: `outcome` is written, replayed, or why nothing was written; `current` is the present
-- version where another one was expected. Caps: 0 means none; the cap of entries counts them, whatever their numbers.
--
-- Rows and their writers are stored together at the end, and before a later write of the same statement asks for them.
-- VOLATILE: each query sees what was committed up to its own start. A write that waited for a vault's lock must see the
-- versions and the writers of the write it waited for.
CREATE OR REPLACE FUNCTION write_to_vaults(writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w RECORD;
    v vaults;
    row vault_row;
    top vault_row;
    known RECORD;
    -- Made, and not stored yet.
    rows vault_row[] := '{}';
    events vault_write_event[] := '{}';
    dirty BOOLEAN := false;
BEGIN
    FOR w IN
        SELECT *, CASE
            WHEN w.op = 'summary' THEN 0
            WHEN w.entry_no > 0 THEN least(w.entry_no, 2147483647)::int
        END AS target
        FROM json_to_recordset(writes) AS w (
            place INT, op TEXT, vault_id TEXT, work_session_id TEXT, client_id TEXT, reads_as TEXT, entry_no BIGINT,
            text TEXT, tags TEXT[], expected BIGINT, key TEXT, request_hash TEXT, session TEXT, request_id TEXT,
            address TEXT)
        ORDER BY w.vault_id COLLATE "C", w.place
    LOOP
        IF v.vault_id IS DISTINCT FROM w.vault_id THEN
            IF dirty THEN PERFORM store_vault_head(v); dirty := false; END IF;
            SELECT * INTO v FROM vaults WHERE vault_id = w.vault_id FOR NO KEY UPDATE;
        END IF;
        place := w.place;
        outcome := NULL; entry_no := NULL; version := NULL; seq := NULL; current := NULL;
        IF v.vault_id IS NULL THEN
            outcome := 'no_vault';
        ELSIF v.work_session_id <> w.work_session_id THEN
            rows := store_vault_rows(rows);
            IF NOT EXISTS (SELECT FROM vault_writers WHERE vault_id = v.vault_id AND client_id = w.reads_as) THEN
                outcome := 'forbidden';
            ELSIF w.op <> 'summary' THEN
                outcome := 'past_writer';
            END IF;
        END IF;
        IF outcome IS NULL AND w.key IS NOT NULL THEN
            SELECT k.request_hash, k.seq INTO known FROM vault_write_keys AS k
            WHERE k.vault_id = w.vault_id AND k.client_id = w.client_id AND k.key = w.key;
            IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
                outcome := 'replayed';
                rows := store_vault_rows(rows);
                SELECT e.entry_no, e.version, e.seq INTO entry_no, version, seq
                FROM vault_entries AS e WHERE e.seq = known.seq;
            ELSIF FOUND THEN
                outcome := 'key_reused';
            END IF;
        END IF;
        IF outcome IS NULL THEN
            IF w.op = 'append' THEN
                top := NULL;
                -- An adopted vault may have entries whose numbers the counter has not reached.
                WHILE v.irregular AND v.next_entry_no < 2147483647 AND EXISTS (
                    SELECT FROM vault_entries WHERE vault_id = v.vault_id AND entry_no = v.next_entry_no)
                LOOP
                    v.next_entry_no := v.next_entry_no + 1;
                    v.gaps := v.gaps + 1;
                END LOOP;
                IF max_entries > 0 AND v.next_entry_no::bigint - v.gaps > max_entries
                    OR v.next_entry_no = 2147483647 THEN
                    outcome := 'entries_full';
                END IF;
            ELSE
                -- The row before this one is the entry's highest version if it is of the entry at all.
                IF row.vault_id = w.vault_id AND row.entry_no = w.target THEN
                    top := row;
                ELSE
                    rows := store_vault_rows(rows);
                    SELECT e.seq, e.vault_id, e.entry_no, e.version, e.kind, e.writer_id, e.content, e.created_at,
                        e.tags, e.hash
                    INTO top FROM vault_entries AS e
                    WHERE e.vault_id = w.vault_id AND e.entry_no = w.target
                    ORDER BY e.version DESC LIMIT 1;
                END IF;
                IF top.seq IS NULL AND w.op = 'override' THEN
                    outcome := 'no_entry';
                ELSIF w.expected <> coalesce(top.version, 0) THEN
                    outcome := 'conflict';
                    current := json_build_object('entry_no', top.entry_no, 'version', top.version, 'seq', top.seq,
                        'writer_id', top.writer_id, 'content', top.content, 'created_at', wire_time(top.created_at));
                END IF;
            END IF;
            IF outcome IS NULL AND max_bytes > 0 AND v.bytes + octet_length(w.text) > max_bytes THEN
                outcome := 'bytes_full';
            END IF;
        END IF;
        IF outcome IS NULL THEN
            row := ROW(nextval('vault_entries_seq_seq'), v.vault_id,
                CASE w.op WHEN 'append' THEN v.next_entry_no ELSE w.target END, coalesce(top.version, 0) + 1,
                CASE w.op WHEN 'summary' THEN 'summary' ELSE 'content' END, w.client_id, w.text, clock_timestamp(),
                coalesce(w.tags, top.tags, '{}'), NULL)::vault_row;
            row.hash := vault_row_hash(v.head_hash, row);
            rows := rows || row;
            v.head_seq := row.seq;
            v.head_hash := row.hash;
            v.changed_at := row.created_at;
            v.bytes := v.bytes + octet_length(row.content);
            IF w.op = 'summary' THEN
                v.summary := row.content;
                v.summary_version := row.version;
            ELSE
                v.versions := v.versions + 1;
                IF w.op = 'append' THEN v.next_entry_no := v.next_entry_no + 1; END IF;
            END IF;
            dirty := true;
            IF w.key IS NOT NULL THEN
                INSERT INTO vault_write_keys (vault_id, client_id, key, request_hash, seq)
                VALUES (v.vault_id, w.client_id, w.key, decode(w.request_hash, 'hex'), row.seq);
            END IF;
            outcome := 'written'; entry_no := row.entry_no; version := row.version; seq := row.seq;
        END IF;
        events := events || ROW(w.op, outcome, w.vault_id, seq, w.work_session_id, w.client_id, w.session,
            w.request_id, w.address)::vault_write_event;
        RETURN NEXT;
    END LOOP;
    IF dirty THEN PERFORM store_vault_head(v); END IF;
    PERFORM store_vault_rows(rows);
    INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address
    FROM unnest(events);
END
$$;

-- Vaults that were adopted: those whose first summary was not written with them. The last row of entry 0 is a summary, so
-- that the next one has a version to follow.
DO $$
DECLARE
    vault vaults;
    row vault_row;
BEGIN
    FOR vault IN
        SELECT * FROM vaults AS v WHERE NOT EXISTS (
            SELECT FROM vault_entries AS e
            WHERE e.vault_id = v.vault_id AND e.entry_no = 0 AND e.version = 1 AND e.kind = 'summary'
                AND e.created_at = v.created_at)
    LOOP
        IF 'summary' IS DISTINCT FROM (
            SELECT e.kind FROM vault_entries AS e WHERE e.vault_id = vault.vault_id AND e.entry_no = 0
            ORDER BY e.version DESC LIMIT 1)
        THEN
            row := ROW(nextval('vault_entries_seq_seq'), vault.vault_id, 0, vault.summary_version + 1, 'summary',
                vault.created_by, vault.summary, clock_timestamp(), '{}', NULL)::vault_row;
            row.hash := vault_row_hash(vault.head_hash, row);
            PERFORM store_vault_rows(ARRAY[row]);
            UPDATE vaults SET head_seq = row.seq, head_hash = row.hash, changed_at = row.created_at,
                summary_version = row.version, bytes = bytes + octet_length(row.content)
            WHERE vault_id = row.vault_id;
        END IF;
        PERFORM settle_vault_numbers(vault.vault_id);
    END LOOP;
END
$$;
