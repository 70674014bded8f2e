import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRead } from '../../src/access/policy.ts';
import { Database } from '../../src/db/client.ts';
import { bucketOf } from '../../src/vault/bucket.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { refusedAccess } from '../../src/vault/refused-access.ts';
import { CREATE, makeVaultId } from '../../src/vault/write/create-store.ts';
import { dump, silent, useDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

const ann = { workSessionId: 'st-1', clientId: 'ann' };
const bob = { workSessionId: 'st-1', clientId: 'bob' };
const eve = { workSessionId: 'st-2', clientId: 'eve' };
/** Ann, now at another Astation. */
const annElsewhere = { workSessionId: 'st-2', clientId: 'ann' };

const NEVER_MADE = 'v-0000000000';

const readVault = async (vaultId: string) => {
  const { rows } = await database.admin.query('SELECT * FROM vaults WHERE vault_id = $1', [vaultId]);
  return rows[0];
};

/** e1 v1, e2 v1, e1 v2, e3 v1, e2 v2, e1 v3. @returns the vault and the seq of each row, in that order */
async function fillVault() {
  const { vault_id: vaultId } = await store.create(ann, 'filled');
  const writes = [
    await store.append(ann, vaultId, 'one'),
    await store.append(bob, vaultId, 'two'),
    await store.override(bob, vaultId, { no: 1, text: 'one, better' }),
    await store.append(ann, vaultId, 'three'),
    await store.override(ann, vaultId, { no: 2, text: 'two, better' }),
    await store.override(ann, vaultId, { no: 1, text: 'one, best' }),
  ];
  return { vaultId, seqs: writes.map((write) => write.seq), writes };
}

const brief = (entries: { entry_no: number; version: number; content: string }[]) =>
  entries.map((entry) => `e${entry.entry_no} v${entry.version} ${entry.content}`);

describe('reading', () => {
  test('the current view has the highest version of each entry, by entry number', async () => {
    const { vaultId, seqs } = await fillVault();
    const current = await store.read(bob, vaultId, {});
    expect(brief(current)).toEqual(['e1 v3 one, best', 'e2 v2 two, better', 'e3 v1 three']);
    expect(current[0]).toEqual({
      seq: seqs[5],
      entry_no: 1,
      version: 3,
      kind: 'content',
      writer_id: 'ann',
      content: 'one, best',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
    expect(await store.read(bob, vaultId, { since: 0 })).toEqual(current);
    expect(await store.read(bob, vaultId, { history: false })).toEqual(current);
  });

  test('history has every row, by seq, each later than the one before', async () => {
    const { vaultId, seqs } = await fillVault();
    const history = await store.read(ann, vaultId, { history: true });
    expect(brief(history)).toEqual([
      'e1 v1 one',
      'e2 v1 two',
      'e1 v2 one, better',
      'e3 v1 three',
      'e2 v2 two, better',
      'e1 v3 one, best',
    ]);
    expect(history.map((entry) => entry.seq)).toEqual(seqs);
    expect(history.map((entry) => entry.created_at)).toEqual(
      history.map((entry) => entry.created_at).toSorted(),
    );
    expect(await store.read(ann, vaultId, { history: true, since: 0 })).toEqual(history);
  });

  test('since leaves out every row up to it, in both views', async () => {
    const { vaultId, seqs } = await fillVault();
    const since = seqs[3] ?? 0;
    expect(brief(await store.read(ann, vaultId, { since, history: true }))).toEqual([
      'e2 v2 two, better',
      'e1 v3 one, best',
    ]);
    expect(brief(await store.read(ann, vaultId, { since }))).toEqual([
      'e1 v3 one, best',
      'e2 v2 two, better',
    ]);
    const early = seqs[1] ?? 0;
    expect(brief(await store.read(ann, vaultId, { since: early }))).toEqual([
      'e1 v3 one, best',
      'e2 v2 two, better',
      'e3 v1 three',
    ]);
  });

  test.each([{ history: true }, { history: false }])('no row is beyond the head: %o', async (view) => {
    const { vaultId, seqs } = await fillVault();
    for (const since of [seqs[5], 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(await store.read(ann, vaultId, { ...view, since })).toEqual([]);
    }
  });

  test('a vault without entries reads as an empty list, not as missing', async () => {
    const { vault_id: vaultId } = await store.create(ann, '');
    for (const options of [{}, { history: true }, { since: 5 }, { since: 5, history: true }]) {
      expect(await store.read(bob, vaultId, options)).toEqual([]);
      expect(await refusalOf(store.read(eve, vaultId, options))).toBe(
        `FORBIDDEN: Vault ${vaultId} belongs to another work session.`,
      );
      expect(await refusalOf(store.read(ann, NEVER_MADE, options))).toBe(
        `NOT_FOUND: There is no vault ${NEVER_MADE}.`,
      );
    }
  });
});

describe('writing', () => {
  test('appends number the entries, overrides the versions', async () => {
    const { writes } = await fillVault();
    expect(writes.map(({ entry_no, version }) => [entry_no, version])).toEqual([
      [1, 1],
      [2, 1],
      [1, 2],
      [3, 1],
      [2, 2],
      [1, 3],
    ]);
    const seqs = writes.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(new Set(seqs).size).toBe(6);
  });

  test('a writer joins the list with the first write, and once', async () => {
    const { vaultId } = await fillVault();
    expect((await readVault(vaultId)).writer_list).toEqual(['ann', 'bob']);
  });

  test('the list is by exact name', async () => {
    const { vault_id: vaultId } = await store.create(ann, '');
    const names = ['a', 'A', 'a ', 'á', 'a\u0301', '{a,b}', 'NULL', '"a"', '%'];
    for (const clientId of names) await store.append({ workSessionId: 'st-1', clientId }, vaultId, clientId);
    expect((await readVault(vaultId)).writer_list).toEqual(names);
    const stranger = { workSessionId: 'st-2', clientId: 'a%' };
    expect(await refusalOf(store.read(stranger, vaultId, {}))).toMatch(/^FORBIDDEN/);
  });

  test('neither creating, reading, describing nor a refused write makes a writer', async () => {
    const { vault_id: vaultId } = await store.create(ann, 'a');
    await store.setSummary(bob, vaultId, 'b');
    await store.read(bob, vaultId, {});
    await refusalOf(store.override(bob, vaultId, { no: 1, text: 'x' }));
    await refusalOf(store.append(eve, vaultId, 'x'));
    expect(await readVault(vaultId)).toMatchObject({ writer_list: [], next_entry_no: 1, summary: 'b' });
  });

  test.each([0, -1, 3, 2_147_483_647, 2_147_483_648, 4_294_967_295, Number.MAX_SAFE_INTEGER])(
    'entry %d does not exist: 404 and nothing changes',
    async (no) => {
      const { vault_id: vaultId } = await store.create(ann, 'two entries');
      await store.append(ann, vaultId, 'one');
      await store.append(ann, vaultId, 'two');
      const before = await dump(database.admin);
      // More often than the driver's first plans last: a generic one comes after five.
      for (let i = 0; i < 7; i++) {
        expect(await refusalOf(store.override(bob, vaultId, { no, text: 'x' }))).toBe(
          `NOT_FOUND: Vault ${vaultId} has no entry ${no}.`,
        );
      }
      expect(await dump(database.admin)).toBe(before);
      expect(await store.append(ann, vaultId, 'three')).toMatchObject({ entry_no: 3, version: 1 });
    },
  );

  test('a view has the newest version of each entry, with many or few versions', async () => {
    const { vault_id: vaultId } = await store.create(ann, 'overridden unevenly');
    const versions = [300, 1, 40, 18, 90];
    for (const no of versions.keys()) await store.append(ann, vaultId, `1 of ${no + 1}`);
    for (const [i, count] of versions.entries()) {
      for (let version = 2; version <= count; version++) {
        await store.override(ann, vaultId, { no: i + 1, text: `${version} of ${i + 1}` });
      }
    }
    const view = await store.read(ann, vaultId, {});
    expect(view.map(({ content }) => content)).toEqual(versions.map((count, i) => `${count} of ${i + 1}`));
    // By the statement for all options, which the others do not use.
    expect(view).toEqual(await store.read(ann, vaultId, { as_of: Number.MAX_SAFE_INTEGER }));
  });

  test('text is stored byte for byte', async () => {
    const { vault_id: vaultId } = await store.create(ann, '');
    const texts = [
      '',
      '  \t leading',
      'a\r\nb\rc\n',
      '团队 🧑‍🚀 שלום',
      "'; DROP TABLE vaults; --",
      '\\x41 $1 %s',
      '\uFEFFbom',
    ];
    for (const text of texts) await store.append(ann, vaultId, text);
    expect((await store.read(ann, vaultId, {})).map((entry) => entry.content)).toEqual(texts);
  });
});

describe('refusals', () => {
  test('another work session has no access', async () => {
    const { vaultId } = await fillVault();
    const before = await dump(database.admin);
    const refusal = `FORBIDDEN: Vault ${vaultId} belongs to another work session.`;
    expect(await refusalOf(store.read(eve, vaultId, {}))).toBe(refusal);
    expect(await refusalOf(store.read(eve, vaultId, { history: true, since: 1 }))).toBe(refusal);
    expect(await refusalOf(store.append(eve, vaultId, 'x'))).toBe(refusal);
    expect(await refusalOf(store.override(eve, vaultId, { no: 1, text: 'x' }))).toBe(refusal);
    expect(await refusalOf(store.override(eve, vaultId, { no: 99, text: 'x' }))).toBe(refusal);
    expect(await refusalOf(store.setSummary(eve, vaultId, 'x'))).toBe(refusal);
    expect(await dump(database.admin)).toBe(before);
  });

  test('a past writer from another work session reads and describes, and does not write', async () => {
    const { vaultId } = await fillVault();
    expect(await store.read(annElsewhere, vaultId, {})).toHaveLength(3);
    await store.setSummary(annElsewhere, vaultId, 'described from elsewhere');
    expect((await store.list(annElsewhere)).vaults).toContainEqual({
      vault_id: vaultId,
      summary: 'described from elsewhere',
    });
    const before = await dump(database.admin);
    const refusal = `FORBIDDEN: Vault ${vaultId} belongs to another work session: as a past writer you may read it, not write.`;
    expect(await refusalOf(store.append(annElsewhere, vaultId, 'x'))).toBe(refusal);
    expect(await refusalOf(store.override(annElsewhere, vaultId, { no: 1, text: 'x' }))).toBe(refusal);
    expect(await dump(database.admin)).toBe(before);
  });

  test('an unknown vault is missing for every caller', async () => {
    const refusal = `NOT_FOUND: There is no vault ${NEVER_MADE}.`;
    expect(await refusalOf(store.append(ann, NEVER_MADE, 'x'))).toBe(refusal);
    expect(await refusalOf(store.override(ann, NEVER_MADE, { no: 1, text: 'x' }))).toBe(refusal);
    expect(await refusalOf(store.setSummary(ann, NEVER_MADE, 'x'))).toBe(refusal);
  });
});

test('a vault that is opened to the reader while its refusal is being explained asks for another try', async () => {
  const { vault_id: vaultId } = await store.create(ann, 'just made');
  for (const reader of [ann, { operator: true, administers: false } as const]) {
    const refused = { action: 'read', allowed: canRead };
    expect(await refusedAccess(store.audit, { reader, vaultId }, refused)).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      retryAfter: 1,
    });
  }
});

describe('listing and creating', () => {
  test('the list has the vaults of the work session and vaults that the client wrote into, oldest first, each once', async () => {
    const here = { workSessionId: 'st-list', clientId: 'lister' };
    const elsewhere = { workSessionId: 'st-list-2', clientId: 'lister' };
    const other = { workSessionId: 'st-list-2', clientId: 'other' };
    const first = await store.create(here, 'first');
    const second = await store.create(elsewhere, 'second');
    const third = await store.create(here, 'third');
    const unseen = await store.create(other, 'never written by lister');
    await store.append(here, first.vault_id, 'x');
    await store.append(elsewhere, second.vault_id, 'x');
    expect((await store.list(here)).vaults).toEqual([
      { vault_id: first.vault_id, summary: 'first' },
      { vault_id: second.vault_id, summary: 'second' },
      { vault_id: third.vault_id, summary: 'third' },
    ]);
    expect((await store.list(elsewhere)).vaults).toEqual([
      { vault_id: first.vault_id, summary: 'first' },
      { vault_id: second.vault_id, summary: 'second' },
      { vault_id: unseen.vault_id, summary: 'never written by lister' },
    ]);
    expect((await store.list({ workSessionId: 'st-nobody', clientId: 'nobody' })).vaults).toEqual([]);
  });

  test('a new vault belongs to its maker’s work session', async () => {
    const { vault_id: vaultId } = await store.create(ann, 'mine');
    expect(vaultId).toMatch(/^v-[0-9A-Za-z]{10}$/);
    expect(await readVault(vaultId)).toEqual({
      bucket: bucketOf(vaultId),
      vault_id: vaultId,
      summary: 'mine',
      work_session_id: 'st-1',
      created_by: 'ann',
      created_at: expect.any(Date),
      writer_list: [],
      next_entry_no: 1,
      head_seq: '1',
      head_hash: expect.any(Buffer),
      changed_at: expect.any(Date),
      summary_version: 1,
      versions: '0',
      bytes: '4',
      gaps: 0,
      irregular: false,
    });
  });

  test('a taken id creates no vault and does not change the existing one', async () => {
    const id = makeVaultId();
    const create = (summary: string) => {
      const creation = { vault_id: id, summary, work_session_id: ann.workSessionId, client_id: ann.clientId };
      return database.db.rows(CREATE, JSON.stringify(creation), 0);
    };
    expect(await create('first')).toMatchObject([{ outcome: 'written', vault_id: id }]);
    expect(await create('second')).toEqual([{ outcome: 'taken', vault_id: null, seq: null }]);
    expect((await readVault(id)).summary).toBe('first');
  });
});

describe('round trips', () => {
  let proxy: TcpProxy;
  let counted: Database;
  beforeAll(async () => {
    proxy = await TcpProxy.to(database.url);
    counted = new Database({ url: proxy.url, poolSize: 1, log: silent });
    await counted.ping();
  });
  afterAll(async () => {
    await counted.close();
    await proxy.stop();
  });

  async function roundTripsOf(call: () => Promise<unknown>): Promise<number> {
    proxy.takeRoundTrips();
    await call();
    return proxy.takeRoundTrips();
  }

  test('a call that is allowed costs one', async () => {
    const { vaultId } = await fillVault();
    const vaults = new TestStore(counted, new VaultFeed());
    const calls: Record<string, () => Promise<unknown>> = {
      create: () => vaults.create(ann, 'x'),
      list: () => vaults.list(ann),
      current: () => vaults.read(ann, vaultId, {}),
      history: () => vaults.read(ann, vaultId, { history: true }),
      currentSince: () => vaults.read(ann, vaultId, { since: 1 }),
      historySince: () => vaults.read(ann, vaultId, { since: 1, history: true }),
      nothingNew: () => vaults.read(ann, vaultId, { since: Number.MAX_SAFE_INTEGER }),
      append: () => vaults.append(ann, vaultId, 'x'),
      override: () => vaults.override(ann, vaultId, { no: 1, text: 'x' }),
      setSummary: () => vaults.setSummary(ann, vaultId, 'x'),
    };
    for (const [name, call] of Object.entries(calls)) {
      // Twice: the first call prepares the statement, the second uses it.
      expect({ name, roundTrips: await roundTripsOf(call) }).toEqual({ name, roundTrips: 1 });
      expect({ name, roundTrips: await roundTripsOf(call) }).toEqual({ name, roundTrips: 1 });
    }
  });

  test('a refused read costs a second one, to find out why, and a refused write none', async () => {
    const vaults = new TestStore(counted, new VaultFeed());
    expect(await roundTripsOf(() => refusalOf(vaults.read(ann, NEVER_MADE, {})))).toBe(2);
    expect(await roundTripsOf(() => refusalOf(vaults.append(ann, NEVER_MADE, 'x')))).toBe(1);
  });
});

test('a seq that no JSON number holds is an error, never another number', async () => {
  const { vault_id: vaultId } = await store.create(ann, 'at the end of numbers');
  await database.admin.query('UPDATE vaults SET head_seq = 9007199254740990 WHERE vault_id = $1', [vaultId]);
  expect((await store.append(ann, vaultId, 'the last')).seq).toBe(9007199254740991);
  expect((await store.read(ann, vaultId, {})).map((entry) => entry.seq)).toEqual([9007199254740991]);
  const tooFar = '9007199254740992 does not fit a JSON number';
  await expect(store.append(ann, vaultId, 'too far')).rejects.toThrow(tooFar);
  await expect(store.read(ann, vaultId, {})).rejects.toThrow(tooFar);
});
