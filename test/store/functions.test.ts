import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareFunctions, type FunctionFile, readFunctionFiles } from '../../scripts/database/functions.ts';
import { writeFunctionsMigration } from '../../scripts/database/functions-migration.ts';
import { MIGRATIONS_DIR, migrate } from '../../src/db/migrate.ts';
import { CREATION_OUTCOMES, WRITE_OUTCOMES } from '../../src/vault/write/outcomes.ts';
import { useDatabase, withClient, withMigratedDatabase } from '../support/database.ts';

const database = useDatabase();
const FILES = await readFunctionFiles();
let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(() => client.end());

/** The files with one of them changed. */
function filesWith(name: string, change: (text: string) => string): FunctionFile[] {
  return FILES.map((file) => {
    if (file.name !== name) return file;
    const text = change(file.text);
    expect(text).not.toBe(file.text);
    return { name, text };
  });
}

const problemsOf = async (files: FunctionFile[]) =>
  (await compareFunctions(client, files)).map(({ name, problem }) => `${name}: ${problem}`);

const byHand = (text: string) => text.replace('BEGIN\n', 'BEGIN\n    -- changed by hand\n');

test('each function has a file, and each file documents inputs, outputs, locks and errors', () => {
  for (const { name, text } of FILES) {
    const contract = text.slice(0, text.indexOf('CREATE OR REPLACE FUNCTION'));
    for (const part of [
      /^-- In: {5}/m,
      /^-- Out: {4}/m,
      /^-- Locks: {2}/m,
      /^-- (VOLATILE|STABLE|IMMUTABLE)\b/m,
      /^-- Errors: /m,
    ]) {
      expect(contract, name).toMatch(part);
    }
  }
});

describe('the functions of a migrated database', () => {
  test('are those of prisma/functions', async () => {
    const problems = await problemsOf(FILES);
    expect(problems, 'run `npm run functions:migration -- <what the change does>`').toEqual([]);
  });

  test.each([
    ['a body', (sql: string) => sql.replace('RETURN max_bound', 'RETURN 1 + max_bound'), 'differs'],
    ['a volatility', () => 'ALTER FUNCTION bindings_left STABLE', 'differs'],
    ['a setting', () => `ALTER FUNCTION bindings_left SET work_mem = '1MB'`, 'differs'],
    ['whose rights it has', () => 'ALTER FUNCTION bindings_left SECURITY DEFINER', 'differs'],
    ['no function', () => 'DROP FUNCTION bindings_left', 'only in prisma/functions'],
    [
      'one function more of the name',
      () => `CREATE FUNCTION bindings_left(INT) RETURNS INT LANGUAGE sql AS 'SELECT 1'`,
      'only in the database',
    ],
  ])('a database with other functions is noticed, and the function named: %s', async (_, change, problem) => {
    const file = FILES.find(({ name }) => name === 'bindings_left');
    // The comparison ends this transaction, and with it the change.
    await client.query(`BEGIN; ${change(file?.text ?? '')}`);
    expect(await problemsOf(FILES)).toEqual([`bindings_left: ${problem}`]);
    expect(await problemsOf(FILES)).toEqual([]);
  });

  test.each([
    ['a body', byHand],
    ['an attribute', (text: string) => text.replace('plpgsql VOLATILE', 'plpgsql STABLE')],
    ['the name of an argument', (text: string) => text.replaceAll('max_bound', 'max_held')],
  ])('a file that no migration has applied is noticed, and the function named: %s', async (_, change) => {
    expect(await problemsOf(filesWith('bindings_left', change))).toEqual(['bindings_left: differs']);
  });

  test('a change of the contract or of the layout is not a difference', async () => {
    const laidOut = (text: string) =>
      `-- More about it.\n${text.replace('LANGUAGE plpgsql VOLATILE', 'VOLATILE\n  LANGUAGE plpgsql')}`;
    expect(await problemsOf(filesWith('bindings_left', laidOut))).toEqual([]);
  });

  test.each([
    [
      'another function',
      (text: string) => text.replace('bindings_left(', 'bindings_right('),
      'exactly one function',
    ],
    [
      'two functions',
      (text: string) => text + text.replace('max_bound INT', 'm BIGINT'),
      'exactly one function',
    ],
    ['no valid SQL', () => 'CREATE FUNCTION', 'cannot be applied: syntax error'],
  ])('a file with %s is refused', async (_, change, message) => {
    const files = filesWith('bindings_left', change);
    await expect(compareFunctions(client, files)).rejects.toThrow(`prisma/functions/bindings_left.sql`);
    await expect(compareFunctions(client, files)).rejects.toThrow(message);
    expect(await problemsOf(FILES)).toEqual([]);
  });
});

test('a migration contains the changed functions, once', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'vault-relay-migrations-'));
  await cp(MIGRATIONS_DIR, dir, { recursive: true });
  const work = async (url: string, own: pg.Client) => {
    const before = await readdir(dir);
    const files = filesWith('bindings_left', byHand)
      .map(({ name, text }) => ({
        name,
        text: name === 'vault_row_hash' ? text.replaceAll('previous', 'before') : text,
      }))
      .filter(({ name }) => name !== 'confirm_astation');
    // The clock is behind: the migration still comes last.
    const options = { client: own, dir, name: 'by_hand', now: new Date(0) };
    await expect(writeFunctionsMigration({ ...options, files, name: 'By hand' })).rejects.toThrow(
      'snake_case',
    );
    expect(await writeFunctionsMigration({ ...options, files: FILES })).toBeUndefined();
    expect(await readdir(dir)).toEqual(before);

    const made = await writeFunctionsMigration({ ...options, files });
    expect((await readdir(dir)).sort()).toEqual([...before, made?.migration]);
    const sql = await readFile(path.join(dir, made?.migration ?? '', 'migration.sql'), 'utf8');
    expect(sql.match(/^(CREATE OR REPLACE|DROP) FUNCTION \w+/gm)).toEqual([
      'CREATE OR REPLACE FUNCTION bindings_left',
      // An argument has another name, which PostgreSQL replaces in no function.
      'DROP FUNCTION vault_row_hash',
      'CREATE OR REPLACE FUNCTION vault_row_hash',
      'DROP FUNCTION confirm_astation',
    ]);
    expect(await migrate(url, dir)).toEqual([made?.migration]);
    expect(await writeFunctionsMigration({ ...options, files })).toBeUndefined();
    expect(await readdir(dir)).toHaveLength(before.length + 1);
  };
  await withMigratedDatabase((url) => withClient(url, (own) => work(url, own))).finally(() =>
    rm(dir, { recursive: true }),
  );
});

test.each([
  ['vault_write_outcome', WRITE_OUTCOMES],
  ['vault_creation_outcome', CREATION_OUTCOMES],
])('the outcomes of the server are those of the type %s of the database', async (type, outcomes) => {
  const { rows } = await client.query(`SELECT enum_range(NULL::${type})::text[] AS outcomes`);
  expect(rows[0].outcomes.toSorted()).toEqual([...outcomes].toSorted());
});
