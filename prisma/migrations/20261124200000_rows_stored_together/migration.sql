-- Writes cost less: the rows of a statement are stored together instead of one by one, and the canonical form is made
-- without functions in SQL, which PostgreSQL prepares anew in each transaction. What is written is the same.

-- A row of vault_entries, its columns in the order of this file: those of an adopted table may stand in another.
CREATE TYPE vault_row AS (
    seq BIGINT, vault_id TEXT, entry_no INT, version INT, kind TEXT, writer_id TEXT, content TEXT,
    created_at TIMESTAMPTZ, tags TEXT[], hash BYTEA);

-- SHA-256 over the hash of the vault's previous row and the canonical form of this one, whose fields are netstrings:
-- `<length in bytes>:<text>,`. docs/proof.md has the form and test vectors; `vault-relay verify` computes it by itself.
CREATE FUNCTION vault_row_hash(previous BYTEA, entry vault_row) RETURNS BYTEA
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    created TEXT := to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    tags TEXT := '';
    tag TEXT;
BEGIN
    FOREACH tag IN ARRAY entry.tags LOOP
        tags := tags || octet_length(tag) || ':' || tag || ',';
    END LOOP;
    RETURN sha256(previous || convert_to(
        '13:vault-relay/1,'
        || octet_length(entry.vault_id) || ':' || entry.vault_id || ','
        || length(entry.seq::text) || ':' || entry.seq || ','
        || length(entry.entry_no::text) || ':' || entry.entry_no || ','
        || length(entry.version::text) || ':' || entry.version || ','
        || octet_length(entry.kind) || ':' || entry.kind || ','
        || octet_length(entry.writer_id) || ':' || entry.writer_id || ','
        || length(created) || ':' || created || ','
        || octet_length(tags) || ':' || tags || ','
        || '64:' || encode(sha256(convert_to(entry.content, 'UTF8')), 'hex') || ',', 'UTF8'));
END
$$;

-- Stores rows. Returns none, for what is still to be stored then.
CREATE FUNCTION store_vault_rows(rows vault_row[]) RETURNS vault_row[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO vault_entries (seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash)
    SELECT seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash FROM unnest(rows);
    RETURN '{}';
END
$$;

-- As before, but for how rows are stored: those that a later write of the same statement asks for are stored before it
-- asks; the others at the end. So are the rows of the audit log.
CREATE OR REPLACE FUNCTION write_to_vaults(writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w RECORD;
    v vaults;
    row vault_row;
    top vault_row;
    known vault_write_keys;
    -- Made, and not stored yet.
    rows vault_row[] := '{}';
    audit audit_log[] := '{}';
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
        entry_no := NULL; version := NULL; seq := NULL; current := NULL;
        outcome := CASE
            WHEN v.vault_id IS NULL THEN 'no_vault'
            WHEN v.work_session_id = w.work_session_id THEN NULL
            WHEN coalesce(w.reads_as = ANY (v.writer_list), false) THEN
                CASE WHEN w.op = 'summary' THEN NULL ELSE 'past_writer' END
            ELSE 'forbidden'
        END;
        IF outcome IS NULL AND w.key IS NOT NULL THEN
            SELECT * INTO known FROM vault_write_keys
            WHERE vault_id = w.vault_id AND client_id = w.client_id AND key = w.key;
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
                IF w.client_id <> ALL (v.writer_list) THEN v.writer_list := v.writer_list || w.client_id; END IF;
                IF w.op = 'append' THEN v.next_entry_no := v.next_entry_no + 1; END IF;
            END IF;
            dirty := true;
            IF w.key IS NOT NULL THEN
                INSERT INTO vault_write_keys (vault_id, client_id, key, request_hash, seq)
                VALUES (v.vault_id, w.client_id, w.key, decode(w.request_hash, 'hex'), row.seq);
            END IF;
            outcome := 'written'; entry_no := row.entry_no; version := row.version; seq := row.seq;
        END IF;
        audit := audit || ROW(NULL, NULL, w.op, outcome, w.vault_id, seq, w.work_session_id, w.client_id, w.session,
            w.request_id, w.address)::audit_log;
        RETURN NEXT;
    END LOOP;
    IF dirty THEN PERFORM store_vault_head(v); END IF;
    PERFORM store_vault_rows(rows);
    INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address FROM unnest(audit);
END
$$;

-- As before, but that a repeat tells the head of its vault.
CREATE OR REPLACE FUNCTION create_vault(creation JSON, max_vaults BIGINT)
RETURNS TABLE (outcome TEXT, vault_id TEXT, seq BIGINT)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w RECORD;
    row vault_row;
    known vault_creation_keys;
BEGIN
    SELECT * INTO w FROM json_to_record(creation) AS w (
        vault_id TEXT, summary TEXT, work_session_id TEXT, client_id TEXT, key TEXT, request_hash TEXT, session TEXT,
        request_id TEXT, address TEXT);
    outcome := 'written';
    IF w.key IS NOT NULL OR max_vaults > 0 THEN
        -- In turn, so that two who look at the same time do not both find no key, or room for one more.
        PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay create ' || w.work_session_id, 0));
    END IF;
    IF w.key IS NOT NULL THEN
        SELECT * INTO known FROM vault_creation_keys
        WHERE work_session_id = w.work_session_id AND client_id = w.client_id AND key = w.key;
        IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
            outcome := 'replayed';
            vault_id := known.vault_id;
            SELECT v.head_seq INTO seq FROM vaults AS v WHERE v.vault_id = known.vault_id;
        ELSIF FOUND THEN
            outcome := 'key_reused';
        END IF;
    END IF;
    IF outcome = 'written' AND max_vaults > 0
        AND (SELECT count(*) FROM vaults WHERE work_session_id = w.work_session_id) >= max_vaults THEN
        outcome := 'full';
    END IF;
    IF outcome = 'written' THEN
        row := ROW(nextval('vault_entries_seq_seq'), w.vault_id, 0, 1, 'summary', w.client_id, w.summary,
            clock_timestamp(), '{}', NULL)::vault_row;
        row.hash := vault_row_hash(decode(repeat('00', 32), 'hex'), row);
        INSERT INTO vaults (vault_id, summary, work_session_id, created_by, created_at, head_seq, head_hash,
            changed_at, summary_version, bytes)
        VALUES (w.vault_id, w.summary, w.work_session_id, w.client_id, row.created_at, row.seq, row.hash,
            row.created_at, 1, octet_length(row.content))
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'taken';
            RETURN NEXT;
            RETURN;
        END IF;
        PERFORM store_vault_rows(ARRAY[row]);
        IF w.key IS NOT NULL THEN
            INSERT INTO vault_creation_keys (work_session_id, client_id, key, request_hash, vault_id)
            VALUES (w.work_session_id, w.client_id, w.key, decode(w.request_hash, 'hex'), w.vault_id);
        END IF;
        vault_id := w.vault_id;
        seq := row.seq;
    END IF;
    INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    VALUES ('create', outcome, vault_id, seq, w.work_session_id, w.client_id, w.session, w.request_id, w.address);
    RETURN NEXT;
END
$$;

DROP FUNCTION vault_row_hash(BYTEA, vault_entries);
DROP FUNCTION netstring(TEXT);

-- A key makes one vault, and no vault is made by two.
ALTER TABLE vault_creation_keys ADD UNIQUE (vault_id);
