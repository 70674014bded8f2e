-- Finds the rows of a segment that are not newer than a time.
--
-- In:     `documents`: as `src/vault/search/index/segment.ts` describes them, the oldest row first. `us`: µs since 1970.
-- Out:    the number of rows up to that time.
-- Locks:  none.
-- STABLE: it reads the parts of `documents` that it needs.
-- Errors: none.
CREATE OR REPLACE FUNCTION search_position(documents BYTEA, us BIGINT) RETURNS INT
LANGUAGE plpgsql STABLE AS $$
DECLARE
    below INT := 0;
    above INT := octet_length(documents) / 20;
    middle INT;
BEGIN
    WHILE below < above LOOP
        middle := (below + above) / 2;
        IF ('x' || encode(substr(documents, middle * 20 + 13, 8), 'hex'))::bit(64)::bigint <= us THEN
            below := middle + 1;
        ELSE
            above := middle;
        END IF;
    END LOOP;
    RETURN below;
END
$$;
