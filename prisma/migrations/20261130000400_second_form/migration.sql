-- Three changes of every row's keys and of the hash of new rows: each vault counts its own rows, keys begin with the bucket
-- of the vault, and new rows are chained in the form vault-relay/2. Hashes and numbers of the rows that exist stay.
--
-- This migration rewrites the tables of vaults and the audit log. Its locks block all readers and writers until it ends.
-- It is one transaction: an attempt that is interrupted leaves everything as it was. A server of the version before cannot
-- serve this database, because it knows neither the keys nor the form.

-- Must come first: writes in flight end before the tables are rewritten.
LOCK TABLE vaults, vault_entries, vault_writers, vault_write_keys, vault_creation_keys, vault_outside_reads, audit_log
    IN ACCESS EXCLUSIVE MODE;

-- The bucket of a vault: the first ten bits of SHA-256 over its id. Tables whose rows belong to a vault begin their keys with
-- it, so that they can be partitioned or distributed by it. docs/data.md has test vectors, and src/vault/bucket.ts computes
-- the same.
--
-- In:     `vault_id`: the id of a vault, or NULL.
-- Out:    0 to 1023; NULL for NULL.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the argument alone. An index and a check depend on that: the function must
-- never change.
-- Errors: none.
--
-- `convert_to` is only STABLE. A cast to BYTEA reads the same bytes once backslashes are doubled, because the encoding of the
-- database is UTF-8. PostgreSQL replaces a call by this expression, which costs no call of a function.
CREATE OR REPLACE FUNCTION vault_bucket(vault_id TEXT) RETURNS INT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || left(encode(sha256(replace(vault_id, E'\\', E'\\\\')::bytea), 'hex'), 3))::bit(10)::int;

-- Refuses a row in another bucket than that of its vault. A CHECK would do the same, but PostgreSQL prepares each CHECK of a
-- table for each statement that writes into it, and writes update their vault.
--
-- In:     NEW row, from the triggers `…_bucket`, which fire for a new row and where bucket or vault change.
-- Out:    the row as it is.
-- Locks:  none.
-- VOLATILE (the default), as triggers are.
-- Errors: SQLSTATE 23514 for another bucket.
CREATE OR REPLACE FUNCTION check_bucket() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.bucket <> vault_bucket(NEW.vault_id) THEN
        RAISE check_violation USING MESSAGE = format('vault %L is not of bucket %s', NEW.vault_id, NEW.bucket);
    END IF;
    RETURN NEW;
END
$$;

-- Tables that were adopted may have other names for these, or an index twice.
DO $$
DECLARE
    old RECORD;
BEGIN
    FOR old IN
        SELECT k.conrelid::regclass AS tab, k.conname FROM pg_constraint AS k
        WHERE k.conrelid IN ('vaults'::regclass, 'vault_entries'::regclass) AND k.contype IN ('f', 'p', 'u')
        -- Foreign keys before what they refer to.
        ORDER BY k.contype <> 'f'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', old.tab, old.conname);
    END LOOP;
    FOR old IN
        SELECT i.indexrelid::regclass AS index FROM pg_index AS i
        WHERE i.indrelid = 'vault_entries'::regclass AND pg_get_indexdef(i.indexrelid) LIKE '%USING btree (vault_id, seq)'
    LOOP
        EXECUTE format('DROP INDEX %s', old.index);
    END LOOP;
END
$$;

-- The numbers of a vault are its own.
ALTER TABLE vault_entries ALTER COLUMN seq DROP IDENTITY IF EXISTS, ALTER COLUMN seq DROP DEFAULT;
DROP SEQUENCE IF EXISTS vault_entries_seq_seq;

ALTER TABLE vaults ADD COLUMN bucket INT;
ALTER TABLE vault_entries
    ADD COLUMN bucket     INT,
    -- What the server proved about the writer. NULL: the row is of form vault-relay/1.
    ADD COLUMN author     TEXT,
    ADD COLUMN addressees TEXT[],
    -- Stands beside the text, and is shown only to readers of the text.
    ADD COLUMN salt       BYTEA;
ALTER TABLE vault_writers ADD COLUMN bucket INT;
ALTER TABLE vault_write_keys ADD COLUMN bucket INT;
ALTER TABLE vault_creation_keys ADD COLUMN bucket INT;
ALTER TABLE vault_outside_reads ADD COLUMN bucket INT;
-- 0: the row is not about a vault.
ALTER TABLE audit_log ADD COLUMN bucket INT NOT NULL DEFAULT 0;

-- Each of these writes its table once, together with its new indexes. No trigger sees it.
ALTER TABLE vaults
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD PRIMARY KEY (bucket, vault_id);
ALTER TABLE vault_entries
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD PRIMARY KEY (bucket, vault_id, seq),
    ADD CONSTRAINT vault_entries_bucket_vault_id_entry_no_version_key UNIQUE (bucket, vault_id, entry_no, version),
    ADD CONSTRAINT vault_entries_bucket_vault_id_fkey FOREIGN KEY (bucket, vault_id) REFERENCES vaults (bucket, vault_id),
    -- One check, because PostgreSQL prepares each for each statement.
    ADD CONSTRAINT vault_entries_form_check CHECK (
        (author IS NULL) = (salt IS NULL) AND (author IS NULL) = (addressees IS NULL) AND octet_length(salt) = 16);
ALTER TABLE vault_writers
    DROP CONSTRAINT vault_writers_pkey,
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD PRIMARY KEY (bucket, vault_id, client_id);
DROP INDEX vault_writers_by_client;
CREATE INDEX vault_writers_by_client ON vault_writers (client_id, bucket, vault_id);
ALTER TABLE vault_write_keys
    DROP CONSTRAINT vault_write_keys_pkey,
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD PRIMARY KEY (bucket, vault_id, client_id, key);
-- A key of a creation is looked up before its vault is known, so its primary key stays.
ALTER TABLE vault_creation_keys
    DROP CONSTRAINT vault_creation_keys_vault_id_key,
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD CONSTRAINT vault_creation_keys_bucket_vault_id_key UNIQUE (bucket, vault_id);
ALTER TABLE vault_outside_reads
    DROP CONSTRAINT vault_outside_reads_pkey,
    ALTER COLUMN bucket TYPE INT USING vault_bucket(vault_id),
    ALTER COLUMN bucket SET NOT NULL,
    ADD PRIMARY KEY (bucket, id);
DROP INDEX vault_outside_reads_by_vault;
CREATE INDEX vault_outside_reads_by_vault ON vault_outside_reads (bucket, vault_id, id);
ALTER TABLE audit_log
    DROP CONSTRAINT audit_log_pkey,
    ALTER COLUMN bucket TYPE INT USING coalesce(vault_bucket(vault_id), 0),
    ADD PRIMARY KEY (bucket, id);

-- The bucket of a row is that of its vault. The foreign key says it of entries.
CREATE TRIGGER vaults_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vaults
    FOR EACH ROW EXECUTE FUNCTION check_bucket();
CREATE TRIGGER vault_writers_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_writers
    FOR EACH ROW EXECUTE FUNCTION check_bucket();
CREATE TRIGGER vault_write_keys_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_write_keys
    FOR EACH ROW EXECUTE FUNCTION check_bucket();
CREATE TRIGGER vault_creation_keys_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_creation_keys
    FOR EACH ROW EXECUTE FUNCTION check_bucket();
CREATE TRIGGER vault_outside_reads_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_outside_reads
    FOR EACH ROW EXECUTE FUNCTION check_bucket();

-- The views say the same, and the bucket.
CREATE OR REPLACE VIEW audit_lines WITH (security_invoker = true) AS
SELECT id, at, wire_time(at) COLLATE "C" AS wire_at, action, outcome, vault_id, seq, work_session_id, client_id, session,
    request_id, address, bucket
FROM audit_log;
CREATE OR REPLACE VIEW vault_lines WITH (security_invoker = true) AS
SELECT v.vault_id, v.vault_id COLLATE "C" AS by_bytes, v.work_session_id, v.created_by, wire_time(v.created_at) AS created_at,
    v.writer_list || ARRAY(
        SELECT w.client_id FROM vault_writers AS w
        WHERE w.bucket = v.bucket AND w.vault_id = v.vault_id AND w.client_id <> ALL (v.writer_list)
        ORDER BY w.client_id COLLATE "C") AS writer_list,
    v.next_entry_no, v.head_seq, encode(v.head_hash, 'hex') AS head_hash, k.client_id AS key_client_id, k.key,
    encode(k.request_hash, 'hex') AS key_hash, v.bucket
FROM vaults AS v LEFT JOIN vault_creation_keys AS k ON k.bucket = v.bucket AND k.vault_id = v.vault_id;

-- A vault has one bucket. Without this, PostgreSQL takes the two columns for independent, and a vault for a thousandth of its
-- rows.
CREATE STATISTICS vault_entries_bucket (dependencies) ON bucket, vault_id FROM vault_entries;
CREATE STATISTICS vault_writers_bucket (dependencies) ON bucket, vault_id FROM vault_writers;
-- Not of an empty table: PostgreSQL would take it for one that stays empty, and plan without its indexes.
DO $$
DECLARE
    tab TEXT;
    has_rows BOOLEAN;
BEGIN
    FOREACH tab IN ARRAY '{vaults,vault_entries,vault_writers,vault_write_keys,vault_creation_keys,vault_outside_reads}'::text[] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', tab) INTO has_rows;
        IF has_rows THEN EXECUTE format('ANALYZE %I', tab); END IF;
    END LOOP;
END
$$;

ALTER TYPE vault_row
    ADD ATTRIBUTE bucket INT, ADD ATTRIBUTE author TEXT, ADD ATTRIBUTE addressees TEXT[], ADD ATTRIBUTE salt BYTEA;

ALTER TYPE vault_write_event ADD ATTRIBUTE bucket INT;

-- The functions, made from prisma/functions.

-- Removes from `vault_writers` each client that an UPDATE removes from `vaults.writer_list`. A server of a version before
-- `vault_writers` removes a writer from that list only, and the removal must hold for every server.
--
-- In:     OLD and NEW row of `vaults`, from the trigger `vaults_close_to_unlisted_writers`, which fires when the list shrinks.
-- Out:    NULL, which PostgreSQL ignores after a row.
-- Locks:  the removed rows of `vault_writers`. The UPDATE already holds the lock of the vault.
-- VOLATILE (the default), because it deletes rows.
-- Errors: none.
CREATE OR REPLACE FUNCTION close_vault_to_unlisted_writers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM vault_writers
    WHERE bucket = NEW.bucket AND vault_id = NEW.vault_id
        AND client_id = ANY (OLD.writer_list) AND client_id <> ALL (NEW.writer_list);
    RETURN NULL;
END
$$;

-- Makes a vault with its first summary.
--
-- In:     `creation`: a JSON object of vault_id (fresh), summary, work_session_id, client_id, key, request_hash
--         (hexadecimal), session, request_id, address.
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

-- Texts one after the other, each so that no text can pass for the end of it: `<length in bytes>:<text>,`.
--
-- In:     `texts`: a list without NULL.
-- Out:    the netstrings of the texts in their order; empty for an empty list.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the argument alone.
-- Errors: SQLSTATE 22004 when `texts` is NULL.
CREATE OR REPLACE FUNCTION netstrings(texts TEXT[]) RETURNS TEXT
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    joined TEXT := '';
    text TEXT;
BEGIN
    FOREACH text IN ARRAY texts LOOP
        joined := joined || octet_length(text) || ':' || text || ',';
    END LOOP;
    RETURN joined;
END
$$;

-- A fresh seed for the salts of the rows that one statement makes.
--
-- In:     nothing.
-- Out:    32 bytes. A UUID has 122 random bits, so the seed is made of two.
-- Locks:  none.
-- VOLATILE, because each call has another result.
-- Errors: none.
CREATE OR REPLACE FUNCTION new_salt_seed() RETURNS BYTEA
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- Makes the row that a write adds to its vault. It stores nothing.
--
-- In:     `w`: a write that is allowed. `v`: the row of its vault, as the write before left it; the caller holds its lock.
--         `top`: the highest version of the entry that an override or a summary continues; NULL for a new entry.
--         `seed`: `new_salt_seed()` of the statement.
-- Out:    the row, with the next `seq` of its vault, a fresh salt and its hash. Its author is the session that the server
--         proved. An append takes the number of the vault's counter. Tags that the write does not name stay as they are in
--         `top`.
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
    made.author := coalesce('session:' || w.session, '');
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
-- In:     `rows`: rows that are stored; summaries are ignored. The caller holds the locks of their vaults, so that no removal
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
    SELECT DISTINCT bucket, vault_id, writer_id FROM unnest(rows) WHERE kind = 'content'
    ORDER BY bucket, vault_id, writer_id
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR written IN
        SELECT bucket, vault_id, writer_id FROM unnest(rows) WHERE kind = 'content'
        GROUP BY bucket, vault_id, writer_id ORDER BY bucket, vault_id, min(seq)
    LOOP
        UPDATE vaults SET writer_list = writer_list || written.writer_id
        WHERE bucket = written.bucket AND vault_id = written.vault_id AND cardinality(writer_list) < 100
            AND written.writer_id <> ALL (writer_list);
    END LOOP;
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
        SELECT FROM vault_writers AS known
        WHERE known.bucket = vault_bucket(w.vault_id) AND known.vault_id = w.vault_id AND known.client_id = w.reads_as)
    THEN
        RETURN 'forbidden';
    ELSIF w.op <> 'summary' THEN
        RETURN 'past_writer';
    END IF;
    RETURN NULL;
END
$$;

-- The block that HMAC begins with: the salt and zeros, 64 bytes, each combined with a constant.
--
-- In:     `salt`: 16 bytes. `mask`: eight times the constant, 0x36 for the inner and 0x5c for the outer hash.
-- Out:    64 bytes; NULL when an argument is NULL.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION salt_pad(salt BYTEA, mask BIGINT) RETURNS BYTEA
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN int8send(('x' || encode(substr(salt, 1, 8), 'hex'))::bit(64)::bigint # mask)
    || int8send(('x' || encode(substr(salt, 9, 8), 'hex'))::bit(64)::bigint # mask)
    || decode(repeat(encode(int8send(mask), 'hex'), 6), 'hex');

-- HMAC-SHA-256 of a text under the salt of its row. PostgreSQL has no HMAC without an extension, so the function builds it
-- from `sha256` (RFC 2104): the salt is padded to a block of 64 bytes and combined with two constants.
--
-- In:     `salt`: 16 bytes. `message`: the text as UTF-8.
-- Out:    32 bytes; NULL when an argument is NULL.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION salted_hash(salt BYTEA, message BYTEA) RETURNS BYTEA
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(salt_pad(salt, 6655295901103053916) || sha256(salt_pad(salt, 3906369333256140342) || message));

-- Recounts the rows of content of a vault: `next_entry_no`, `gaps`, `versions` and `irregular`. The counter
-- goes past every entry up to 1,000,000. An entry with a higher number keeps it, and the numbers before it stay free.
--
-- In:     `the_vault_id`: an adopted or imported vault whose rows are all stored.
-- Out:    nothing.
-- Locks:  the row of `vaults`, until the end of the transaction.
-- VOLATILE: it writes, and it must see the rows that were committed while it waited for the lock.
-- Errors: none. An unknown vault changes nothing.
CREATE OR REPLACE FUNCTION settle_vault_numbers(the_vault_id TEXT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_bucket INT := vault_bucket(the_vault_id);
    counter INT;
    numbers RECORD;
BEGIN
    SELECT v.next_entry_no INTO counter FROM vaults AS v WHERE v.bucket = the_bucket AND v.vault_id = the_vault_id
    FOR NO KEY UPDATE;
    SELECT count(DISTINCT e.entry_no)::int AS entries, count(*) AS versions,
        min(e.entry_no) AS lowest, max(e.entry_no) AS highest,
        greatest(counter, max(e.entry_no) FILTER (WHERE e.entry_no <= 1000000) + 1) AS next
    INTO numbers
    FROM vault_entries AS e WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id AND e.kind = 'content';
    UPDATE vaults SET
        next_entry_no = numbers.next, gaps = numbers.next - 1 - numbers.entries, versions = numbers.versions,
        irregular = coalesce(numbers.lowest < 1 OR numbers.highest >= numbers.next, false) OR EXISTS (
            SELECT FROM (
                SELECT e.version < lag(e.version) OVER (PARTITION BY e.entry_no ORDER BY e.seq) AS goes_back
                FROM vault_entries AS e WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id
            ) AS by_seq WHERE goes_back)
    WHERE bucket = the_bucket AND vault_id = the_vault_id;
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
        SELECT FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.entry_no = v.next_entry_no)
    LOOP
        v.next_entry_no := v.next_entry_no + 1;
        v.gaps := v.gaps + 1;
    END LOOP;
    RETURN v;
END
$$;

-- Stores what the writes of one statement changed about a vault. The list of writers is not part of that.
--
-- In:     `v`: the row of the vault as it must be. The caller holds its lock.
-- Out:    nothing.
-- Locks:  the row of `vaults`, which the caller has locked already.
-- VOLATILE, because it writes.
-- Errors: none. An unknown vault changes nothing.
CREATE OR REPLACE FUNCTION store_vault_head(v vaults) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE vaults SET
        summary = v.summary, next_entry_no = v.next_entry_no, gaps = v.gaps, head_seq = v.head_seq,
        head_hash = v.head_hash, changed_at = v.changed_at, summary_version = v.summary_version,
        versions = v.versions, bytes = v.bytes
    WHERE bucket = v.bucket AND vault_id = v.vault_id;
END
$$;

-- Stores rows that a statement has made, and opens their vaults to their writers.
--
-- In:     `rows`: complete rows, in the order of their `seq`; may be empty. The caller holds the locks of their vaults.
-- Out:    an empty array, which the caller assigns to its variable: nothing is left to be stored.
-- Locks:  those of `open_vaults_to_writers`.
-- VOLATILE: it writes, and later queries of the same statement must see the rows.
-- Errors: SQLSTATE 23505 when a version exists already, which the lock of the vault rules out.
CREATE OR REPLACE FUNCTION store_vault_rows(rows vault_row[]) RETURNS vault_row[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(rows) > 0 THEN
        INSERT INTO vault_entries
            (bucket, seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash, author, addressees,
            salt)
        SELECT bucket, seq, vault_id, entry_no, version, kind, writer_id, content, created_at, tags, hash, author, addressees,
            salt
        FROM unnest(rows);
        PERFORM open_vaults_to_writers(rows);
    END IF;
    RETURN '{}';
END
$$;

-- The highest version of an entry. The summary is entry 0.
--
-- In:     `the_bucket`, `the_vault_id`: a vault whose lock the caller holds. `the_entry_no`: the number; NULL finds nothing.
-- Out:    the row without author, addressees and salt; all of its fields are NULL when the vault has no such entry.
-- Locks:  none.
-- VOLATILE: a write that waited for the lock of the vault must see the version of the write that it waited for
-- (decision 1).
-- Errors: none.
CREATE OR REPLACE FUNCTION top_vault_row(the_bucket INT, the_vault_id TEXT, the_entry_no INT) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    top vault_row;
BEGIN
    SELECT e.seq, e.vault_id, e.entry_no, e.version, e.kind, e.writer_id, e.content, e.created_at, e.tags, e.hash
    INTO top.seq, top.vault_id, top.entry_no, top.version, top.kind, top.writer_id, top.content, top.created_at,
        top.tags, top.hash
    FROM vault_entries AS e
    WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id AND e.entry_no = the_entry_no
    ORDER BY e.version DESC LIMIT 1;
    RETURN top;
END
$$;

-- The hash of one row: SHA-256 over the hash of the previous row of its vault and the canonical form of this row. The fields
-- of the form are netstrings: `<length in bytes>:<text>,`. docs/proof.md has both forms and test vectors, and
-- `vault-relay verify` computes the hash without this function.
--
-- In:     `previous`: hash of the vault's previous row; 32 zero bytes for the first.
--         `entry`: the row. Its `hash` and `bucket` are not read. A row with an `author` is of form vault-relay/2, which needs
--         `addressees` and `salt`; a row without one is of form vault-relay/1.
-- Out:    32 bytes. NULL when `previous` or another scalar field that the form needs is NULL.
-- Locks:  none.
-- STABLE, because to_char() is.
-- Errors: SQLSTATE 22004 when `tags` is NULL, or `addressees` of a row with an author.
CREATE OR REPLACE FUNCTION vault_row_hash(previous BYTEA, entry vault_row) RETURNS BYTEA
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    created TEXT := to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    tags TEXT := '';
    addressees TEXT := '';
    each_of TEXT;
    inner_pad BYTEA;
    outer_pad BYTEA;
BEGIN
    FOREACH each_of IN ARRAY entry.tags LOOP
        tags := tags || octet_length(each_of) || ':' || each_of || ',';
    END LOOP;
    IF entry.author IS NULL THEN
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
    END IF;
    FOREACH each_of IN ARRAY entry.addressees LOOP
        addressees := addressees || octet_length(each_of) || ':' || each_of || ',';
    END LOOP;
    -- `salted_hash` twice, with its pads made once.
    inner_pad := salt_pad(entry.salt, 3906369333256140342);
    outer_pad := salt_pad(entry.salt, 6655295901103053916);
    RETURN sha256(previous || convert_to(
        '13:vault-relay/2,'
        || octet_length(entry.vault_id) || ':' || entry.vault_id || ','
        || length(entry.seq::text) || ':' || entry.seq || ','
        || length(entry.entry_no::text) || ':' || entry.entry_no || ','
        || length(entry.version::text) || ':' || entry.version || ','
        || octet_length(entry.kind) || ':' || entry.kind || ','
        || octet_length(entry.writer_id) || ':' || entry.writer_id || ','
        || octet_length(entry.author) || ':' || entry.author || ','
        || octet_length(addressees) || ':' || addressees || ','
        || length(created) || ':' || created || ','
        || '64:' || encode(sha256(outer_pad || sha256(inner_pad || convert_to(tags, 'UTF8'))), 'hex') || ','
        || '64:' || encode(sha256(outer_pad || sha256(inner_pad || convert_to(entry.content, 'UTF8'))), 'hex') || ',', 'UTF8'));
END
$$;

-- The audit row of one write. It stores nothing.
--
-- In:     `w`: the write. `outcome`: what became of it. `seq`: of its row, or NULL where there is none. `bucket`: of its vault.
-- Out:    the fields of the row of `audit_log`, without the text of the write.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION vault_write_event_of(w vault_write, outcome TEXT, seq BIGINT, bucket INT) RETURNS vault_write_event
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    event vault_write_event;
BEGIN
    event.bucket := bucket;
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

-- The same as `write_to_vaults`, for vaults of one bucket. A distributed database can send this call to where the bucket is,
-- because its first argument says so.
--
-- In:     `the_bucket`: the bucket of every vault of `writes`. The other arguments are those of `write_to_vaults`.
-- Out:    that of `write_to_vaults`.
-- Locks:  those of `write_to_vaults`.
-- VOLATILE: see `write_to_vaults`.
-- Errors: SQLSTATE 22023 when a vault is of another bucket, and those of `write_to_vaults`. Then nothing is written.
CREATE OR REPLACE FUNCTION write_to_bucket(the_bucket INT, writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (
        SELECT FROM json_populate_recordset(NULL::vault_write, writes) AS asked
        WHERE vault_bucket(asked.vault_id) IS DISTINCT FROM the_bucket)
    THEN
        RAISE invalid_parameter_value USING MESSAGE = format('a vault is not of bucket %s', the_bucket);
    END IF;
    RETURN QUERY SELECT * FROM write_to_vaults(writes, max_entries, max_bytes);
END
$$;

-- Every write into vaults that exist, one or many in one statement and one commit. Each write is decided by itself: one
-- that is refused leaves the others as they are.
--
-- In:     `writes`: a JSON array of objects with the fields of the type `vault_write`: place, op (append, override or
--         summary), vault_id, work_session_id, client_id, reads_as, entry_no, text, tags, expected, key, request_hash
--         (hexadecimal), session, request_id, address. `place` is the order of arrival, which is kept within each vault.
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

DROP FUNCTION new_vault_row(vault_write, vaults, vault_row);

DROP FUNCTION top_vault_row(text, integer);

DROP FUNCTION vault_write_event_of(vault_write, text, bigint);
