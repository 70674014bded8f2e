import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeSchema, SNAPSHOT_FILE } from '../../scripts/database/snapshot.ts';
import { useDatabase, withClient } from '../support/database.ts';

const database = useDatabase();

const describeAfter = (change: string): Promise<string> =>
  withClient(database.url, async (client) => {
    await client.query(`BEGIN; ${change}`);
    return describeSchema(client);
  });

test('prisma/snapshot.sql is the schema that the migrations make', async () => {
  const text = await withClient(database.url, describeSchema);
  expect(text, 'run `npm run snapshot:write`').toBe(await readFile(SNAPSHOT_FILE, 'utf8'));
});

test.each([
  ['a column', 'ALTER TABLE vaults ADD COLUMN extra TEXT'],
  ['a type', 'ALTER TABLE vault_entries ALTER COLUMN entry_no TYPE BIGINT'],
  ['a collation', 'ALTER TABLE vaults ALTER COLUMN summary TYPE TEXT COLLATE "C"'],
  ['a default', 'ALTER TABLE vaults ALTER COLUMN next_entry_no SET DEFAULT 0'],
  ['a nullability', 'ALTER TABLE sessions ALTER COLUMN expires_at DROP NOT NULL'],
  ['a storage parameter', 'ALTER TABLE vaults RESET (fillfactor)'],
  ['a constraint', 'ALTER TABLE vaults DROP CONSTRAINT vaults_head_hash_check'],
  ['the validity of a constraint', 'ALTER TABLE vault_entries VALIDATE CONSTRAINT vault_entries_kind_check'],
  ['an index', 'CREATE INDEX ON vaults (summary)'],
  ['a trigger', 'DROP TRIGGER audit_log_append_only ON audit_log'],
  ['when a trigger fires', 'ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only'],
  ['row security', 'ALTER TABLE vaults ENABLE ROW LEVEL SECURITY'],
  ['a right on a table', 'GRANT DELETE ON vault_entries TO vault_relay_app'],
  ['a right on a column', 'GRANT UPDATE (content) ON vault_entries TO vault_relay_app'],
  ['a right to grant', 'GRANT SELECT ON vaults TO vault_relay_app WITH GRANT OPTION'],
  ['a right on a sequence', 'REVOKE USAGE ON SEQUENCE audit_log_id_seq FROM vault_relay_app'],
  ['a right on a function', 'REVOKE EXECUTE ON FUNCTION wire_time FROM PUBLIC'],
  ['a sequence', 'ALTER SEQUENCE audit_log_id_seq CACHE 10'],
  ['an attribute of a function', 'ALTER FUNCTION wire_time IMMUTABLE'],
  ['whose rights a function has', 'ALTER FUNCTION wire_time SECURITY DEFINER'],
  ['a field of a type', 'ALTER TYPE vault_write ADD ATTRIBUTE extra TEXT'],
  ['a value of a type', `ALTER TYPE vault_write_outcome ADD VALUE 'extra'`],
  ['a view', 'CREATE VIEW extra AS SELECT 1 AS one'],
])('the snapshot shows another schema: %s', async (_, change) => {
  expect(await describeAfter(change)).not.toBe(await readFile(SNAPSHOT_FILE, 'utf8'));
});
