-- Handing over: summaries as rows, tags, a chain of hashes, idempotency keys, who read from outside,
-- an audit log, and one function through which every write goes.

-- Hashes are made over UTF-8; in another encoding the server would count other bytes than its clients.
DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE feature_not_supported USING MESSAGE = format(
            'database %I has the encoding %s; make one with CREATE DATABASE … ENCODING ''UTF8'' TEMPLATE template0',
            current_database(), current_setting('server_encoding'));
    END IF;
END
$$;

ALTER TABLE vaults
    -- The vault's last row of either kind: where a follower stands that has seen everything.
    ADD COLUMN head_seq        BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN head_hash       BYTEA NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    ADD COLUMN changed_at      TIMESTAMPTZ,
    ADD COLUMN summary_version INT NOT NULL DEFAULT 0,
    -- Rows of content, and the bytes of all rows.
    ADD COLUMN versions        BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN bytes           BIGINT NOT NULL DEFAULT 0,
    ADD CHECK (octet_length(head_hash) = 32),
    -- Room on each page for the next version of the row, which every write makes.
    SET (fillfactor = 70);

ALTER TABLE vault_entries
    ADD COLUMN tags TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN hash BYTEA;

-- `<length in bytes>:<text>,` so that no text can pass for the end of its field (D. J. Bernstein's netstrings).
CREATE FUNCTION netstring(value TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT octet_length(value) || ':' || value || ',' $$;

-- RFC 3339 in UTC, to the microsecond: a time as it goes over the wire and into the hash.
CREATE FUNCTION wire_time(value TIMESTAMPTZ) RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- SHA-256 over the hash of the vault's previous row and the canonical form of this one. docs/proof.md has the
-- form and test vectors; `vault-relay verify` computes it by itself.
CREATE FUNCTION vault_row_hash(previous BYTEA, entry vault_entries) RETURNS BYTEA
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    tags TEXT := '';
    tag TEXT;
BEGIN
    FOREACH tag IN ARRAY entry.tags LOOP
        tags := tags || netstring(tag);
    END LOOP;
    RETURN sha256(previous || convert_to(
        '13:vault-relay/1,' || netstring(entry.vault_id) || netstring(entry.seq::text)
        || netstring(entry.entry_no::text) || netstring(entry.version::text) || netstring(entry.kind)
        || netstring(entry.writer_id) || netstring(wire_time(entry.created_at)) || netstring(tags)
        || netstring(encode(sha256(convert_to(entry.content, 'UTF8')), 'hex')), 'UTF8'));
END
$$;

-- Vaults from before: their summary becomes its own first row, and their rows are chained as they stand. The owner
-- may, here and once: the triggers keep everybody else from it.
ALTER TABLE vault_entries DISABLE TRIGGER vault_entries_append_only;
DO $$
DECLARE
    vault vaults;
    entry vault_entries;
BEGIN
    -- One that has summaries among its rows already keeps them; only if the last of them is another does it get a row more.
    INSERT INTO vault_entries (vault_id, entry_no, version, kind, writer_id, content, created_at)
    SELECT v.vault_id, 0, coalesce(top.version, 0) + 1, 'summary', v.created_by, v.summary, clock_timestamp()
    FROM vaults AS v LEFT JOIN LATERAL (
        SELECT e.version, e.content FROM vault_entries AS e WHERE e.vault_id = v.vault_id AND e.entry_no = 0
        ORDER BY e.version DESC LIMIT 1
    ) AS top ON true
    WHERE top.content IS DISTINCT FROM v.summary
    ORDER BY v.created_at, v.vault_id;
    FOR vault IN SELECT * FROM vaults LOOP
        FOR entry IN SELECT * FROM vault_entries WHERE vault_id = vault.vault_id ORDER BY seq LOOP
            entry.hash := vault_row_hash(vault.head_hash, entry);
            UPDATE vault_entries SET hash = entry.hash WHERE seq = entry.seq;
            vault.head_seq := entry.seq;
            vault.head_hash := entry.hash;
            vault.changed_at := entry.created_at;
            vault.bytes := vault.bytes + octet_length(entry.content);
            IF entry.entry_no = 0 THEN
                vault.summary_version := greatest(vault.summary_version, entry.version);
            ELSE
                vault.versions := vault.versions + 1;
            END IF;
        END LOOP;
        UPDATE vaults SET
            head_seq = vault.head_seq, head_hash = vault.head_hash, changed_at = vault.changed_at,
            summary_version = vault.summary_version, versions = vault.versions, bytes = vault.bytes
        WHERE vault_id = vault.vault_id;
    END LOOP;
END
$$;
ALTER TABLE vault_entries ENABLE ALWAYS TRIGGER vault_entries_append_only;
ALTER TABLE vault_entries
    ALTER COLUMN hash SET NOT NULL,
    ADD CHECK (octet_length(hash) = 32);
ALTER TABLE vaults ALTER COLUMN changed_at SET DEFAULT now(), ALTER COLUMN changed_at SET NOT NULL;

-- What a key stood for, as long as the vault lasts. A hash of the request tells a repeat from another request.
CREATE TABLE vault_write_keys (
    vault_id     TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    key          TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (vault_id, client_id, key)
);

CREATE TABLE vault_creation_keys (
    work_session_id TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    key             TEXT NOT NULL,
    request_hash    BYTEA NOT NULL,
    vault_id        TEXT NOT NULL,
    PRIMARY KEY (work_session_id, client_id, key)
);

-- The last reads of each vault by past writers from other work sessions.
CREATE TABLE vault_outside_reads (
    id              BIGSERIAL PRIMARY KEY,
    vault_id        TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    work_session_id TEXT NOT NULL,
    read_at         TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX vault_outside_reads_by_vault ON vault_outside_reads (vault_id, id);

-- Who did what, and how it ended: never what was written.
CREATE TABLE audit_log (
    id              BIGSERIAL PRIMARY KEY,
    at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    action          TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    vault_id        TEXT,
    seq             BIGINT,
    work_session_id TEXT,
    client_id       TEXT,
    -- The first digits of the SHA-256 of the session's id.
    session         TEXT,
    request_id      TEXT,
    address         TEXT
);
-- Rows come in the order of time, give or take: a few pages tell where a day begins.
CREATE INDEX audit_log_by_time ON audit_log USING brin (at);

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: % refused', TG_OP USING ERRCODE = 'VR001';
END
$$;
CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;

-- Keeps what the writes of one vault changed about it.
CREATE FUNCTION store_vault_head(v vaults) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE vaults SET
        summary = v.summary, writer_list = v.writer_list, next_entry_no = v.next_entry_no, head_seq = v.head_seq,
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
-- The answer has a row for each: `outcome` is written, replayed, or why nothing was written; `current` is what stands
-- where another version was expected. Caps: 0 means none.
--
-- VOLATILE: each query in here sees what was committed up to its own start, so that who waited for a vault's lock
-- sees the versions of the writer it waited for.
CREATE FUNCTION write_to_vaults(writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w RECORD;
    v vaults;
    row vault_entries;
    top vault_entries;
    known vault_write_keys;
    dirty BOOLEAN := false;
BEGIN
    FOR w IN
        SELECT * FROM json_to_recordset(writes) AS w (
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
            IF FOUND THEN
                IF known.request_hash = decode(w.request_hash, 'hex') THEN
                    outcome := 'replayed';
                    SELECT e.entry_no, e.version, e.seq INTO entry_no, version, seq
                    FROM vault_entries AS e WHERE e.seq = known.seq;
                ELSE
                    outcome := 'key_reused';
                END IF;
            END IF;
        END IF;
        IF outcome IS NULL THEN
            top := NULL;
            IF w.op = 'append' THEN
                IF max_entries > 0 AND v.next_entry_no > max_entries OR v.next_entry_no = 2147483647 THEN
                    outcome := 'entries_full';
                END IF;
            ELSE
                SELECT * INTO top FROM vault_entries AS e
                WHERE e.vault_id = v.vault_id
                    AND e.entry_no = CASE w.op WHEN 'summary' THEN 0 ELSE least(w.entry_no, 2147483647)::int END
                    AND (w.op = 'summary' OR w.entry_no > 0)
                ORDER BY e.version DESC LIMIT 1;
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
            row.seq := nextval('vault_entries_seq_seq');
            row.vault_id := v.vault_id;
            row.entry_no := CASE w.op WHEN 'append' THEN v.next_entry_no WHEN 'summary' THEN 0 ELSE top.entry_no END;
            row.version := coalesce(top.version, 0) + 1;
            row.kind := CASE w.op WHEN 'summary' THEN 'summary' ELSE 'content' END;
            row.writer_id := w.client_id;
            row.content := w.text;
            row.tags := coalesce(w.tags, top.tags, '{}');
            row.created_at := clock_timestamp();
            row.hash := vault_row_hash(v.head_hash, row);
            INSERT INTO vault_entries SELECT row.*;
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
        INSERT INTO audit_log (action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
        VALUES (w.op, outcome, w.vault_id, seq, w.work_session_id, w.client_id, w.session, w.request_id, w.address);
        RETURN NEXT;
    END LOOP;
    IF dirty THEN PERFORM store_vault_head(v); END IF;
END
$$;

-- Makes a vault with its first summary. `creation` is {vault_id (fresh), summary, work_session_id, client_id, key,
-- request_hash (hex), session, request_id, address}; the outcome is written, replayed (with the first vault's id),
-- key_reused, full, or taken when the id is not fresh after all. `max_vaults` counts those of the work session; 0: no cap.
CREATE FUNCTION create_vault(creation JSON, max_vaults BIGINT)
RETURNS TABLE (outcome TEXT, vault_id TEXT, seq BIGINT)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w RECORD;
    row vault_entries;
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
        ELSIF FOUND THEN
            outcome := 'key_reused';
        END IF;
    END IF;
    IF outcome = 'written' AND max_vaults > 0
        AND (SELECT count(*) FROM vaults WHERE work_session_id = w.work_session_id) >= max_vaults THEN
        outcome := 'full';
    END IF;
    IF outcome = 'written' THEN
        row.seq := nextval('vault_entries_seq_seq');
        row.vault_id := w.vault_id;
        row.entry_no := 0;
        row.version := 1;
        row.kind := 'summary';
        row.writer_id := w.client_id;
        row.content := w.summary;
        row.tags := '{}';
        row.created_at := clock_timestamp();
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
        INSERT INTO vault_entries SELECT row.*;
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

DROP FUNCTION top_entry_version(TEXT, INT);

GRANT UPDATE (head_seq, head_hash, changed_at, summary_version, versions, bytes) ON vaults TO vault_relay_app;
GRANT SELECT, INSERT ON vault_write_keys TO vault_relay_app;
GRANT SELECT, INSERT ON vault_creation_keys TO vault_relay_app;
GRANT SELECT, INSERT, DELETE ON vault_outside_reads TO vault_relay_app;
GRANT USAGE ON SEQUENCE vault_outside_reads_id_seq TO vault_relay_app;
GRANT SELECT, INSERT ON audit_log TO vault_relay_app;
GRANT USAGE ON SEQUENCE audit_log_id_seq TO vault_relay_app;
