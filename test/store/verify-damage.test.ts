import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';
import { verify, verifyOutput } from '../support/verify.ts';

const database = useDatabase();
const ann = { workSessionId: 'st-1', clientId: 'ann' };
const bob = { workSessionId: 'st-1', clientId: 'bob' };

let id: string;
/** The seqs of the vault's rows, as they were written. */
let seqs: number[];

/** summary v1, e1 v1, e2 v1, e1 v2, summary v2, e3 v1 */
beforeEach(async () => {
  const store = new TestStore(database.db, new VaultFeed());
  id = (await store.create(ann, 'made')).vault_id;
  await store.append(ann, id, 'one');
  await store.append(bob, id, 'two', { tags: ['plan', '團隊'] });
  await store.override(bob, id, { no: 1, text: 'one, again' });
  await store.setSummary(ann, id, 'made, and kept');
  await store.append(ann, id, 'three 🦀');
  const { rows } = await database.admin.query(
    'SELECT seq FROM vault_entries WHERE vault_id = $1 ORDER BY seq',
    [id],
  );
  seqs = rows.map(({ seq }) => Number(seq));
  expect(seqs).toHaveLength(6);
});

/** `$0` to `$5` stand for the seqs of the vault's rows. */
const withSeqs = (text: string) => text.replace(/\$(\d)/g, (_, place) => String(seqs[place]));

/** Changes rows as a superuser who disables the triggers. `$id` is the vault. */
const tamper = (sql: string) => withoutTriggers(database.admin, withSeqs(sql.replaceAll('$id', `'${id}'`)));

describe('C17: damage of any kind is named with its vault and row, and the next vault is checked', () => {
  let next: string;
  /** Also a vault that comes after the damaged one, whose id begins with a letter. */
  beforeEach(async () => {
    next = `w-${id}`;
    await database.admin.query('SELECT create_vault($1, 0)', [
      JSON.stringify({ vault_id: next, summary: '', work_session_id: 'st-1', client_id: 'ann' }),
    ]);
  });
  afterEach(() =>
    tamper(`
      DELETE FROM vault_entries WHERE vault_id IN ($id, '${next}');
      DELETE FROM vaults WHERE vault_id IN ($id, '${next}')`),
  );

  /** What is found in the damaged vault, once all vaults were looked at. */
  async function found(): Promise<string> {
    const { vaults, misfits } = await verify(database.url);
    expect(misfits.map(({ vault_id }) => vault_id)).toEqual([id]);
    expect(vaults).toBeGreaterThanOrEqual(2);
    const [line = ''] = (await verifyOutput(database.url)).split('\n');
    return line.replace(/\b[0-9a-f]{64}\b/g, '<hash>');
  }

  /** The owner of the tables can take every constraint away. */
  const relax = (column: string, sql: string) => `
    ALTER TABLE vault_entries DROP CONSTRAINT IF EXISTS vault_entries_kind_check,
      DROP CONSTRAINT IF EXISTS vault_entries_form_check;
    ALTER TABLE vault_entries ALTER ${column} DROP NOT NULL;
    ${sql}`;
  const restrict = (column: string) => `ALTER TABLE vault_entries ALTER ${column} SET NOT NULL`;

  test.each([
    ['created_at', `'infinity'`, 'its created_at is "infinity", but must be a time from year 1 to 9999'],
    ['created_at', `'-infinity'`, 'its created_at is "-infinity", but must be'],
    ['created_at', `created_at - interval '4000 years'`, /its created_at is "[^"]+ BC", but must be/],
    ['created_at', `created_at + interval '8000 years'`, /its created_at is "1\d{4}-[^"]+", but must be/],
    ['tags', `'{plan,NULL}'`, 'its tags is ["plan",null], but must be a list of texts'],
    ['tags', `'{{plan},{團隊}}'`, 'its tags is [["plan"],["團隊"]], but must be a list of texts'],
    ['version', '0', 'its version is 0, but must be from 1'],
    ['version', '2147483647', 'its version is 2147483647, but must be from 1'],
    ['entry_no', '-1', 'its entry_no is -1, but must not be negative'],
    ['salt', 'NULL', 'its salt is null, but must be 16 bytes beside an author'],
    ['salt', `'\\x00'`, 'its salt is "00", but must be 16 bytes beside an author'],
    ['addressees', `'{NULL}'`, 'its to is [null], but must be a list of texts beside an author'],
    ['author', 'NULL', 'its to is [], but must be missing without an author'],
    ['kind', `'banana'`, 'its kind is "banana", which its entry number does not allow'],
    ['seq', '9223372036854775807', 'its seq is 9223372036854776000, but must be at most 9007194959773696'],
  ])('%s of a row = %s', async (column, value, problem) => {
    const place = column === 'seq' ? '$5' : '$2';
    await tamper(
      relax(
        'content',
        `UPDATE vault_entries SET ${column} = ${value} WHERE vault_id = $id AND seq = ${place}`,
      ),
    );
    expect(await found()).toMatch(problem);
    expect(await found()).toMatch(new RegExp(`^${id} seq \\d+ e-?\\d v\\d+: `));
  });

  test.each(['content', 'tags', 'created_at', 'writer_id', 'kind', 'hash'])(
    '%s of a row = NULL',
    async (column) => {
      await tamper(
        relax(column, `UPDATE vault_entries SET ${column} = NULL WHERE vault_id = $id AND seq = $2`),
      );
      try {
        expect(await found()).toContain(`${id} seq ${seqs[2]} e2 v1: its ${column} is null, but must be`);
      } finally {
        await tamper(`DELETE FROM vault_entries WHERE vault_id = $id; ${restrict(column)}`);
      }
    },
  );

  test.each([
    ['changed_at', `'infinity'`, 'its changed_at is "infinity", but its rows give'],
    ['writer_list', `'{ann,NULL}'`, 'its writer_list is ["ann",null], but must be a list of texts'],
    ['writer_list', `'{{ann},{bob}}'`, 'its writer_list is [["ann"],["bob"]], but must be a list of texts'],
    ['head_seq', '9223372036854775807', /its head_seq is \d+, but its rows end at seq/],
    ['bytes', '-1', 'its bytes is -1, but its rows give 44'],
    ['summary', `repeat('x', 5000)`, /its summary is "x{199}…, but its rows give "made, and kept"$/],
  ])('%s of a vault = %s', async (column, value, problem) => {
    await tamper(`UPDATE vaults SET ${column} = ${value} WHERE vault_id = $id`);
    const line = await found();
    expect(line).toMatch(problem);
    expect(line).toMatch(new RegExp(`^${id}: `));
  });

  test('the bucket of a vault', async () => {
    const forge = (bucket: string) => `
      UPDATE vaults SET bucket = ${bucket} WHERE vault_id = $id;
      UPDATE vault_entries SET bucket = ${bucket} WHERE vault_id = $id`;
    await tamper(forge('1 + vault_bucket($id) % 1000'));
    expect(await found()).toMatch(new RegExp(`^${id}: its bucket is \\d+, but its id says \\d+$`));
    await tamper(forge('vault_bucket($id)'));
  });

  test('rows that PostgreSQL fails to read', async () => {
    // As a page that is damaged would: an error at one row, in the middle of a statement.
    await database.admin.query(
      `CREATE FUNCTION fails_at(the_seq BIGINT, the_vault TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
       BEGIN IF the_seq = ${seqs[3]} AND the_vault = '${id}' THEN RAISE EXCEPTION 'invalid page in block 7'; END IF; RETURN true; END $$;
       CREATE POLICY damaged ON vault_entries USING (fails_at(seq, vault_id));
       ALTER TABLE vault_entries ENABLE ROW LEVEL SECURITY`,
    );
    try {
      expect(await found()).toMatch(`${id}: it cannot be read: invalid page in block 7`);
    } finally {
      await database.admin.query(
        `ALTER TABLE vault_entries DISABLE ROW LEVEL SECURITY; DROP POLICY damaged ON vault_entries;
         DROP FUNCTION fails_at(BIGINT, TEXT)`,
      );
    }
  });

  test('rows of several vaults that do not exist', async () => {
    await tamper(`
      INSERT INTO vault_entries (bucket, seq, vault_id, entry_no, version, kind, writer_id, content, hash)
      SELECT vault_bucket('v-gone' || n % 2), -n, 'v-gone' || n % 2, 1, n, 'content', 'eve', '', sha256('') FROM generate_series(1, 4) AS n`);
    const { misfits } = await verify(database.url);
    expect(misfits.map(({ vault_id, row, problem }) => [vault_id, row?.seq, problem])).toEqual([
      ['v-gone0', -4, 'its vault does not exist'],
      ['v-gone1', -3, 'its vault does not exist'],
    ]);
    await tamper(`DELETE FROM vault_entries WHERE vault_id LIKE 'v-gone%'`);
  });
});
