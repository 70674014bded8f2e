-- The two tables keep the names and types of the relay design of 2026-05-29, so that tables made by
-- another implementation of it can be adopted in place.
CREATE TABLE IF NOT EXISTS vaults (
    vault_id        TEXT PRIMARY KEY,
    summary         TEXT NOT NULL DEFAULT '',
    work_session_id TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    writer_list     TEXT[] NOT NULL DEFAULT '{}',
    next_entry_no   INT NOT NULL DEFAULT 1
);

CREATE TABLE IF NOT EXISTS vault_entries (
    seq        BIGSERIAL PRIMARY KEY,
    vault_id   TEXT NOT NULL REFERENCES vaults (vault_id),
    entry_no   INT NOT NULL,
    version    INT NOT NULL,
    kind       TEXT NOT NULL,
    writer_id  TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (vault_id, entry_no, version)
);

-- Serves history and `since`: the rows of one vault in the order of their commits.
CREATE INDEX IF NOT EXISTS vault_entries_by_vault_seq ON vault_entries (vault_id, seq);
-- Serves `list`: the vaults of a work session, oldest first.
CREATE INDEX IF NOT EXISTS vaults_by_work_session ON vaults (work_session_id, created_at, vault_id);
-- Serves `list` for a past writer who comes from another work session.
CREATE INDEX IF NOT EXISTS vaults_by_writer ON vaults USING gin (writer_list);

-- Entries are never updated or deleted, by anyone. A trigger on UPDATE and DELETE does not stop
-- TRUNCATE, and only statement triggers can: one trigger names all three.
CREATE FUNCTION refuse_change_of_vault_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'vault_entries is append-only: % refused', TG_OP
        USING ERRCODE = 'VR001', HINT = 'Write a new version of the entry instead.';
END
$$;

CREATE TRIGGER vault_entries_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON vault_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_vault_entries();
-- By default a trigger sleeps in sessions that replicate or restore (session_replication_role).
ALTER TABLE vault_entries ENABLE ALWAYS TRIGGER vault_entries_append_only;

-- The highest version of an entry, or NULL. VOLATILE on purpose: such a function sees what was
-- committed up to its call, where the statement around it sees what was committed before it began.
-- A writer that waited for the vault's row lock must see the version of the writer it waited for.
CREATE FUNCTION top_entry_version(the_vault_id TEXT, the_entry_no INT) RETURNS INT
LANGUAGE sql VOLATILE AS $$
    SELECT version FROM vault_entries
    WHERE vault_id = the_vault_id AND entry_no = the_entry_no
    ORDER BY version DESC LIMIT 1
$$;

-- The role that the server works as. Roles belong to the whole cluster, so another database of the
-- same cluster may have made it, or be making it at this moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_relay_app') THEN
        CREATE ROLE vault_relay_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            '%1$I may not create the role vault_relay_app; let an administrator run '
            'CREATE ROLE vault_relay_app NOLOGIN; GRANT vault_relay_app TO %1$I;', current_user);
END
$$;

-- Whoever migrates must be able to become that role, as a superuser and a member are. Trying is the
-- only test that holds on every version: since 16, who made a role has to grant it to itself first.
DO $$
BEGIN
    SET LOCAL ROLE vault_relay_app;
    RESET ROLE;
EXCEPTION WHEN insufficient_privilege THEN
    BEGIN
        EXECUTE format('GRANT vault_relay_app TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            '%1$I may not become the role vault_relay_app; let an administrator run '
            'GRANT vault_relay_app TO %1$I;', current_user);
    END;
END
$$;

GRANT SELECT, INSERT ON vault_entries TO vault_relay_app;
GRANT USAGE ON SEQUENCE vault_entries_seq_seq TO vault_relay_app;
GRANT SELECT, INSERT, UPDATE (summary, writer_list, next_entry_no) ON vaults TO vault_relay_app;
