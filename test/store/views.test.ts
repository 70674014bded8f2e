import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useDatabase, withClient } from '../support/database.ts';

const database = useDatabase();
const folder = 'prisma/views';
const names = readdirSync(folder).map((file) => path.basename(file, '.sql'));
const textOf = (name: string) => readFileSync(path.join(folder, `${name}.sql`), 'utf8');

/** `$1` schema. PostgreSQL describes both views, because the layout of a text does not count. */
const DESCRIBE = `
  SELECT c.relname AS name, pg_get_viewdef(c.oid) AS definition, c.reloptions AS options
  FROM pg_class AS c WHERE c.relkind = 'v' AND c.relnamespace = $1::regnamespace ORDER BY 1`;

const describeBoth = (text = names.map(textOf).join('\n')) =>
  withClient(database.url, async (client) => {
    await client.query('BEGIN; CREATE SCHEMA filed; SET LOCAL search_path = filed, public');
    await client.query(text);
    const describe = async (schema: string) => (await client.query(DESCRIBE, [schema])).rows;
    return { filed: await describe('filed'), live: await describe('public') };
  });

test('the views of a migrated database are those of prisma/views', async () => {
  const { filed, live } = await describeBoth();
  expect(filed.map(({ name }) => name)).toEqual(names.toSorted());
  expect(live).toEqual(filed);
});

test('the comparison notices another text', async () => {
  const { filed, live } = await describeBoth(
    names.map((name) => textOf(name).replace('greatest(0,', 'greatest(1,')).join('\n'),
  );
  expect(live).not.toEqual(filed);
});

test.each(names)('%s checks the rights of the role that reads it, and has a comment on top', async (name) => {
  expect(textOf(name)).toMatch(/^(-- .+\n|--\n)+CREATE VIEW \w+ WITH \(security_invoker = true\) AS\n/);
});
