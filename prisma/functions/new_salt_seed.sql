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
