import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Proof, verifyProof } from '../../src/client/index.ts';
import { findBrokenRow, hashTexts } from '../../src/dashboard/proof/hash.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { CHAIN_START, hashRow } from '../../src/vault/proof/chain.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/proof.md'), 'utf8');

/** The blocks of a kind that hold a text. */
const blocksOf = (kind: string, holds: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms'))]
    .map(([, text]) => text ?? '')
    .filter((text) => text.includes(holds));

type Vector = Proof['rows'][number] & { content: string; form: string };
interface Vectors {
  vault_id: string;
  rows: Vector[];
}
const all = blocksOf('json', '"form"').map((text) => JSON.parse(text) as Vectors);

test('there are vectors of both forms', () => {
  expect(all.map(({ rows }) => rows.map(({ algorithm }) => algorithm ?? 'vault-relay/1'))).toEqual([
    Array(4).fill('vault-relay/1'),
    ['vault-relay/1', ...Array(3).fill('vault-relay/2')],
  ]);
});

describe.each(all)('the vectors of $vault_id are those', ({ vault_id, rows }) => {
  const previousOf = (place: number) => rows[place - 1]?.hash ?? CHAIN_START;
  const last = rows.at(-1);
  const head = { seq: last?.seq ?? 0, hash: last?.hash ?? '' };

  test('of their own forms, and of the code', () => {
    for (const [place, row] of rows.entries()) {
      const { author = null, to = null, salt = null } = row;
      expect(hashRow(previousOf(place), vault_id, { ...row, author, to, salt })).toBe(row.hash);
      const hash = createHash('sha256').update(previousOf(place), 'hex').update(row.form);
      expect(hash.digest('hex')).toBe(row.hash);
    }
  });

  test('of the client', async () => {
    const proof: Proof = { vault_id, algorithm: 'vault-relay/1', previous_hash: CHAIN_START, rows, head };
    expect(await verifyProof({ pages: proof, head, entries: rows })).toEqual({ rows: 4, head });
  });

  // The dashboard computes by itself, so that it need not believe the server, and without WebCrypto, which pages over HTTP lack.
  test('of the dashboard', () => {
    const start = { seq: 0, hash: CHAIN_START };
    expect(findBrokenRow(vault_id, start, rows)).toBe(-1);
    expect(hashTexts(rows.map(({ content, salt }) => ({ text: content, salt })))).toEqual(
      rows.map((row) => row.content_sha256),
    );
    const forged = rows.with(2, { ...(rows[2] as Vector), writer_id: 'eve' });
    expect(findBrokenRow(vault_id, start, forged)).toBe(2);
    expect(findBrokenRow(vault_id, start, [...rows].reverse())).toBe(0);
  });

  test('of the database', async () => {
    for (const [place, { to, salt, ...row }] of rows.entries()) {
      const stored = {
        ...row,
        vault_id,
        addressees: to,
        salt: salt === undefined ? null : `\\x${salt}`,
        hash: null,
      };
      const { rows: found } = await database.admin.query(
        `SELECT encode(vault_row_hash(decode($1, 'hex'), jsonb_populate_record(NULL::vault_row, $2)), 'hex') AS hash`,
        [previousOf(place), JSON.stringify(stored)],
      );
      expect(found).toEqual([{ hash: row.hash }]);
    }
  });
});

const isThere = (tool: string) => {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`]);
    return true;
  } catch {
    return false;
  }
};

test.skipIf(!['psql', 'xxd', 'openssl'].every(isThere))(
  'the script of the page computes the same hashes (needs psql, xxd and openssl)',
  async () => {
    const store = new TestStore(database.db, new VaultFeed());
    const caller = { workSessionId: 'st-1', clientId: '团队-mac' };
    const { vault_id } = await store.create(caller, '');
    await store.append(caller, vault_id, 'eins\n\n', { tags: ['b', 'a,1:', '決定'] });
    const { rows } = await database.admin.query(
      `SELECT seq, encode(hash, 'hex') AS hash FROM vault_entries WHERE vault_id = $1`,
      [vault_id],
    );
    // An older psql refuses query parameters it does not know, such as sslnegotiation.
    const plain = new URL(database.url);
    plain.search = '';
    for (const { seq, hash } of rows) {
      const env = { ...process.env, DATABASE_URL: plain.href, VAULT: vault_id, SEQ: seq };
      const { stdout } = await promisify(execFile)('sh', ['-c', blocksOf('sh', 'openssl')[0] ?? ''], { env });
      expect(stdout).toBe(`${hash}\n${hash}\n`);
    }
  },
);
