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
