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
