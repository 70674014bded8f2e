import { beforeEach, describe, expect, test } from 'vitest';
import { parseHead } from '../../src/cli/verify.ts';
import { withConnection, withSnapshot } from '../../src/db/connection.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { ChainStore } from '../../src/vault/proof/chain-store.ts';
import type { VerifyOptions } from '../../src/vault/proof/verify-chains.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';
import { verify as verifyAll, verifyOutput, verifyWithin } from '../support/verify.ts';

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

const verify = (options: VerifyOptions = {}) => verifyAll(database.url, options);

/** The lines that are printed for the vault, with its hashes out of the way. */
async function report(options: VerifyOptions = {}): Promise<string[]> {
  const text = await verifyOutput(database.url, { vault: id, ...options });
  return text
    .trimEnd()
    .replace(/\b[0-9a-f]{64}\b/g, '<hash>')
    .split('\n');
}

/** `$0` to `$5` stand for the seqs of the vault's rows. */
const withSeqs = (text: string) => text.replace(/\$(\d)/g, (_, place) => String(seqs[place]));

/** Changes rows as a superuser who disables the triggers. `$id` is the vault. */
const tamper = (sql: string) => withoutTriggers(database.admin, withSeqs(sql.replaceAll('$id', `'${id}'`)));

const changed = (after: string) =>
  `its hash is <hash>, but its fields ${after} give <hash>: it was changed, or rows before it were removed, inserted or moved`;

describe('an untouched vault', () => {
  test('fits, and the last line counts', async () => {
    expect(await report()).toEqual(['1 vault, 6 rows verified']);
    expect(JSON.parse(await verifyOutput(database.url, { vault: id, json: true }))).toEqual({
      vaults: 1,
      rows: 6,
      misfits: [],
    });
  });

  test('an empty vault, and a vault with concurrent writers, are valid too', async () => {
    const store = new TestStore(database.db, new VaultFeed());
    const { vault_id } = await store.create(ann, '');
    expect(await report({ vault: vault_id })).toEqual([expect.stringMatching(/^1 vault, 1 row /)]);
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.append(ann, vault_id, String(i))));
    expect(await report({ vault: vault_id })).toEqual([expect.stringMatching(/^1 vault, 501 rows /)]);
  });

  test('contains each head that it ever had', async () => {
    const { rows } = await database.admin.query(
      `SELECT seq, encode(hash, 'hex') AS hash FROM vault_entries WHERE vault_id = $1`,
      [id],
    );
    const heads = [`0:${'0'.repeat(64)}`, ...rows.map(({ seq, hash }) => `${seq}:${hash.toUpperCase()}`)];
    for (const text of heads) {
      const against = parseHead(text);
      if (!against) throw new Error(`${text} is no head`);
      expect((await verify({ vault: id, against })).misfits).toEqual([]);
    }
  });

  test('that does not exist is an error', async () => {
    await expect(verify({ vault: 'v-nowhere' })).rejects.toThrow('There is no vault v-nowhere.');
  });
});

describe('a superuser who', () => {
  test.each([
    ['edits the content of a row', `content = 'two, or not'`, 2, 'e2 v1', changed('after seq $1')],
    ['edits the content of the first row', `content = ''`, 0, 'summary v1', changed('as the first row')],
    ['edits the content of the last row', `content = ''`, 5, 'e3 v1', changed('after seq $4')],
    ['edits the writer of a row', `writer_id = 'eve'`, 3, 'e1 v2', changed('after seq $2')],
    [
      'edits the writer of the first summary',
      `writer_id = 'eve'`,
      0,
      'summary v1',
      'its writer is not "ann", the creator of the vault',
    ],
    [
      'edits the time of a row by a microsecond',
      `created_at = created_at + interval '1 microsecond'`,
      1,
      'e1 v1',
      changed('after seq $0'),
    ],
    ['takes the tags of a row away', `tags = '{}'`, 2, 'e2 v1', changed('after seq $1')],
    ['joins two tags of a row', `tags = '{"plan,4:團隊"}'`, 2, 'e2 v1', changed('after seq $1')],
    ['turns the tags of a row', `tags = '{團隊,plan}'`, 2, 'e2 v1', changed('after seq $1')],
    [
      'edits the version of a row',
      'version = 3',
      3,
      'e1 v3',
      'it is version 3, but the version before it is 1',
    ],
    ['edits the entry number of a row', 'entry_no = 5', 5, 'e5 v1', 'entry 3 is missing before it'],
    [
      'edits the entry number of a version',
      'entry_no = 9',
      3,
      'e9 v2',
      'it is version 2, but version 1 is missing before it',
    ],
    [
      'edits the kind of a row',
      `kind = 'summary'`,
      2,
      'e2 v1',
      'its kind is "summary", which its entry number does not allow',
    ],
    ['edits the author of a row', `author = 'session:0123456789ab'`, 3, 'e1 v2', changed('after seq $2')],
    ['edits the addressees of a row', `addressees = '{eve}'`, 3, 'e1 v2', changed('after seq $2')],
    ['edits the salt of a row', 'salt = substr(new_salt_seed(), 1, 16)', 2, 'e2 v1', changed('after seq $1')],
    [
      'makes a row one of the first form',
      'author = NULL, addressees = NULL, salt = NULL',
      2,
      'e2 v1',
      changed('after seq $1'),
    ],
    ['replaces the hash of a row', `hash = sha256('')`, 3, 'e1 v2', changed('after seq $2')],
    ['replaces the hash of the last row', `hash = sha256('')`, 5, 'e3 v1', changed('after seq $4')],
  ])('%s is detected', async (_, edit, place, name, problem) => {
    await tamper(`UPDATE vault_entries SET ${edit} WHERE vault_id = $id AND seq = $${place}`);
    expect(await report()).toEqual([
      `${id} seq ${seqs[place]} ${name}: ${withSeqs(problem)}`,
      expect.stringMatching(new RegExp(`^1 vault, ${place} rows? verified; NOT OK: 1$`)),
    ]);
  });

  test.each([
    ['the first row', '$0', 'seq $1 e1 v1', changed('as the first row')],
    ['the first row of an entry', '$1', 'seq $2 e2 v1', 'entry 1 is missing before it'],
    ['a row in the middle', '$4', 'seq $5 e3 v1', changed('after seq $3')],
    ['the last row', '$5', '', 'its head_seq is $5, but its rows end at seq $4'],
    ['all rows', '$0 OR true', '', 'its head_seq is $5, but its rows end at seq 0'],
  ])('removes %s is detected', async (_, which, place, problem) => {
    await tamper(`DELETE FROM vault_entries WHERE vault_id = $id AND (seq = ${which})`);
    expect((await report())[0]).toBe(withSeqs(`${id}${place && ` ${place}`}: ${problem}`));
  });

  test('swaps two rows is detected', async () => {
    await tamper(`
      UPDATE vault_entries SET seq = -1 WHERE vault_id = $id AND seq = $1;
      UPDATE vault_entries SET seq = $1 WHERE vault_id = $id AND seq = $2;
      UPDATE vault_entries SET seq = $2 WHERE vault_id = $id AND seq = -1`);
    expect((await report())[0]).toBe(`${id} seq ${seqs[1]} e2 v1: entry 1 is missing before it`);
  });

  test('swaps the contents of two rows is detected', async () => {
    await tamper(`
      UPDATE vault_entries AS e SET content = other.content FROM vault_entries AS other
      WHERE e.vault_id = $id AND other.vault_id = $id AND (e.seq, other.seq) IN (($1, $2), ($2, $1))`);
    expect((await report())[0]).toBe(`${id} seq ${seqs[1]} e1 v1: ${changed(`after seq ${seqs[0]}`)}`);
  });

  test('moves a row into another vault is detected in both', async () => {
    const other = (await new TestStore(database.db, new VaultFeed()).create(ann, '')).vault_id;
    await tamper(`
      UPDATE vault_entries SET vault_id = '${other}', bucket = vault_bucket('${other}') WHERE vault_id = $id AND seq = $5`);
    expect((await report())[0]).toBe(`${id}: its head_seq is ${seqs[5]}, but its rows end at seq ${seqs[4]}`);
    expect((await report({ vault: other }))[0]).toMatch(/ e3 v1: entry 1 is missing before it$/);
  });

  const INSERT =
    'INSERT INTO vault_entries (bucket, seq, vault_id, entry_no, version, kind, writer_id, content, hash, author, addressees, salt)';
  const SECOND = `'', '{}', substr(new_salt_seed(), 1, 16)`;

  test('inserts a row in front is detected', async () => {
    await tamper(
      `${INSERT} VALUES (vault_bucket($id), -7, $id, 4, 1, 'content', 'eve', 'first', sha256(''), ${SECOND})`,
    );
    expect((await report())[0]).toBe(`${id} seq -7 e4 v1: entry 1 is missing before it`);
  });

  test('appends a row is detected, even if it is chained to the last', async () => {
    await tamper(`
      ${INSERT} SELECT vault_bucket($id), $5 + 1, $id, 4, 1, 'content', 'ann', 'four', sha256(''), ${SECOND};
      UPDATE vault_entries AS e SET hash = vault_row_hash(last.hash, ROW(e.*)::vault_row) FROM vault_entries AS last
      WHERE e.vault_id = $id AND e.entry_no = 4 AND last.vault_id = $id AND last.seq = $5`);
    expect((await report())[0]).toMatch(
      new RegExp(`^${id}: its head_seq is ${seqs[5]}, but its rows give \\d+$`),
    );
  });

  test('inserts a row that fits the one before it is detected by the one after it', async () => {
    // Room for it: in this vault every seq is taken.
    await tamper(`
      UPDATE vault_entries SET seq = seq + 1000000 WHERE vault_id = $id AND seq = $5;
      ${INSERT} SELECT vault_bucket($id), $5, $id, 2, 2, 'content', 'ann', 'two, or not', sha256(''), ${SECOND};
      UPDATE vault_entries AS e SET hash = vault_row_hash(before.hash, ROW(e.*)::vault_row) FROM vault_entries AS before
      WHERE e.vault_id = $id AND before.vault_id = $id AND e.seq = $5 AND before.seq = $4`);
    expect((await report())[0]).toBe(
      `${id} seq ${(seqs[5] ?? 0) + 1_000_000} e3 v1: ${changed(`after seq ${seqs[5]}`)}`,
    );
  });

  test('leaves rows without their vault is detected', async () => {
    await tamper(`DELETE FROM vaults WHERE vault_id = $id`);
    const { misfits } = await verify({});
    expect(misfits).toContainEqual({
      vault_id: id,
      row: { seq: seqs[0], entry_no: 0, version: 1 },
      problem: 'its vault does not exist',
    });
    await tamper(`DELETE FROM vault_entries WHERE vault_id = $id`);
  });

  const HASH = '"<hash>"';
  const TIME = '"<time>"';
  test.each([
    ['head_seq', '$4', 'its head_seq is $4, but its rows give $5'],
    ['head_seq', '$5 + 1', 'its head_seq is <seq>, but its rows end at seq $5'],
    ['head_hash', `sha256('')`, `its head_hash is ${HASH}, but its rows give ${HASH}`],
    ['next_entry_no', '9', 'its next_entry_no is 9, but its rows give 4'],
    ['summary', `'another'`, 'its summary is "another", but its rows give "made, and kept"'],
    ['summary_version', '1', 'its summary_version is 1, but its rows give 2'],
    ['versions', '5', 'its versions is 5, but its rows give 4'],
    ['bytes', '0', 'its bytes is 0, but its rows give 44'],
    ['writer_list', `'{ann,bob,eve}'`, 'its writer_list has "eve", which wrote none of its entries'],
    ['changed_at', 'now()', `its changed_at is ${TIME}, but its rows give ${TIME}`],
  ])('edits %s of the vault to %s is detected', async (column, value, problem) => {
    await tamper(`UPDATE vaults SET ${column} = ${value} WHERE vault_id = $id`);
    const [line] = await report();
    expect(line?.replace(/"\d{4}-[^"]+Z"/g, TIME)).toBe(
      `${id}: ${withSeqs(problem).replace('<seq>', String((seqs[5] ?? 0) + 1))}`,
    );
  });

  test('opens the vault to a client without entries is detected', async () => {
    await tamper(
      `INSERT INTO vault_writers (bucket, vault_id, client_id) SELECT vault_bucket($id), $id, 'run-' || n FROM generate_series(1, 300) AS n`,
    );
    expect((await report())[0]).toBe(`${id}: its vault_writers has "run-1", which wrote none of its entries`);
    await tamper(`DELETE FROM vault_writers WHERE vault_id = $id AND client_id <> 'run-300'`);
    expect((await report())[0]).toBe(
      `${id}: its vault_writers has "run-300", which wrote none of its entries`,
    );
  });

  test('closes the vault to its writers is not found: any writer may have been removed', async () => {
    await tamper('DELETE FROM vault_writers WHERE vault_id = $id');
    expect(await report()).toEqual(['1 vault, 6 rows verified']);
  });

  test('replaces the functions of the database is detected', async () => {
    await database.admin.query('ALTER FUNCTION vault_row_hash RENAME TO vault_row_hash_as_it_was');
    await database.admin.query(`
      CREATE FUNCTION vault_row_hash(previous BYTEA, entry vault_row) RETURNS BYTEA
        LANGUAGE sql AS $$ SELECT sha256('') $$;
      CREATE FUNCTION public.encode(BYTEA, TEXT) RETURNS TEXT LANGUAGE sql AS $$ SELECT 'ab' $$`);
    try {
      const store = new TestStore(database.db, new VaultFeed());
      await store.append(ann, id, 'four');
      expect((await report())[0]).toMatch(/ e4 v1: its hash is <hash>/);
    } finally {
      await database.admin.query(`
        DROP FUNCTION public.encode(BYTEA, TEXT);
        DROP FUNCTION vault_row_hash(BYTEA, vault_row);
        ALTER FUNCTION vault_row_hash_as_it_was RENAME TO vault_row_hash`);
    }
  });
});

describe('a superuser who recomputes the chain', () => {
  let remembered: string;
  beforeEach(async () => {
    const { rows } = await database.admin.query(
      'SELECT head_seq, head_hash FROM vaults WHERE vault_id = $1',
      [id],
    );
    remembered = `${rows[0].head_seq}:${rows[0].head_hash.toString('hex')}`;
  });

  /** Chains the rows of the vault as they stand now, and has the vault say the same. */
  const REWRITE = `
    DO $do$
    DECLARE entry vault_entries; head BYTEA := decode(repeat('00', 32), 'hex');
    BEGIN
      FOR entry IN SELECT * FROM vault_entries WHERE vault_id = $id ORDER BY seq LOOP
        head := vault_row_hash(head, ROW(entry.*)::vault_row);
        UPDATE vault_entries SET hash = head WHERE vault_id = $id AND seq = entry.seq;
        UPDATE vaults SET head_seq = entry.seq, head_hash = head, changed_at = entry.created_at WHERE vault_id = $id;
      END LOOP;
      UPDATE vaults AS v SET versions = f.versions, bytes = f.bytes, next_entry_no = f.next
      FROM (SELECT count(*) FILTER (WHERE entry_no > 0) AS versions, sum(octet_length(content)) AS bytes,
        max(entry_no) + 1 AS next FROM vault_entries WHERE vault_id = $id) AS f
      WHERE vault_id = $id;
    END $do$`;

  test.each([
    ['after an edit', `UPDATE vault_entries SET content = 'two, or not' WHERE vault_id = $id AND seq = $2`],
    [
      'after an edit of the first row',
      `UPDATE vault_entries SET tags = '{a}' WHERE vault_id = $id AND seq = $0`,
    ],
    [
      'after an edit of the last row',
      `UPDATE vault_entries SET content = '' WHERE vault_id = $id AND seq = $5`,
    ],
  ])('%s is detected by a kept head', async (_, edit) => {
    await tamper(`${edit}; ${REWRITE}`);
    expect(await report()).toEqual(['1 vault, 6 rows verified']);
    const against = parseHead(remembered);
    expect((await report(against && { against }))[0]).toBe(
      `${id} seq ${seqs[5]} e3 v1: its hash is <hash>, but the kept head has <hash>: this chain was recomputed`,
    );
  });

  test('after cutting its end is detected by a kept head', async () => {
    await tamper(`DELETE FROM vault_entries WHERE vault_id = $id AND seq = $5; ${REWRITE}`);
    expect(await report()).toEqual(['1 vault, 5 rows verified']);
    const against = parseHead(remembered);
    expect((await report(against && { against }))[0]).toBe(
      `${id}: no row has the seq ${seqs[5]} of the kept head; its rows end at seq ${seqs[4]}`,
    );
  });
});

test('rows that are written during the check cause no false report', async () => {
  const store = new TestStore(database.db, new VaultFeed());
  const { vault_id } = await store.create(ann, '');
  await withConnection(database.url, (client) =>
    withSnapshot(client, async () => {
      // The first question settles the moment.
      expect(await new ChainStore(client).vault(vault_id)).toMatchObject({ vault_id });
      await store.append(ann, vault_id, 'later');
      expect(await verifyWithin(client, { vault: vault_id })).toMatchObject({ rows: 1, misfits: [] });
    }),
  );
  expect(await verify({ vault: vault_id })).toMatchObject({ rows: 2, misfits: [] });
});

test.each([
  '',
  '7',
  '7:',
  ':',
  `7:${'a'.repeat(63)}`,
  `-1:${'a'.repeat(64)}`,
  `7:${'g'.repeat(64)}`,
  `7:${'a'.repeat(64)} `,
])('no head: %j', (text) => {
  expect(parseHead(text)).toBeUndefined();
});

describe('a vault of many portions', () => {
  /** `$1` the vault, `$2` the text. A thousand writes in one statement, as writers that come at once are written. */
  const WRITE_THOUSAND = `
    SELECT count(*) FROM write_to_vaults((
      SELECT json_agg(json_build_object('place', n, 'op', CASE n % 10 WHEN 0 THEN 'override' ELSE 'append' END,
        'entry_no', 1, 'vault_id', $1::text, 'work_session_id', 'st-1', 'client_id', 'ann', 'reads_as', 'ann',
        'text', $2::text || n))
      FROM generate_series(1, 1000) AS n), 0, 0) WHERE outcome = 'written'`;

  test('of 5,001 rows is verified completely, and a changed row in the middle is detected', async () => {
    const store = new TestStore(database.db, new VaultFeed());
    const { vault_id } = await store.create(ann, 'large');
    for (let i = 0; i < 5; i++) {
      const { rows } = await database.admin.query(WRITE_THOUSAND, [vault_id, 'Decided: '.padEnd(120, '議')]);
      expect(Number(rows[0].count)).toBe(1000);
    }
    expect(await verify({ vault: vault_id })).toMatchObject({ vaults: 1, rows: 5001, misfits: [] });
    const { rows } = await database.admin.query(
      'SELECT seq FROM vault_entries WHERE vault_id = $1 AND entry_no = 2500 AND version = 1',
      [vault_id],
    );
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET content = '' WHERE vault_id = '${vault_id}' AND seq = ${rows[0].seq}`,
    );
    expect((await report({ vault: vault_id }))[0]).toMatch(
      new RegExp(`^${vault_id} seq ${rows[0].seq} e2500 v1: its hash is <hash>`),
    );
  });
});
