-- The schema that the migrations make, as PostgreSQL 15 to 18 describe it: for reading and comparing, not for running.
-- `npm run snapshot:write` writes this file, and a test compares it with a migrated database. The bodies of the functions
-- are in prisma/functions.

CREATE TYPE vault_creation_outcome AS ENUM ('written', 'replayed', 'key_reused', 'full', 'taken');
GRANT USAGE ON TYPE vault_creation_outcome TO PUBLIC;

CREATE TYPE vault_row AS (
    seq bigint,
    vault_id text,
    entry_no integer,
    version integer,
    kind text,
    writer_id text,
    content text,
    created_at timestamp with time zone,
    tags text[],
    hash bytea,
    bucket integer,
    author text,
    addressees text[],
    salt bytea
);
GRANT USAGE ON TYPE vault_row TO PUBLIC;

CREATE TYPE vault_write AS (
    place integer,
    op text,
    vault_id text,
    work_session_id text,
    client_id text,
    reads_as text,
    entry_no bigint,
    text text,
    tags text[],
    expected bigint,
    key text,
    request_hash text,
    session text,
    request_id text,
    address text,
    author text
);
GRANT USAGE ON TYPE vault_write TO PUBLIC;

CREATE TYPE vault_write_event AS (
    action text,
    outcome text,
    vault_id text,
    seq bigint,
    work_session_id text,
    client_id text,
    session text,
    request_id text,
    address text,
    bucket integer
);
GRANT USAGE ON TYPE vault_write_event TO PUBLIC;

CREATE TYPE vault_write_outcome AS ENUM ('written', 'replayed', 'no_vault', 'forbidden', 'past_writer', 'key_reused', 'entries_full', 'bytes_full', 'no_entry', 'conflict');
GRANT USAGE ON TYPE vault_write_outcome TO PUBLIC;

CREATE SEQUENCE audit_log_id_seq AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 OWNED BY audit_log.id;
GRANT USAGE ON SEQUENCE audit_log_id_seq TO vault_relay_app;

CREATE SEQUENCE search_segments_segment_seq AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 OWNED BY search_segments.segment;
GRANT USAGE ON SEQUENCE search_segments_segment_seq TO vault_relay_app;

CREATE SEQUENCE search_vaults_vault_no_seq AS integer START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1 OWNED BY search_vaults.vault_no;
GRANT USAGE ON SEQUENCE search_vaults_vault_no_seq TO vault_relay_app;

CREATE SEQUENCE vault_outside_reads_id_seq AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 OWNED BY vault_outside_reads.id;
GRANT USAGE ON SEQUENCE vault_outside_reads_id_seq TO vault_relay_app;

CREATE TABLE _prisma_migrations (
    id character varying(36) NOT NULL,
    checksum character varying(64) NOT NULL,
    finished_at timestamp with time zone,
    migration_name character varying(255) NOT NULL,
    logs text,
    rolled_back_at timestamp with time zone,
    started_at timestamp with time zone NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0,
    CONSTRAINT _prisma_migrations_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX _prisma_migrations_pkey ON _prisma_migrations USING btree (id);

CREATE VIEW api_key_states (
    id text COLLATE "C",
    work_session_id text COLLATE "C",
    name text,
    client_id text,
    scopes text[],
    vaults text[],
    created_by text,
    state text,
    created_at text COLLATE "C",
    expires_at text,
    last_used_at text,
    revoked_at text
) WITH (security_invoker=true);
GRANT SELECT ON api_key_states TO vault_relay_app;

CREATE TABLE api_keys (
    id text NOT NULL,
    key_hash bytea NOT NULL,
    work_session_id text NOT NULL,
    name text NOT NULL,
    client_id text NOT NULL,
    scopes text[] NOT NULL,
    vaults text[],
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_id_check CHECK (id ~ '^[0-9a-z]{12}$'::text),
    CONSTRAINT api_keys_key_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash),
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read'::text, 'write'::text, 'create'::text, 'redact'::text, 'admin'::text]),
    CONSTRAINT api_keys_vaults_check CHECK (cardinality(vaults) >= 1 AND cardinality(vaults) <= 100),
    CONSTRAINT api_keys_vaults_scopes_check CHECK (vaults IS NULL OR NOT scopes && ARRAY['create'::text, 'admin'::text])
);
CREATE INDEX api_keys_by_work_session ON api_keys USING btree (work_session_id, created_at, id);
CREATE UNIQUE INDEX api_keys_key_hash_key ON api_keys USING btree (key_hash);
CREATE UNIQUE INDEX api_keys_pkey ON api_keys USING btree (id);
GRANT INSERT, SELECT ON api_keys TO vault_relay_app;
GRANT UPDATE ON api_keys (last_used_at) TO vault_relay_app;
GRANT UPDATE ON api_keys (revoked_at) TO vault_relay_app;

CREATE TABLE astation_bans (
    astation_id text NOT NULL,
    banned_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT astation_bans_pkey PRIMARY KEY (astation_id)
);
CREATE UNIQUE INDEX astation_bans_pkey ON astation_bans USING btree (astation_id);
GRANT DELETE, INSERT, SELECT ON astation_bans TO vault_relay_app;

CREATE VIEW astation_states (
    astation_id text COLLATE "C",
    public_key text,
    registered_at text COLLATE "C",
    banned_at text,
    sessions integer
) WITH (security_invoker=true);
GRANT SELECT ON astation_states TO vault_relay_app;

CREATE TABLE astations (
    astation_id text NOT NULL,
    public_key text NOT NULL,
    registered_at timestamp with time zone NOT NULL DEFAULT now(),
    provisional boolean NOT NULL DEFAULT false,
    CONSTRAINT astations_pkey PRIMARY KEY (astation_id),
    CONSTRAINT astations_public_key_check CHECK (public_key ~ '^04[0-9a-f]{128}$'::text)
);
CREATE INDEX astations_by_standing ON astations USING btree (provisional, registered_at);
CREATE UNIQUE INDEX astations_pkey ON astations USING btree (astation_id);
GRANT DELETE, INSERT, SELECT ON astations TO vault_relay_app;
GRANT UPDATE ON astations (provisional) TO vault_relay_app;

CREATE VIEW audit_lines (
    id bigint,
    at timestamp with time zone,
    wire_at text COLLATE "C",
    action text,
    outcome text,
    vault_id text,
    seq bigint,
    work_session_id text,
    client_id text,
    session text,
    request_id text,
    address text,
    bucket integer
) WITH (security_invoker=true);
GRANT SELECT ON audit_lines TO vault_relay_app;

CREATE TABLE audit_log (
    id bigint NOT NULL DEFAULT nextval('audit_log_id_seq'::regclass),
    at timestamp with time zone NOT NULL DEFAULT now(),
    action text NOT NULL,
    outcome text NOT NULL,
    vault_id text,
    seq bigint,
    work_session_id text,
    client_id text,
    session text,
    request_id text,
    address text,
    bucket integer NOT NULL DEFAULT 0,
    CONSTRAINT audit_log_pkey PRIMARY KEY (bucket, id)
);
CREATE INDEX audit_log_by_time ON audit_log USING brin (at);
CREATE UNIQUE INDEX audit_log_pkey ON audit_log USING btree (bucket, id);
CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
GRANT INSERT, SELECT ON audit_log TO vault_relay_app;

CREATE TABLE people (
    id text NOT NULL,
    name text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT people_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX people_pkey ON people USING btree (id);
GRANT INSERT, SELECT ON people TO vault_relay_app;
GRANT UPDATE ON people (name) TO vault_relay_app;

CREATE TABLE search_segments (
    segment bigint NOT NULL DEFAULT nextval('search_segments_segment_seq'::regclass),
    work_session_id text NOT NULL,
    level integer NOT NULL,
    rows integer NOT NULL,
    first_us bigint NOT NULL,
    last_us bigint NOT NULL,
    slot_bits integer NOT NULL,
    documents bytea NOT NULL,
    postings bytea,
    made_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT search_segments_pkey PRIMARY KEY (segment)
);
CREATE INDEX search_segments_by_work_session ON search_segments USING btree (work_session_id, segment);
CREATE UNIQUE INDEX search_segments_pkey ON search_segments USING btree (segment);
GRANT DELETE, INSERT, SELECT ON search_segments TO vault_relay_app;

CREATE TABLE search_vaults (
    bucket integer NOT NULL,
    vault_id text NOT NULL,
    vault_no integer NOT NULL DEFAULT nextval('search_vaults_vault_no_seq'::regclass),
    indexed_seq bigint NOT NULL DEFAULT 0,
    indexed_bytes bigint NOT NULL DEFAULT 0,
    erasures integer NOT NULL DEFAULT 0,
    CONSTRAINT search_vaults_pkey PRIMARY KEY (bucket, vault_id)
);
CREATE UNIQUE INDEX search_vaults_pkey ON search_vaults USING btree (bucket, vault_id);
CREATE UNIQUE INDEX search_vaults_vault_no_key ON search_vaults USING btree (vault_no);
CREATE TRIGGER search_vaults_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON search_vaults FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE search_vaults ENABLE TRIGGER search_vaults_bucket;
GRANT INSERT, SELECT ON search_vaults TO vault_relay_app;
GRANT UPDATE ON search_vaults (indexed_seq) TO vault_relay_app;
GRANT UPDATE ON search_vaults (indexed_bytes) TO vault_relay_app;
GRANT UPDATE ON search_vaults (erasures) TO vault_relay_app;

CREATE VIEW session_states (
    id_hash bytea,
    hash text,
    kind text,
    person_id text,
    person_name text,
    role text,
    hostname text,
    status text,
    state text,
    astation_id text COLLATE "C",
    acts boolean,
    remaining_ms double precision,
    created_at text COLLATE "C",
    last_used_at text,
    expires_at text
) WITH (security_invoker=true);
GRANT SELECT ON session_states TO vault_relay_app;

CREATE TABLE sessions (
    id_hash bytea NOT NULL,
    hostname text NOT NULL,
    status text NOT NULL,
    astation_id text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    otp_hash bytea,
    otp_tries integer NOT NULL DEFAULT 0,
    token text,
    token_until timestamp with time zone,
    kind text NOT NULL DEFAULT 'session'::text,
    person_id text,
    role text,
    parent_hash bytea,
    CONSTRAINT sessions_id_hash_check CHECK (octet_length(id_hash) = 32),
    CONSTRAINT sessions_kind_check CHECK (
CASE kind
    WHEN 'session'::text THEN person_id IS NULL AND role IS NULL AND parent_hash IS NULL
    WHEN 'person'::text THEN person_id IS NOT NULL AND (role = 'member'::text AND astation_id IS NOT NULL OR role = 'operator'::text AND astation_id IS NULL) IS TRUE
    ELSE false
END),
    CONSTRAINT sessions_pkey PRIMARY KEY (id_hash),
    CONSTRAINT sessions_status_check CHECK (status = ANY (ARRAY['pending'::text, 'granted'::text, 'denied'::text, 'revoked'::text]))
);
CREATE INDEX sessions_by_astation ON sessions USING btree (astation_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions USING btree (expires_at);
CREATE INDEX sessions_by_parent ON sessions USING btree (parent_hash);
CREATE INDEX sessions_by_person ON sessions USING btree (person_id);
CREATE UNIQUE INDEX sessions_pkey ON sessions USING btree (id_hash);
GRANT DELETE, INSERT, SELECT, UPDATE ON sessions TO vault_relay_app;

CREATE TABLE sign_in_codes (
    code_hash bytea NOT NULL,
    role text NOT NULL,
    work_session_id text,
    name text,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sign_in_codes_check CHECK ((role = 'member'::text) = (work_session_id IS NOT NULL)),
    CONSTRAINT sign_in_codes_code_hash_check CHECK (octet_length(code_hash) = 32),
    CONSTRAINT sign_in_codes_pkey PRIMARY KEY (code_hash),
    CONSTRAINT sign_in_codes_role_check CHECK (role = ANY (ARRAY['member'::text, 'operator'::text]))
);
CREATE INDEX sign_in_codes_by_expiry ON sign_in_codes USING btree (expires_at);
CREATE UNIQUE INDEX sign_in_codes_pkey ON sign_in_codes USING btree (code_hash);
GRANT DELETE, INSERT, SELECT ON sign_in_codes TO vault_relay_app;

CREATE TABLE vault_creation_keys (
    work_session_id text NOT NULL,
    client_id text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    vault_id text NOT NULL,
    bucket integer NOT NULL,
    CONSTRAINT vault_creation_keys_bucket_vault_id_key UNIQUE (bucket, vault_id),
    CONSTRAINT vault_creation_keys_pkey PRIMARY KEY (work_session_id, client_id, key)
);
CREATE UNIQUE INDEX vault_creation_keys_bucket_vault_id_key ON vault_creation_keys USING btree (bucket, vault_id);
CREATE UNIQUE INDEX vault_creation_keys_pkey ON vault_creation_keys USING btree (work_session_id, client_id, key);
CREATE TRIGGER vault_creation_keys_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_creation_keys FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE vault_creation_keys ENABLE TRIGGER vault_creation_keys_bucket;
GRANT INSERT, SELECT ON vault_creation_keys TO vault_relay_app;

CREATE TABLE vault_entries (
    seq bigint NOT NULL,
    vault_id text NOT NULL,
    entry_no integer NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    writer_id text NOT NULL,
    content text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    tags text[] NOT NULL DEFAULT '{}'::text[],
    hash bytea NOT NULL,
    bucket integer NOT NULL,
    author text,
    addressees text[],
    salt bytea,
    CONSTRAINT vault_entries_bucket_vault_id_entry_no_version_key UNIQUE (bucket, vault_id, entry_no, version),
    CONSTRAINT vault_entries_bucket_vault_id_fkey FOREIGN KEY (bucket, vault_id) REFERENCES vaults(bucket, vault_id),
    CONSTRAINT vault_entries_form_check CHECK ((author IS NULL) = (salt IS NULL) AND (author IS NULL) = (addressees IS NULL) AND octet_length(salt) = 16),
    CONSTRAINT vault_entries_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT vault_entries_kind_check CHECK (kind = ANY (ARRAY['content'::text, 'summary'::text])) NOT VALID,
    CONSTRAINT vault_entries_pkey PRIMARY KEY (bucket, vault_id, seq)
);
CREATE UNIQUE INDEX vault_entries_bucket_vault_id_entry_no_version_key ON vault_entries USING btree (bucket, vault_id, entry_no, version);
CREATE UNIQUE INDEX vault_entries_pkey ON vault_entries USING btree (bucket, vault_id, seq);
CREATE TRIGGER vault_entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON vault_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_vault_entries();
ALTER TABLE vault_entries ENABLE ALWAYS TRIGGER vault_entries_append_only;
GRANT INSERT, SELECT ON vault_entries TO vault_relay_app;

CREATE VIEW vault_lines (
    vault_id text,
    by_bytes text COLLATE "C",
    work_session_id text,
    created_by text,
    created_at text,
    writer_list text[],
    next_entry_no integer,
    head_seq bigint,
    head_hash text,
    key_client_id text,
    key text,
    key_hash text,
    bucket integer
) WITH (security_invoker=true);
GRANT SELECT ON vault_lines TO vault_relay_app;

CREATE TABLE vault_outside_reads (
    id bigint NOT NULL DEFAULT nextval('vault_outside_reads_id_seq'::regclass),
    vault_id text NOT NULL,
    client_id text NOT NULL,
    work_session_id text NOT NULL,
    read_at timestamp with time zone NOT NULL DEFAULT now(),
    bucket integer NOT NULL,
    CONSTRAINT vault_outside_reads_pkey PRIMARY KEY (bucket, id)
);
CREATE INDEX vault_outside_reads_by_vault ON vault_outside_reads USING btree (bucket, vault_id, id);
CREATE UNIQUE INDEX vault_outside_reads_pkey ON vault_outside_reads USING btree (bucket, id);
CREATE TRIGGER vault_outside_reads_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_outside_reads FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE vault_outside_reads ENABLE TRIGGER vault_outside_reads_bucket;
GRANT DELETE, INSERT, SELECT ON vault_outside_reads TO vault_relay_app;

CREATE TABLE vault_write_keys (
    vault_id text NOT NULL,
    client_id text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    seq bigint NOT NULL,
    bucket integer NOT NULL,
    CONSTRAINT vault_write_keys_pkey PRIMARY KEY (bucket, vault_id, client_id, key)
);
CREATE UNIQUE INDEX vault_write_keys_pkey ON vault_write_keys USING btree (bucket, vault_id, client_id, key);
CREATE TRIGGER vault_write_keys_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_write_keys FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE vault_write_keys ENABLE TRIGGER vault_write_keys_bucket;
GRANT INSERT, SELECT ON vault_write_keys TO vault_relay_app;

CREATE TABLE vault_writers (
    vault_id text NOT NULL,
    client_id text NOT NULL,
    bucket integer NOT NULL,
    CONSTRAINT vault_writers_pkey PRIMARY KEY (bucket, vault_id, client_id)
);
CREATE INDEX vault_writers_by_client ON vault_writers USING btree (client_id, bucket, vault_id);
CREATE UNIQUE INDEX vault_writers_pkey ON vault_writers USING btree (bucket, vault_id, client_id);
CREATE TRIGGER vault_writers_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vault_writers FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE vault_writers ENABLE TRIGGER vault_writers_bucket;
GRANT DELETE, INSERT, SELECT ON vault_writers TO vault_relay_app;

CREATE TABLE vaults (
    vault_id text NOT NULL,
    summary text NOT NULL DEFAULT ''::text,
    work_session_id text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    writer_list text[] NOT NULL DEFAULT '{}'::text[],
    next_entry_no integer NOT NULL DEFAULT 1,
    head_seq bigint NOT NULL DEFAULT 0,
    head_hash bytea NOT NULL DEFAULT decode(repeat('00'::text, 32), 'hex'::text),
    changed_at timestamp with time zone NOT NULL DEFAULT now(),
    summary_version integer NOT NULL DEFAULT 0,
    versions bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    gaps integer NOT NULL DEFAULT 0,
    irregular boolean NOT NULL DEFAULT false,
    bucket integer NOT NULL,
    CONSTRAINT vaults_head_hash_check CHECK (octet_length(head_hash) = 32),
    CONSTRAINT vaults_pkey PRIMARY KEY (bucket, vault_id)
) WITH (fillfactor=70);
CREATE INDEX vaults_by_work_session ON vaults USING btree (work_session_id, created_at, vault_id);
CREATE UNIQUE INDEX vaults_pkey ON vaults USING btree (bucket, vault_id);
CREATE TRIGGER vaults_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON vaults FOR EACH ROW EXECUTE FUNCTION check_bucket();
ALTER TABLE vaults ENABLE TRIGGER vaults_bucket;
CREATE TRIGGER vaults_close_to_unlisted_writers AFTER UPDATE OF writer_list ON vaults FOR EACH ROW WHEN (cardinality(new.writer_list) < cardinality(old.writer_list)) EXECUTE FUNCTION close_vault_to_unlisted_writers();
ALTER TABLE vaults ENABLE TRIGGER vaults_close_to_unlisted_writers;
GRANT INSERT, SELECT ON vaults TO vault_relay_app;
GRANT UPDATE ON vaults (summary) TO vault_relay_app;
GRANT UPDATE ON vaults (writer_list) TO vault_relay_app;
GRANT UPDATE ON vaults (next_entry_no) TO vault_relay_app;
GRANT UPDATE ON vaults (head_seq) TO vault_relay_app;
GRANT UPDATE ON vaults (head_hash) TO vault_relay_app;
GRANT UPDATE ON vaults (changed_at) TO vault_relay_app;
GRANT UPDATE ON vaults (summary_version) TO vault_relay_app;
GRANT UPDATE ON vaults (versions) TO vault_relay_app;
GRANT UPDATE ON vaults (bytes) TO vault_relay_app;
GRANT UPDATE ON vaults (gaps) TO vault_relay_app;
GRANT UPDATE ON vaults (irregular) TO vault_relay_app;

CREATE FUNCTION announce_ended(ended bytea[])
    RETURNS TABLE(hash text)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION announce_ended TO PUBLIC;

CREATE FUNCTION bind_sessions(the_astation text, wanted bytea[], exact boolean, lifetime interval, fresh interval, max_bound integer, the_request text, the_address text)
    RETURNS TABLE(outcome text, bound integer, dropped bytea[])
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION bind_sessions TO PUBLIC;

CREATE FUNCTION bindings_left(the_astation text, max_bound integer)
    RETURNS integer
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION bindings_left TO PUBLIC;

CREATE FUNCTION check_bucket()
    RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION check_bucket TO PUBLIC;

CREATE FUNCTION close_vault_to_unlisted_writers()
    RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION close_vault_to_unlisted_writers TO PUBLIC;

CREATE FUNCTION confirm_astation(the_astation text, the_request text, the_address text)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION confirm_astation TO PUBLIC;

CREATE FUNCTION create_vault(creation json, max_vaults bigint)
    RETURNS TABLE(outcome text, vault_id text, seq bigint)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION create_vault TO PUBLIC;

CREATE FUNCTION drop_search_index(the_work_session text)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION drop_search_index TO PUBLIC;

CREATE FUNCTION forget_search_row(the_vault_id text, the_seq bigint)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION forget_search_row TO PUBLIC;

CREATE FUNCTION keys_left(the_work_session text, max_keys integer)
    RETURNS integer
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION keys_left TO PUBLIC;

CREATE FUNCTION netstrings(texts text[])
    RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION netstrings TO PUBLIC;

CREATE FUNCTION new_salt_seed()
    RETURNS bytea
    LANGUAGE sql VOLATILE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION new_salt_seed TO PUBLIC;

CREATE FUNCTION new_vault_row(w vault_write, v vaults, top vault_row, seed bytea)
    RETURNS vault_row
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION new_vault_row TO PUBLIC;

CREATE FUNCTION open_vaults_to_writers(rows vault_row[])
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION open_vaults_to_writers TO PUBLIC;

CREATE FUNCTION outside_write_outcome(w vault_write)
    RETURNS vault_write_outcome
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION outside_write_outcome TO PUBLIC;

CREATE FUNCTION refuse_change_of_audit_log()
    RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION refuse_change_of_audit_log TO PUBLIC;

CREATE FUNCTION refuse_change_of_vault_entries()
    RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION refuse_change_of_vault_entries TO PUBLIC;

CREATE FUNCTION salt_pad(salt bytea, mask bigint)
    RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION salt_pad TO PUBLIC;

CREATE FUNCTION salted_hash(salt bytea, message bytea)
    RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION salted_hash TO PUBLIC;

CREATE FUNCTION search_fold(the_text text)
    RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION search_fold TO PUBLIC;

CREATE FUNCTION search_position(documents bytea, us bigint)
    RETURNS integer
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION search_position TO PUBLIC;

CREATE FUNCTION settle_vault_numbers(the_vault_id text)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION settle_vault_numbers TO PUBLIC;

CREATE FUNCTION sign_ins_left(the_parent bytea, max_people integer)
    RETURNS integer
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION sign_ins_left TO PUBLIC;

CREATE FUNCTION skip_taken_numbers(v vaults)
    RETURNS vaults
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION skip_taken_numbers TO PUBLIC;

CREATE FUNCTION store_search_segment(made json, documents bytea, postings bytea)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION store_search_segment TO PUBLIC;

CREATE FUNCTION store_vault_head(v vaults)
    RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION store_vault_head TO PUBLIC;

CREATE FUNCTION store_vault_rows(rows vault_row[])
    RETURNS vault_row[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION store_vault_rows TO PUBLIC;

CREATE FUNCTION top_vault_row(the_bucket integer, the_vault_id text, the_entry_no integer)
    RETURNS vault_row
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION top_vault_row TO PUBLIC;

CREATE FUNCTION vault_after_row(v vaults, made vault_row, op text)
    RETURNS vaults
    LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION vault_after_row TO PUBLIC;

CREATE FUNCTION vault_bucket(vault_id text)
    RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION vault_bucket TO PUBLIC;

CREATE FUNCTION vault_row_hash(previous bytea, entry vault_row)
    RETURNS bytea
    LANGUAGE plpgsql STABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION vault_row_hash TO PUBLIC;

CREATE FUNCTION vault_seq_at(the_bucket integer, the_vault text, head bigint, moment timestamp with time zone)
    RETURNS bigint
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION vault_seq_at TO PUBLIC;

CREATE FUNCTION vault_write_event_of(w vault_write, outcome text, seq bigint, bucket integer)
    RETURNS vault_write_event
    LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION vault_write_event_of TO PUBLIC;

CREATE FUNCTION wire_time(value timestamp with time zone)
    RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE;
GRANT EXECUTE ON FUNCTION wire_time TO PUBLIC;

CREATE FUNCTION write_to_bucket(the_bucket integer, writes json, max_entries bigint, max_bytes bigint)
    RETURNS TABLE(place integer, outcome text, entry_no integer, version integer, seq bigint, current json)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION write_to_bucket TO PUBLIC;

CREATE FUNCTION write_to_vaults(writes json, max_entries bigint, max_bytes bigint)
    RETURNS TABLE(place integer, outcome text, entry_no integer, version integer, seq bigint, current json)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE;
GRANT EXECUTE ON FUNCTION write_to_vaults TO PUBLIC;
