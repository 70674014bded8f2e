-- The types of the functions that write to vaults. The functions are in prisma/functions, and in the next migration.

-- A write as `write_to_vaults` takes it; JSON fills it by the names of its fields.
CREATE TYPE vault_write AS (
    place INT, op TEXT, vault_id TEXT, work_session_id TEXT, client_id TEXT, reads_as TEXT, entry_no BIGINT, text TEXT,
    tags TEXT[], expected BIGINT, key TEXT, request_hash TEXT, session TEXT, request_id TEXT, address TEXT);

-- The closed sets of outcomes. The server has the same in src/vault; a test compares them.
CREATE TYPE vault_write_outcome AS ENUM (
    'written', 'replayed', 'no_vault', 'forbidden', 'past_writer', 'key_reused', 'entries_full', 'bytes_full', 'no_entry',
    'conflict');
CREATE TYPE vault_creation_outcome AS ENUM ('written', 'replayed', 'key_reused', 'full', 'taken');
