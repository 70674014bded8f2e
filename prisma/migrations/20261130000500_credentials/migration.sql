-- Keys for programs, sign-in for people, and a proven author for each row that they write.

-- A key is kept by the SHA-256 of its whole text: a reader of this table cannot act as any of them.
CREATE TABLE api_keys (
    id              TEXT PRIMARY KEY CHECK (id ~ '^[0-9a-z]{12}$'),
    key_hash        BYTEA NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    work_session_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    -- Pinned: each call with the key is a call of this client.
    client_id       TEXT NOT NULL,
    scopes          TEXT[] NOT NULL
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'write', 'create', 'redact', 'admin']),
    -- NULL: every vault of the work session.
    vaults          TEXT[] CHECK (cardinality(vaults) BETWEEN 1 AND 100),
    created_by      TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- NULL: it does not expire.
    expires_at      TIMESTAMPTZ,
    -- Written at most once a minute.
    last_used_at    TIMESTAMPTZ,
    revoked_at      TIMESTAMPTZ,
    -- A key for some vaults must not have rights over others.
    CONSTRAINT api_keys_vaults_scopes_check CHECK (vaults IS NULL OR NOT scopes && ARRAY['create', 'admin'])
);

-- Serves the list of one work session, and the count of its keys.
CREATE INDEX api_keys_by_work_session ON api_keys (work_session_id, created_at, id);

GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at) ON api_keys TO vault_relay_app;

CREATE TABLE people (
    id         TEXT PRIMARY KEY,
    -- NULL: the person was not asked yet.
    name       TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE (name) ON people TO vault_relay_app;

-- Links that sign a person in, once. A code is kept by its SHA-256.
CREATE TABLE sign_in_codes (
    code_hash       BYTEA PRIMARY KEY CHECK (octet_length(code_hash) = 32),
    role            TEXT NOT NULL CHECK (role IN ('member', 'operator')),
    work_session_id TEXT CHECK ((role = 'member') = (work_session_id IS NOT NULL)),
    name            TEXT,
    expires_at      TIMESTAMPTZ NOT NULL
);

CREATE INDEX sign_in_codes_by_expiry ON sign_in_codes (expires_at);

GRANT SELECT, INSERT, DELETE ON sign_in_codes TO vault_relay_app;

-- People sign in by rows of `sessions` too. A member's session is one of its work session, an operator's of none.
ALTER TABLE sessions
    ADD COLUMN kind        TEXT NOT NULL DEFAULT 'session',
    ADD COLUMN person_id   TEXT,
    ADD COLUMN role        TEXT,
    -- The session of an Astation that the person came from. NULL: a link.
    ADD COLUMN parent_hash BYTEA,
    ADD CONSTRAINT sessions_kind_check CHECK (CASE kind
        WHEN 'session' THEN person_id IS NULL AND role IS NULL AND parent_hash IS NULL
        WHEN 'person' THEN person_id IS NOT NULL AND (
            role = 'member' AND astation_id IS NOT NULL OR role = 'operator' AND astation_id IS NULL) IS TRUE
        ELSE false END);

CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_by_parent ON sessions (parent_hash);

-- What the server proved about the writer. NULL, from a server of an earlier version: its session.
ALTER TYPE vault_write ADD ATTRIBUTE author TEXT;

DROP VIEW session_states;
CREATE VIEW session_states WITH (security_invoker = true) AS
SELECT id_hash, encode(id_hash, 'hex') AS hash, kind, person_id,
    (SELECT p.name FROM people AS p WHERE p.id = s.person_id) AS person_name, role, hostname, status,
    CASE WHEN status IN ('pending', 'granted') AND expires_at <= now() THEN 'expired' ELSE status END AS state,
    astation_id COLLATE "C" AS astation_id,
    status = 'granted' AND expires_at > now() AND (astation_id IS NOT NULL OR kind = 'person')
        AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = s.astation_id)
        AND (parent_hash IS NULL OR EXISTS (
            SELECT FROM sessions AS p
            WHERE p.id_hash = s.parent_hash AND p.status = 'granted' AND p.astation_id = s.astation_id)) AS acts,
    greatest(0, extract(epoch FROM expires_at - now()))::float8 * 1000 AS remaining_ms,
    wire_time(created_at) COLLATE "C" AS created_at, wire_time(last_used_at) AS last_used_at,
    wire_time(expires_at) AS expires_at
FROM sessions AS s;

DROP VIEW astation_states;
CREATE VIEW astation_states WITH (security_invoker = true) AS
SELECT astation_id COLLATE "C" AS astation_id, a.public_key,
    wire_time(a.registered_at) COLLATE "C" AS registered_at, wire_time(b.banned_at) AS banned_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.kind = 'session' AND s.astation_id = coalesce(a.astation_id, b.astation_id) AND s.status = 'granted'
        AND s.expires_at > now()) AS sessions
FROM astations AS a FULL JOIN astation_bans AS b USING (astation_id);

CREATE VIEW api_key_states WITH (security_invoker = true) AS
SELECT id COLLATE "C" AS id, work_session_id COLLATE "C" AS work_session_id, name, client_id, scopes, vaults, created_by,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'live' END AS state,
    wire_time(created_at) COLLATE "C" AS created_at, wire_time(expires_at) AS expires_at,
    wire_time(last_used_at) AS last_used_at, wire_time(revoked_at) AS revoked_at
FROM api_keys;

GRANT SELECT ON session_states, astation_states, api_key_states TO vault_relay_app;

-- Binds sessions to an Astation. A session that the database does not know begins here, because the Astation vouches for it.
-- The function skips sessions that are pending or expired, those of another Astation, and those of people.
--
-- In:     `the_astation`: its id. `wanted`: SHA-256 of the ids of the sessions.
--         `exact`: whether the bindings become exactly this set, so that all others end.
--         `lifetime`: how long a binding lasts from now. `fresh`: a binding that lasts longer than this is not refreshed.
--         `max_bound`: how many sessions one Astation may hold.
--         `the_request`, `the_address`: request id and address for the audit log.
-- Out:    one row. `outcome`: done; or full, where the set would exceed `max_bound` and nothing changed.
--         `bound`: how many of the wanted sessions are bound now. `dropped`: hashes of the sessions that no longer are.
-- Locks:  the advisory lock of `bindings_left`, then the rows of `sessions` in the order of their hashes, so that two
--         Astations that want the same rows never deadlock.
-- VOLATILE: it writes, and each query must see what was committed before the locks were acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION bind_sessions(
    the_astation TEXT, wanted BYTEA[], exact BOOLEAN, lifetime INTERVAL, fresh INTERVAL, max_bound INT,
    the_request TEXT, the_address TEXT)
RETURNS TABLE (outcome TEXT, bound INT, dropped BYTEA[])
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    places INT;
    held BYTEA[];
    changed BYTEA[];
BEGIN
    places := bindings_left(the_astation, max_bound);
    -- In one order, so that Astations that want the same rows never wait for each other in a ring.
    PERFORM 1 FROM sessions AS s
    WHERE s.id_hash = ANY (wanted) OR (exact AND s.kind = 'session' AND s.astation_id = the_astation)
    ORDER BY s.id_hash FOR UPDATE;
    held := ARRAY(
        SELECT s.id_hash FROM unnest(wanted) AS w (id) JOIN sessions AS s ON s.id_hash = w.id
        WHERE s.kind = 'session' AND s.astation_id = the_astation AND s.status = 'granted' AND s.expires_at > now());
    outcome := 'done';
    dropped := '{}';
    bound := 0;
    IF cardinality(wanted) > (CASE WHEN exact THEN max_bound ELSE places + cardinality(held) END) THEN
        outcome := 'full';
        RETURN NEXT;
        RETURN;
    END IF;
    IF exact THEN
        WITH gone AS (
            UPDATE sessions AS s SET astation_id = NULL
            WHERE s.kind = 'session' AND s.astation_id = the_astation AND s.id_hash NOT IN (SELECT unnest(wanted))
            RETURNING s.id_hash
        ), audited AS (
            INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
            SELECT 'session_unbind', 'done', the_astation, left(encode(id_hash, 'hex'), 12), the_request, the_address
            FROM gone
        )
        SELECT coalesce(array_agg(id_hash), '{}') INTO dropped FROM gone;
    END IF;
    WITH bound_now AS (
        INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
        SELECT w.id, '', 'granted', the_astation, now(), now() + lifetime FROM unnest(wanted) AS w (id)
        WHERE NOT EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id_hash = w.id AND s.astation_id = the_astation AND s.status = 'granted'
              AND s.expires_at > now() + fresh)
        ORDER BY 1
        ON CONFLICT (id_hash) DO UPDATE SET astation_id = the_astation, expires_at = excluded.expires_at
        WHERE sessions.kind = 'session' AND sessions.status = 'granted'
            AND (sessions.astation_id IS NULL OR sessions.astation_id = the_astation)
        RETURNING id_hash
    )
    SELECT coalesce(array_agg(id_hash), '{}') INTO changed FROM bound_now;
    IF changed <> '{}' THEN PERFORM confirm_astation(the_astation, the_request, the_address); END IF;
    INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
    SELECT 'session_bind', CASE WHEN w.id IN (SELECT unnest(changed)) THEN 'done' ELSE 'refused' END, the_astation,
        left(encode(w.id, 'hex'), 12), the_request, the_address
    FROM unnest(wanted) AS w (id) WHERE w.id NOT IN (SELECT unnest(held));
    bound := (SELECT count(*) FROM (SELECT unnest(held) UNION SELECT unnest(changed)) AS both_of_them);
    RETURN NEXT;
END
$$;

-- How many more sessions may be bound to an Astation.
--
-- In:     `the_astation`: its id. `max_bound`: the limit.
-- Out:    the limit less the live sessions of agents that are bound now; negative when there are more than that.
-- Locks:  an advisory lock of the Astation until the end of the transaction, so that its bindings take turns.
-- VOLATILE: the count must see what was committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION bindings_left(the_astation TEXT, max_bound INT) RETURNS INT
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay bind ' || the_astation, 0));
    RETURN max_bound - (
        SELECT count(*) FROM sessions
        WHERE kind = 'session' AND astation_id = the_astation AND status = 'granted' AND expires_at > now());
END
$$;

-- Makes the row that a write adds to its vault. It stores nothing.
--
-- In:     `w`: a write that is allowed. `v`: the row of its vault, as the write before left it; the caller holds its lock.
--         `top`: the highest version of the entry that an override or a summary continues; NULL for a new entry.
--         `seed`: `new_salt_seed()` of the statement.
-- Out:    the row, with the next `seq` of its vault, a fresh salt and its hash. Its author is the credential that the server
--         proved (`w.author`). Where the server is of a version without that field, it is the session. An append takes the
--         number of the vault's counter. Tags that the write does not name stay as they are in `top`.
-- Locks:  none. The lock of the vault makes `seq` order commit order within the vault.
-- VOLATILE, because it reads the clock.
-- Errors: none.
CREATE OR REPLACE FUNCTION new_vault_row(w vault_write, v vaults, top vault_row, seed BYTEA) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made vault_row;
BEGIN
    made.bucket := v.bucket;
    made.seq := v.head_seq + 1;
    made.vault_id := v.vault_id;
    made.entry_no := CASE w.op WHEN 'append' THEN v.next_entry_no WHEN 'summary' THEN 0 ELSE top.entry_no END;
    made.version := coalesce(top.version, 0) + 1;
    made.kind := CASE w.op WHEN 'summary' THEN 'summary' ELSE 'content' END;
    made.writer_id := w.client_id;
    made.author := coalesce(w.author, 'session:' || w.session, '');
    made.addressees := '{}';
    made.content := w.text;
    made.created_at := clock_timestamp();
    made.tags := coalesce(w.tags, top.tags, '{}');
    -- PostgreSQL's random bytes take longer than a hash of them, so the rows of one statement share a seed that is kept nowhere.
    made.salt := substr(sha256(seed || v.head_hash), 1, 16);
    made.hash := vault_row_hash(v.head_hash, made);
    RETURN made;
END
$$;

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

-- Makes a vault with its first summary.
--
-- In:     `creation`: a JSON object of vault_id (fresh), summary, work_session_id, client_id, key, request_hash
--         (hexadecimal), session, request_id, address, author.
--         `max_vaults`: how many vaults a work session may have; 0 means no limit.
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
            SELECT head_seq INTO seq FROM vaults
            WHERE bucket = vault_bucket(known.vault_id) AND vault_id = known.vault_id;
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
        v.bucket := vault_bucket(w.vault_id);
        v.head_seq := 0;
        v.head_hash := decode(repeat('00', 32), 'hex');
        v.bytes := 0;
        made := new_vault_row(w, v, NULL, new_salt_seed());
        v := vault_after_row(v, made, w.op);
        INSERT INTO vaults (bucket, vault_id, summary, work_session_id, created_by, created_at, head_seq, head_hash,
            changed_at, summary_version, bytes)
        VALUES (v.bucket, v.vault_id, v.summary, w.work_session_id, w.client_id, made.created_at, v.head_seq, v.head_hash,
            v.changed_at, v.summary_version, v.bytes)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'taken'::vault_creation_outcome;
            RETURN NEXT;
            RETURN;
        END IF;
        PERFORM store_vault_rows(ARRAY[made]);
        IF w.key IS NOT NULL THEN
            INSERT INTO vault_creation_keys (work_session_id, client_id, key, request_hash, bucket, vault_id)
            VALUES (w.work_session_id, w.client_id, w.key, decode(w.request_hash, 'hex'), v.bucket, w.vault_id);
        END IF;
        vault_id := w.vault_id;
        seq := made.seq;
    END IF;
    outcome := decided;
    INSERT INTO audit_log (bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    VALUES (coalesce(vault_bucket(vault_id), 0), 'create', outcome, vault_id, seq, w.work_session_id, w.client_id,
        w.session, w.request_id, w.address);
    RETURN NEXT;
END
$$;
