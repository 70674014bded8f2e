-- The index of searches: segments of rows (`src/vault/search/index`). Nothing is indexed here; a server builds it
-- behind the writes.

-- How far the rows of each vault are in segments.
CREATE TABLE search_vaults (
    bucket INT NOT NULL,
    vault_id TEXT NOT NULL,
    -- Stands for the vault in segments.
    vault_no SERIAL NOT NULL,
    indexed_seq BIGINT NOT NULL DEFAULT 0,
    -- Bytes of the text of the rows up to there.
    indexed_bytes BIGINT NOT NULL DEFAULT 0,
    -- Counts erased texts, so that no segment of a text from before is stored.
    erasures INT NOT NULL DEFAULT 0,
    CONSTRAINT search_vaults_pkey PRIMARY KEY (bucket, vault_id)
);
CREATE UNIQUE INDEX search_vaults_vault_no_key ON search_vaults (vault_no);
CREATE TRIGGER search_vaults_bucket BEFORE INSERT OR UPDATE OF bucket, vault_id ON search_vaults
    FOR EACH ROW EXECUTE FUNCTION check_bucket();

CREATE TABLE search_segments (
    segment BIGSERIAL NOT NULL,
    work_session_id TEXT NOT NULL,
    -- 0: made of rows; 1: of segments.
    level INT NOT NULL,
    rows INT NOT NULL,
    -- µs since 1970 of the oldest and the newest row.
    first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    slot_bits INT NOT NULL,
    documents BYTEA NOT NULL,
    -- Null: a text was erased. Then each row may hold anything, until the segment is built again.
    postings BYTEA,
    made_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT search_segments_pkey PRIMARY KEY (segment)
);
CREATE INDEX search_segments_by_work_session ON search_segments (work_session_id, segment);
-- Searches read parts of them, which is only possible uncompressed.
ALTER TABLE search_segments
    ALTER COLUMN documents SET STORAGE EXTERNAL,
    ALTER COLUMN postings SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE (indexed_seq, indexed_bytes, erasures) ON search_vaults TO vault_relay_app;
GRANT USAGE ON SEQUENCE search_vaults_vault_no_seq TO vault_relay_app;
GRANT SELECT, INSERT, DELETE ON search_segments TO vault_relay_app;
GRANT USAGE ON SEQUENCE search_segments_segment_seq TO vault_relay_app;
