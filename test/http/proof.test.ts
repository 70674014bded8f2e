import { beforeAll, describe, expect, test } from 'vitest';
import {
  CHAIN_START,
  createVaultRelayClient,
  type Entry,
  type Head,
  type Proof,
  readProof,
  type VerifyProofOptions,
  verifyProof,
} from '../../src/client/index.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { withoutTriggers } from '../support/tamper.ts';

const database = useDatabase();
const server = useServer(database);

let session: string;
let outside: string;
let vaultId: string;

const get = async <T>(path: string, { who = session, id = 'ann' } = {}) =>
  rest<T>('GET', `${server.url}/api/vault/${vaultId}${path}${path.includes('?') ? '&' : '?'}id=${id}`, {
    session: who,
  });

/** What a reader is shown: rows, and the head in the headers. */
async function readAll(query = '?history=true&kind=all'): Promise<{ entries: Entry[]; head: Head }> {
  const { headers, body } = await get<Entry[]>(query);
  const head = { seq: Number(headers.get('x-vault-head')), hash: headers.get('x-vault-head-hash') ?? '' };
  return { entries: body, head };
}

const chain =
  (limit = 1000) =>
  async (since: number): Promise<Proof> =>
    (await get<Proof>(`/proof?since=${since}&limit=${limit}`)).body;

beforeAll(async () => {
  session = await server.login('st-1');
  outside = await server.login('st-2');
  const { vault } = createVaultRelayClient({ url: server.url, session, clientId: 'ann' });
  const b = createVaultRelayClient({ url: server.url, session, clientId: '团队-mac' }).vault;
  ({ vault_id: vaultId } = await vault.create.mutate({ summary: '' }));
  for (let i = 0; i < 20; i++) {
    await b.append.mutate({ vault_id: vaultId, text: `第${i} 🦀`, tags: i % 2 ? ['a', `${i}:,`] : [] });
  }
  await vault.override.mutate({ vault_id: vaultId, entry_id: 3, text: '' });
  await vault.setSummary.mutate({ vault_id: vaultId, text: 'twenty' });
});

describe('with answers of the server alone', () => {
  test.each([1, 7, 23, 1000])('a whole vault is verified, in pages of %i', async (limit) => {
    const { entries, head } = await readAll();
    expect(entries).toHaveLength(23);
    const verified = await verifyProof({ pages: readProof(chain(limit)), head, entries });
    expect(verified).toEqual({ rows: 23, head });
  });

  test('each single row is verified against the head, by the chain from that row on', async () => {
    const { entries, head } = await readAll();
    for (const [place, entry] of entries.entries()) {
      const pages = readProof(chain(5), entry.seq - 1);
      const verified = await verifyProof({ pages, after: 'anywhere', head, entries: [entry] });
      expect(verified).toEqual({ rows: 23 - place, head });
    }
  });

  test('a reader continues from a verified head, also without new rows', async () => {
    const { entries } = await readAll();
    const page = await chain(9)(0);
    const then = await verifyProof({ pages: page, head: CHAIN_START, entries: entries.slice(0, 9) });
    expect(then).toEqual({ rows: 9, head: { seq: page.rows[8]?.seq, hash: page.rows[8]?.hash } });
    const { head } = await readAll();
    const now = await verifyProof({ pages: readProof(chain(5), then.head.seq), after: then.head, head });
    expect(now).toEqual({ rows: 14, head });
    expect(await verifyProof({ pages: readProof(chain(), head.seq), after: head, head })).toEqual({
      rows: 0,
      head,
    });
  });

  test('an older head is found in a longer chain', async () => {
    const page = await chain(9)(0);
    const old = { seq: page.rows[8]?.seq ?? 0, hash: page.rows[8]?.hash ?? '' };
    expect(await verifyProof({ pages: readProof(chain()), head: old })).toMatchObject({ rows: 23 });
  });

  test('tRPC gives the same', async () => {
    const { vault } = createVaultRelayClient({ url: server.url, session, clientId: 'ann' });
    const { entries, head, head_hash } = await vault.readPage.query({
      vault_id: vaultId,
      history: true,
      kind: 'all',
    });
    const pages = readProof((since) => vault.proof.query({ vault_id: vaultId, since }));
    await verifyProof({ pages, head: { seq: head, hash: head_hash }, entries });
    expect(await vault.proof.query({ vault_id: vaultId })).toEqual(await chain()(0));
  });

  test('a past writer gets it from another work session, another client is refused', async () => {
    const asWriter = await get<Proof>('/proof', { who: outside, id: encodeURIComponent('团队-mac') });
    expect(asWriter).toMatchObject({ status: 200, body: { rows: { length: 23 } } });
    expect(await get('/proof', { who: outside, id: 'eve' })).toMatchObject({ status: 403 });
  });
});

describe('a forged answer is detected', () => {
  const lies: [what: string, lie: (proof: Proof) => void, complaint: RegExp][] = [
    [
      'another content',
      (p) => edit(p, 5, { content_sha256: CHAIN_START.hash }),
      /^Row 6 does not have the hash/,
    ],
    ['another writer', (p) => edit(p, 5, { writer_id: 'eve' }), /^Row 6 does not have the hash/],
    ['another entry', (p) => edit(p, 5, { entry_no: 9 }), /^Row 6 does not have the hash/],
    ['another version', (p) => edit(p, 5, { version: 2 }), /^Row 6 does not have the hash/],
    ['another kind', (p) => edit(p, 5, { kind: 'summary' }), /^Row 6 does not have the hash/],
    ['other tags', (p) => edit(p, 5, { tags: ['b'] }), /^Row 6 has another salt or other tags than its hash/],
    [
      'another hash of tags',
      (p) => edit(p, 5, { tags_hmac: CHAIN_START.hash }),
      /^Row 6 does not have the hash/,
    ],
    ['another salt', (p) => edit(p, 5, { salt: '00'.repeat(16) }), /^Row 6 has another salt or other tags/],
    ['no salt', (p) => edit(p, 5, { salt: '' }), /^Row 6 is of no form that this client knows/],
    [
      'another author',
      (p) => edit(p, 5, { author: 'session:000000000000' }),
      /^Row 6 does not have the hash/,
    ],
    ['another addressee', (p) => edit(p, 5, { to: ['eve'] }), /^Row 6 does not have the hash/],
    ['another form', (p) => edit(p, 5, { algorithm: 'vault-relay/3' as never }), /^Row 6 is of no form/],
    [
      'another time',
      (p) => edit(p, 5, { created_at: '2026-01-01T00:00:00.000000Z' }),
      /^Row 6 does not have/,
    ],
    ['another seq', (p) => edit(p, 22, { seq: 999 }), /^Row 999 does not have the hash/],
    ['another hash', (p) => edit(p, 5, { hash: CHAIN_START.hash }), /^Row 6 does not have the hash/],
    ['a row that is left out', (p) => p.rows.splice(5, 1), /^Row 7 does not have the hash/],
    ['a first row that is left out', (p) => p.rows.splice(0, 1), /^Row 2 does not have the hash/],
    ['a last row that is left out', (p) => p.rows.splice(22, 1), /^The chain does not contain row 23/],
    ['a row that comes twice', (p) => p.rows.splice(5, 0, ...p.rows.slice(5, 6)), /^Row 6 comes after row 6/],
    ['rows that are turned', (p) => p.rows.reverse(), /^Row 23 does not have the hash/],
    [
      'a beginning that is cut away',
      (p) => Object.assign(p, { previous_hash: p.rows[4]?.hash, rows: p.rows.slice(5) }),
      /^A page does not continue after row 0 of v-\w+\./,
    ],
    [
      'another algorithm',
      (p) => Object.assign(p, { algorithm: 'vault-relay/0' }),
      /^A page does not continue/,
    ],
    [
      'the chain under another name',
      (p) => Object.assign(p, { vault_id: 'v-0000000000' }),
      /^Row 1 does not have/,
    ],
  ];
  const edit = (proof: Proof, place: number, change: Partial<Proof['rows'][number]>) =>
    Object.assign(proof.rows[place] ?? {}, change);

  test.each(lies)('in the chain: %s', async (_, lie, complaint) => {
    const { head, entries } = await readAll();
    const first = entries[0]?.seq ?? 0;
    const proof = await chain()(0);
    lie(proof);
    const refused = await verifyProof({ pages: proof, head }).catch((error: Error) => error.message);
    const numbered = String(refused).replace(/row (\d+)/gi, (text, seq) =>
      Number(seq) >= first && seq !== '999' ? text.replace(seq, String(seq - first + 1)) : text,
    );
    expect(numbered).toMatch(complaint);
  });

  test.each<[string, Partial<Entry>]>([
    ['content', { content: 'another' }],
    ['tags', { tags: ['b'] }],
    ['writer_id', { writer_id: 'eve' }],
    ['version', { version: 2 }],
    ['entry_no', { entry_no: 2 }],
    ['kind', { kind: 'summary' }],
    ['created_at', { created_at: '2026-01-01T00:00:00.000000Z' }],
  ])('in what a row is said to hold: %s', async (field, change) => {
    const { head, entries } = await readAll();
    const entry = { ...(entries[6] as Entry), ...change };
    await expect(verifyProof({ pages: readProof(chain()), head, entries: [entry] })).rejects.toMatchObject({
      name: 'ProofError',
      message: `Row ${entry.seq} has another ${field} than the entry.`,
      seq: entry.seq,
    });
  });

  describe('C2: in the rows as they were read', () => {
    const prove = async (
      query: string,
      lie: (entries: Entry[]) => Entry[],
      options: Pick<VerifyProofOptions, 'view'> = {},
    ) => {
      const { head, entries } = await readAll(query);
      const pages = readProof(chain());
      return verifyProof({ pages, head, entries: lie(entries), ...options });
    };
    const ALL = '?history=true&kind=all';
    const forge = (entry: Entry | undefined, change: Partial<Entry>) => ({ ...(entry as Entry), ...change });

    test.each([
      [ALL, 'all'],
      ['?history=true', 'history'],
      ['', 'current'],
      ['?kind=all&history=true&limit=3', 'some'],
    ] as const)('%j is verified as it is read: %s', async (query, view) => {
      expect(await prove(query, (entries) => entries, { view })).toMatchObject({ rows: 23 });
      if (view !== 'some') expect(await prove(query, (entries) => entries)).toMatchObject({ rows: 23 });
    });

    test.each<[string, (entries: Entry[]) => Entry[]]>([
      ['forged, then genuine', (rows) => rows.toSpliced(4, 0, forge(rows[4], { content: 'forged' }))],
      ['genuine, then forged', (rows) => rows.toSpliced(5, 0, forge(rows[4], { writer_id: 'eve' }))],
      ['genuine twice', (rows) => [...rows, rows[4] as Entry]],
    ])('a row that appears twice: %s', async (_, lie) => {
      await expect(prove(ALL, lie)).rejects.toThrow(/^Row \d+ was read twice\.$/);
      await expect(prove('', lie)).rejects.toThrow(/^Row \d+ was read twice\.$/);
    });

    test.each([
      ['the first', ALL, 'all', 0],
      ['one in the middle', ALL, 'all', 7],
      ['the last', ALL, 'all', 22],
      ['one of content', '?history=true', 'history', 7],
      ['one of the current view', '', 'current', 2],
    ] as const)('a row that was left out: %s of %j', async (_, query, view, place) => {
      const { entries } = await readAll(query);
      const seq = entries[place]?.seq;
      await expect(prove(query, (rows) => rows.toSpliced(place, 1), { view })).rejects.toMatchObject({
        name: 'ProofError',
        message: `The entries do not contain row ${seq}.`,
        seq,
      });
    });

    test('an earlier version in the place of the current one', async () => {
      const { entries: history } = await readAll('?history=true');
      const { entries: current } = await readAll('');
      const place = current.findIndex(({ version }) => version === 2);
      const old = history.find(({ entry_no, version }) => entry_no === place + 1 && version === 1) as Entry;
      await expect(prove('', (rows) => rows.with(place, old), { view: 'current' })).rejects.toThrow(
        `The entries do not contain row ${current[place]?.seq}.`,
      );
    });

    test.each([
      ['all', 'all'],
      ['history', 'history'],
      ['current', 'current'],
      ['not named', undefined],
    ] as const)('every row, where the view is %s', async (_, view) => {
      const lie = prove('', () => [], view && { view });
      await expect(lie).rejects.toThrow(/^The entries do not contain row \d+\.$/);
    });

    test.each([
      ['an earlier version beside the current one', '?history=true', 'current', 1],
      ['the summary beside the current view', '?kind=all', 'current', 2],
      ['the summary in the history of content', ALL, 'history', 1],
    ] as const)('a row that the view does not show: %s', async (_, query, view, version) => {
      const { entries } = await readAll(query);
      const foreign = entries.find(
        (row) => row.version === version && (row.kind === 'summary' || row.entry_no === 3),
      );
      await expect(prove(query, (rows) => rows, { view })).rejects.toMatchObject({
        name: 'ProofError',
        message: `Row ${foreign?.seq} does not belong to the view ${view}.`,
        seq: foreign?.seq,
      });
    });

    test('a lone surrogate in the place of U+FFFD', async () => {
      const { vault } = createVaultRelayClient({ url: server.url, session, clientId: 'ann' });
      const { vault_id } = await vault.create.mutate({});
      await vault.append.mutate({ vault_id, text: 'a\ufffd' });
      const { entries, head, head_hash } = await vault.readPage.query({ vault_id });
      const pages = await vault.proof.query({ vault_id });
      const check = (content: string) =>
        verifyProof({
          pages,
          head: { seq: head, hash: head_hash },
          entries: [forge(entries[0], { content })],
        });
      await check('a\ufffd');
      await expect(check('a\ud800')).rejects.toThrow(`Row ${head} has another content than the entry.`);
    });

    test('an invented row', async () => {
      const lie = (rows: Entry[]) => [...rows, forge(rows[0], { seq: 999_999 })];
      await expect(prove(ALL, lie)).rejects.toThrow('The chain does not contain row 999999.');
    });

    test('a content that is not a text', async () => {
      const { entries } = await readAll(ALL);
      const lie = (rows: Entry[]) => rows.with(4, forge(rows[4], { content: [rows[4]?.content] as never }));
      await expect(prove(ALL, lie)).rejects.toThrow(
        `Row ${entries[4]?.seq} has another content than the entry.`,
      );
    });

    test('rows since a head, and rows that were written after the read', async () => {
      const page = await chain(9)(0);
      const after = { seq: page.rows[8]?.seq ?? 0, hash: page.rows[8]?.hash ?? '' };
      const { entries, head } = await readAll(`?history=true&kind=all&since=${after.seq}`);
      const earlier = { seq: page.rows[7]?.seq ?? 0, hash: page.rows[7]?.hash ?? '' };
      const since = (seq: number) => readProof(chain(), seq);
      await verifyProof({ pages: since(after.seq), after, head, entries, view: 'all' });
      await expect(
        verifyProof({ pages: since(after.seq), after, head, entries: entries.slice(1), view: 'all' }),
      ).rejects.toThrow(`The entries do not contain row ${entries[0]?.seq}.`);
      const read = (await readAll(ALL)).entries.slice(0, 8);
      await verifyProof({ pages: since(0), head: earlier, entries: read, view: 'all' });
    });
  });

  test('in rows that the chain does not have', async () => {
    const { head, entries } = await readAll();
    const pages = readProof(chain(), entries[4]?.seq);
    await expect(verifyProof({ pages, after: 'anywhere', head, entries })).rejects.toThrow(
      `The chain does not contain row ${entries[0]?.seq}.`,
    );
  });

  test('in the head', async () => {
    const { head } = await readAll();
    const prove = (wrong: Head) => verifyProof({ pages: readProof(chain()), head: wrong });
    await expect(prove({ ...head, hash: CHAIN_START.hash })).rejects.toThrow(
      `Row ${head.seq} has the number of the head, but another hash.`,
    );
    await expect(prove({ ...head, seq: head.seq + 1 })).rejects.toThrow('The chain does not contain row');
  });

  test('of a server whose database was changed past its triggers', async () => {
    const { head, entries } = await readAll();
    const seq = entries[3]?.seq;
    const before = entries[3]?.content;
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET content = 'edited' WHERE vault_id = '${vaultId}' AND seq = ${seq}`,
    );
    await expect(verifyProof({ pages: readProof(chain()), head })).rejects.toMatchObject({ seq });
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET content = '${before}' WHERE vault_id = '${vaultId}' AND seq = ${seq}`,
    );
    await verifyProof({ pages: readProof(chain()), head });
  });
});
