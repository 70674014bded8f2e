-- Every row is of one of two kinds. NOT VALID, because rows that were adopted stay as they are; `vault-relay verify` names
-- one of another kind.
ALTER TABLE vault_entries
    ADD CONSTRAINT vault_entries_kind_check CHECK (kind IN ('content', 'summary')) NOT VALID;
