import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type Proof, verifyProof } from '../../src/client/index.ts';
import { findBrokenRow, hashTexts } from '../../src/dashboard/proof/hash.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { CHAIN_START, hashRow, sha256 } from '../../src/vault/proof/chain.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/proof.md'), 'utf8');

/** The first block of a kind that holds a text. */
function blockOf(kind: string, holds: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, text]) => text ?? '',
  );
  return blocks.find((text) => text.includes(holds)) ?? '';
}

type Vector = Proof['rows'][number] & { content: string; form: string };
const vectors: { vault_id: string; rows: Vector[] } = JSON.parse(blockOf('json', '"form"'));
const previousOf = (place: number) => vectors.rows[place - 1]?.hash ?? CHAIN_START;

test('the vectors are those of the code', () => {
  expect(vectors.rows).toHaveLength(4);
  for (const [place, row] of vectors.rows.entries()) {
    expect(sha256(row.content)).toBe(row.content_sha256);
    expect(hashRow(previousOf(place), vectors.vault_id, row)).toBe(row.hash);
    const hash = createHash('sha256').update(previousOf(place), 'hex').update(row.form);
    expect(hash.digest('hex')).toBe(row.hash);
  }
});

test('the vectors are those of the client', async () => {
  const last = vectors.rows.at(-1);
  if (!last) throw new Error('There are no vectors');
  const head = { seq: last.seq, hash: last.hash };
  const { vault_id, rows } = vectors;
  const proof: Proof = { vault_id, algorithm: 'vault-relay/1', previous_hash: CHAIN_START, rows, head };
  expect(await verifyProof({ pages: proof, head, entries: rows })).toEqual({ rows: 4, head });
});

// The dashboard computes by itself, so that it need not believe the server, and without WebCrypto, which pages over HTTP lack.
test('the vectors are those of the dashboard', () => {
  const { vault_id, rows } = vectors;
  const start = { seq: 0, hash: CHAIN_START };
  expect(findBrokenRow(vault_id, start, rows)).toBe(-1);
  expect(hashTexts(rows.map(({ content }) => content))).toEqual(rows.map((row) => row.content_sha256));
  const forged = rows.with(2, { ...(rows[2] as Vector), writer_id: 'eve' });
  expect(findBrokenRow(vault_id, start, forged)).toBe(2);
  expect(findBrokenRow(vault_id, start, [...rows].reverse())).toBe(0);
});

test('the vectors are those of the database', async () => {
  for (const [place, row] of vectors.rows.entries()) {
    const { rows } = await database.admin.query(
      `SELECT encode(vault_row_hash(decode($1, 'hex'), jsonb_populate_record(NULL::vault_row, $2)), 'hex') AS hash`,
      [previousOf(place), JSON.stringify({ vault_id: vectors.vault_id, ...row, hash: null })],
    );
    expect(rows).toEqual([{ hash: row.hash }]);
  }
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
      const env = { ...process.env, DATABASE_URL: plain.href, SEQ: seq };
      const { stdout } = await promisify(execFile)('sh', ['-c', blockOf('sh', 'openssl')], { env });
      expect(stdout).toBe(`${hash}\n${hash}\n`);
    }
  },
);
