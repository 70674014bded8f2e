import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { MIGRATIONS_DIR, migrate, requireMigrated } from '../../src/db/migrate.ts';
import { withClient, withEmptyDatabase } from '../support/database.ts';
import { verify } from '../support/verify.ts';

/** The first migration that the previous server does not have, and the two statements that write as it sends them. */
const PREVIOUS = {
  firstMissing: '20261130000000_write_types',
  write: `
  SELECT place, outcome, entry_no, version, seq, current FROM write_to_vaults($1::json, $2, $3)`,
  create: `SELECT outcome, vault_id, seq FROM create_vault($1::json, $2)`,
};

/** A database as an earlier server left it. @param firstMissing the first migration that the server does not have */
const withEarlier = <T>(firstMissing: string, work: (url: string, dir: string) => Promise<T>): Promise<T> =>
  withEmptyDatabase(async (url) => {
    const dir = await mkdtemp(path.join(tmpdir(), 'vault-relay-previous-'));
    try {
      await cp(MIGRATIONS_DIR, dir, { recursive: true });
      const later = (await readdir(dir)).filter((name) => name >= firstMissing);
      for (const name of later) await rm(path.join(dir, name), { recursive: true });
      await migrate(url, dir);
      return await work(url, dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

const SECOND_FORM = '20261130000400_second_form';

const SIGNATURES = `
  SELECT p.oid::regprocedure::text AS signature, pg_get_function_arguments(p.oid) AS arguments,
    pg_get_function_result(p.oid) AS result
  FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1`;

/** `$1` the vault. Its row and its entries, without what differs between two vaults. */
const STATE = `
  SELECT summary, next_entry_no, gaps, irregular, summary_version, versions, bytes, writer_list,
    (SELECT json_agg(json_build_array(entry_no, version, kind, writer_id, content, tags) ORDER BY seq)
     FROM vault_entries AS e WHERE e.vault_id = v.vault_id) AS entries
  FROM vaults AS v WHERE vault_id = $1`;

const MANY = 1000;
const HASH = 'ab'.repeat(32);

/** Causes every outcome of both functions, on a vault of this name. @returns the answers, without times */
async function causeAll(server: pg.Client, vault_id: string) {
  const ann = { work_session_id: `st-${vault_id}`, client_id: 'ann' };
  const answers: unknown[] = [];
  const create = async (fields: object, max = 0) => {
    const values = [JSON.stringify({ ...ann, summary: 'a vault', ...fields }), max];
    const { rows } = await server.query({ name: 'create', text: PREVIOUS.create, values });
    return rows[0];
  };
  const created = await create({ vault_id, key: 'k', request_hash: HASH });
  // Rows of the first form have numbers with holes.
  const relative = (seq: unknown) => (seq === null ? null : Number(seq) > Number(created.seq));
  const write = async (writes: object[], maxEntries = 0, maxBytes = 0) => {
    const caller = { vault_id, ...ann, reads_as: 'ann', session: 's', request_id: 'r', address: '::1' };
    const sent = writes.map((fields, place) => ({ place, ...caller, text: `text ${place}`, ...fields }));
    const values = [JSON.stringify(sent), maxEntries, maxBytes];
    const { rows } = await server.query({ name: 'write', text: PREVIOUS.write, values });
    for (const { seq, current, ...row } of rows) {
      const shown = current && { ...current, seq: relative(current.seq), created_at: 'then' };
      answers.push({ ...row, seq: relative(seq), current: shown });
    }
  };
  for (const [fields, max] of [
    [{ vault_id: `${vault_id}-2`, key: 'k', request_hash: HASH }, 0],
    [{ vault_id: `${vault_id}-2`, key: 'k', request_hash: 'cd' }, 0],
    [{ vault_id: `${vault_id}-2` }, 1],
    [{ vault_id }, 0],
  ] as const) {
    const { outcome, seq } = await create(fields, max);
    answers.push({ outcome, seq: relative(seq) });
  }
  const foreign = { work_session_id: 'st-other' };
  await write([
    { op: 'append', tags: ['a', '團隊'], key: 'one', request_hash: HASH },
    { op: 'append' },
    { op: 'override', entry_no: 1 },
    { op: 'override', entry_no: 1, expected: 1 },
    { op: 'append', key: 'one', request_hash: HASH },
    { op: 'append', key: 'one', request_hash: 'cd' },
    { op: 'override', entry_no: 99 },
    { op: 'summary', expected: 1 },
    { op: 'append', ...foreign },
    { op: 'summary', ...foreign },
    { op: 'append', ...foreign, client_id: 'eve', reads_as: 'eve' },
    { op: 'append', vault_id: `${vault_id}-none` },
  ]);
  await write([{ op: 'append' }, { op: 'append' }], 3);
  await write([{ op: 'append', text: 'x'.repeat(MANY) }], 0, MANY);
  return answers;
}

test('a server of an earlier version that nobody stopped writes rows that fit', async () => {
  await withEarlier(PREVIOUS.firstMissing, (url) =>
    withClient(url, async (server) => {
      const before = (await server.query(SIGNATURES)).rows;
      await server.query('SET ROLE vault_relay_app');
      // Prepared before the migration, as the statements of a server that runs on are.
      const answers = await causeAll(server, 'v-a');
      const outcomes = answers.map((answer) => (answer as { outcome: string }).outcome);
      expect(new Set(outcomes).size).toBe(12);
      const applied = await migrate(url);
      expect(applied[0]).toBe(PREVIOUS.firstMissing);

      expect(await causeAll(server, 'v-b')).toEqual(answers);
      const state = async (name: string) => (await server.query(STATE, [name])).rows;
      expect(await state('v-b')).toEqual(await state('v-a'));
      const audit = `SELECT action, outcome, client_id, session, request_id, address, seq IS NULL AS none FROM audit_log
        WHERE work_session_id = $1 ORDER BY id`;
      const audited = async (name: string) => (await server.query(audit, [`st-${name}`])).rows;
      expect(await audited('v-b')).toEqual(await audited('v-a'));
      expect(await verify(url)).toMatchObject({ vaults: 2, misfits: [] });
      await server.query('RESET ROLE');
      // Whatever else it calls has kept its arguments and its result.
      expect((await server.query(SIGNATURES)).rows).toEqual(expect.arrayContaining(before));
    }),
  );
});

test('servers before and after the second form each refuse the database of the other with one sentence', async () => {
  await withEarlier(SECOND_FORM, async (url, earlier) => {
    await expect(requireMigrated(url)).rejects.toThrow(
      /^The database is older than this program \(it lacks 20261130000400_second_form.*; run `vault-relay migrate`, or restart the server with this version\.$/,
    );
    await migrate(url);
    await expect(migrate(url, earlier)).rejects.toThrow(
      /^The database has migration 20261130000400_second_form, which this version does not know; run the newer version of vault-relay\.$/,
    );
  });
});

test('the migration to the second form is interrupted without a trace, and then done', async () => {
  await withEarlier(SECOND_FORM, async (url) => {
    await withClient(url, async (server) => {
      await causeAll(server, 'v-a');
      const state = async () => (await server.query('SELECT * FROM vault_entries ORDER BY seq')).rows;
      const before = await state();
      // A write in flight keeps the migration waiting.
      await server.query(`BEGIN; UPDATE vaults SET summary = summary`);
      const migrating = migrate(url).catch((error: Error) => error.message);
      const waiting = `SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'vault-relay migrate' AND wait_event_type = 'Lock'`;
      // A transaction sees one moment of what others do.
      await withClient(url, async (other) => {
        await expect.poll(async () => (await other.query(waiting)).rowCount, { timeout: 30_000 }).toBe(1);
        await other.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS waiting`);
      });
      expect(await migrating).toMatch(/^Migration 20261130000400_second_form failed and was rolled back: /);
      await server.query('COMMIT');
      expect(await state()).toEqual(before);
      expect((await migrate(url))[0]).toBe(SECOND_FORM);
      const added = { bucket: expect.any(Number), author: null, addressees: null, salt: null };
      expect(await state()).toEqual(before.map((row) => ({ ...row, ...added })));
    });
    expect(await verify(url)).toMatchObject({ misfits: [] });
  });
});
