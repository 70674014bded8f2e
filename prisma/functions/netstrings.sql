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
