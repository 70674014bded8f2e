import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { useDatabase, withClient, withEmptyDatabase } from '../support/database.ts';
import { withSchemaEngine } from '../support/schema-engine.ts';

const SCHEMA = await readFile('prisma/schema.prisma', 'utf8');

/** What the schema can say of a table. Checks, triggers and rights it cannot. */
interface Shape {
  columns: unknown[];
  indexes: unknown[];
  keys: unknown[];
}

/** A list has no nullability in a Prisma schema, and a timestamp without precision keeps six digits. */
const COLUMNS = `
  SELECT c.relname AS table, a.attname AS column, replace(format_type(a.atttypid, a.atttypmod), '(6)', '') AS type,
    CASE WHEN t.typcategory = 'A' THEN NULL ELSE a.attnotnull END AS not_null,
    pg_get_expr(d.adbin, d.adrelid) AS default
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations'
  ORDER BY 1, 2`;

const INDEXES = `
  SELECT indexname AS name, indexdef AS definition FROM pg_indexes
  WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`;

const KEYS = `
  SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
  WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace
    AND conrelid::regclass::text <> '_prisma_migrations'
  ORDER BY 1, 2`;

/** The value of a default, as there are many ways to write one. A sequence must not be stepped for it. */
async function defaultValue(client: pg.Client, expression: string | null): Promise<string | null> {
  if (expression === null || expression.startsWith('nextval(')) return expression;
  const { rows } = await client.query(
    `SELECT CASE WHEN value = now()::text THEN 'now' ELSE value END AS value, type
     FROM (SELECT (${expression})::text AS value, pg_typeof(${expression})::text AS type) AS it`,
  );
  return `${rows[0].value} (${rows[0].type})`;
}

/** What a database has after a change, which is not committed. */
const describe = (url: string, change: string): Promise<Shape> =>
  withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query(change);
    const columns = (await client.query(COLUMNS)).rows;
    for (const column of columns) column.default = await defaultValue(client, column.default);
    return {
      columns,
      indexes: (await client.query(INDEXES)).rows,
      keys: (await client.query(KEYS)).rows,
    };
  });

const describeMigrated = (change = ''): Promise<Shape> => describe(database.url, change);

const describePrisma = (schema = SCHEMA): Promise<Shape> =>
  withEmptyDatabase(async (url) => {
    const sql = await withSchemaEngine(url, (engine) => engine.toSql(schema));
    return describe(url, sql);
  });

const database = useDatabase();
const fromSchema = await describePrisma();

test('the migrations create the schema of schema.prisma', async () => {
  const migrated = await describeMigrated();
  expect(migrated.columns).toHaveLength(120);
  expect(migrated).toEqual(fromSchema);
});

test.each([
  ['a column more', 'ALTER TABLE vaults ADD COLUMN extra TEXT'],
  ['a table more', 'CREATE TABLE extra (id INT)'],
  ['another type', 'ALTER TABLE vault_entries ALTER COLUMN entry_no TYPE BIGINT'],
  ['another nullability', 'ALTER TABLE sessions ALTER COLUMN expires_at DROP NOT NULL'],
  ['another default', 'ALTER TABLE vaults ALTER COLUMN next_entry_no SET DEFAULT 0'],
  ['an index less', 'DROP INDEX vaults_by_work_session'],
  [
    'a uniqueness less',
    'ALTER TABLE vault_entries DROP CONSTRAINT vault_entries_bucket_vault_id_entry_no_version_key',
  ],
  ['a primary key less', 'ALTER TABLE sessions DROP CONSTRAINT sessions_pkey'],
  ['a foreign key less', 'ALTER TABLE vault_entries DROP CONSTRAINT vault_entries_bucket_vault_id_fkey'],
])('the comparison notices %s', async (_, change) => {
  expect(await describeMigrated(change)).not.toEqual(fromSchema);
});

test('the comparison notices a column that only schema.prisma has', async () => {
  const schema = SCHEMA.replace('hostname   String', 'hostname   String\n  extra      String?');
  expect(schema).not.toBe(SCHEMA);
  expect(await describePrisma(schema)).not.toEqual(await describeMigrated());
});
