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
