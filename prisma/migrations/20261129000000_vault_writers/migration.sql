-- Writers of a vault become rows, because a list inside the vault's row makes every append cost more, the more clients
-- wrote before. `vault_writers` decides who may read from another work session. `vaults.writer_list` stays for readers
-- of the relay design's schema, holds the first 100 writers only, and decides nothing.

-- Must come first: writes in flight end before the lists are copied, and later ones wait for the new functions.
LOCK TABLE vaults IN ACCESS EXCLUSIVE MODE;

CREATE TABLE vault_writers (
    vault_id  TEXT NOT NULL,
    client_id TEXT NOT NULL,
    PRIMARY KEY (vault_id, client_id)
);

INSERT INTO vault_writers (vault_id, client_id)
SELECT DISTINCT vault_id, client_id FROM vaults CROSS JOIN LATERAL unnest(writer_list) AS client_id
WHERE client_id IS NOT NULL;

-- Serves `list`: the vaults that a past writer may read from another work session.
CREATE INDEX vault_writers_by_client ON vault_writers (client_id, vault_id);

DROP INDEX vaults_by_writer;
UPDATE vaults SET writer_list = writer_list[:100] WHERE cardinality(writer_list) > 100;

GRANT SELECT, INSERT, DELETE ON vault_writers TO vault_relay_app;

-- A server of the version before removes a writer from the list only. The removal must hold for every server.
CREATE FUNCTION close_vault_to_unlisted_writers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM vault_writers
    WHERE vault_id = NEW.vault_id AND client_id = ANY (OLD.writer_list) AND client_id <> ALL (NEW.writer_list);
    RETURN NULL;
END
$$;

CREATE TRIGGER vaults_close_to_unlisted_writers
    AFTER UPDATE OF writer_list ON vaults FOR EACH ROW
    WHEN (cardinality(NEW.writer_list) < cardinality(OLD.writer_list))
    EXECUTE FUNCTION close_vault_to_unlisted_writers();

-- What the writes of one statement changed about a vault. Its list of writers is not among it.
CREATE OR REPLACE FUNCTION store_vault_head(v vaults) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE vaults SET
        summary = v.summary, next_entry_no = v.next_entry_no, head_seq = v.head_seq, head_hash = v.head_hash,
        changed_at = v.changed_at, summary_version = v.summary_version, versions = v.versions, bytes = v.bytes
    WHERE vault_id = v.vault_id;
END
$$;

-- Opens each vault to the writers of these rows of content. The caller holds the locks of the vaults, so that no removal
-- comes between. A writer who is known already costs one look into the index and writes nothing.
CREATE FUNCTION open_vaults_to_writers(rows vault_row[]) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    written RECORD;
BEGIN
    -- In the order of the key, so that no two statements ever wait for each other.
    INSERT INTO vault_writers (vault_id, client_id)
    SELECT DISTINCT vault_id, writer_id FROM unnest(rows) WHERE kind = 'content' ORDER BY vault_id, writer_id
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR written IN
        SELECT vault_id, writer_id FROM unnest(rows) WHERE kind = 'content'
        GROUP BY vault_id, writer_id ORDER BY min(seq)
    LOOP
        UPDATE vaults SET writer_list = writer_list || written.writer_id
        WHERE vault_id = written.vault_id AND cardinality(writer_list) < 100
            AND written.writer_id <> ALL (writer_list);
    END LOOP;
END
$$;

-- Stores rows and opens their vaults to their writers. Returns none: nothing is left to be stored.
CREATE OR REPLACE FUNCTION store_vault_rows(rows vault_row[]) RETURNS vault_row[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(rows) > 0 THEN
        INSERT INTO vault_entries
            (seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash)
        SELECT seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash FROM unnest(rows);
        PERFORM open_vaults_to_writers(rows);
    END IF;
    RETURN '{}';
END
$$;

-- What a write adds to the audit log, with the columns of this file: a column that is added later changes nothing here.
CREATE TYPE vault_write_event AS (
    action TEXT, outcome TEXT, vault_id TEXT, seq BIGINT, work_session_id TEXT, client_id TEXT, session TEXT,
    request_id TEXT, address TEXT);

-- Every write into vaults that exist, one or many in one statement and one commit.
--
-- `writes` is an array of {place, op: append | override | summary, vault_id, work_session_id, client_id, reads_as,
-- entry_no, text, tags, expected, key, request_hash (hex), session, request_id, address}. `place` is the order of
-- arrival, kept within each vault; vaults are locked by id, so that two batches never wait for each other in a ring.
-- The answer has a row for each: `outcome` is written, replayed, or why nothing was written; `current` is the present
-- version where another one was expected. Caps: 0 means none.
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
                IF max_entries > 0 AND v.next_entry_no > max_entries OR v.next_entry_no = 2147483647 THEN
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
