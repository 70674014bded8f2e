import { expect, test } from 'vitest';
import { type Proof, verifyProof } from '../../src/client/index.ts';
import { findBrokenRow } from '../../src/dashboard/proof/hash.ts';
import { CHAIN_START, type ChainRow, hashRow } from '../../src/vault/proof/chain.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const ROWS = 10_000;

/** Repeats itself from run to run (xorshift32). */
function makeRandom(seed: number) {
  let state = seed;
  return (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
const random = makeRandom(0x5eed);

const HOSTILE = [
  '',
  ',',
  ':',
  '0:,',
  '1:a,',
  '13:vault-relay/1,',
  '64:',
  '\\',
  '\\x00',
  '"',
  "'",
  '{a,b}',
  'NULL',
  '\n\r\t',
  '\u0001\u007f\u0085\u2028',
  'é',
  'e\u0301',
  '团队',
  '🦀',
  '\u{10ffff}',
  '\ufffd',
  '\u202eabc',
];

function text(): string {
  const parts = Array.from({ length: random(4) }, () =>
    random(3) > 0
      ? (HOSTILE[random(HOSTILE.length)] ?? '')
      : String.fromCodePoint(1 + random(0xd7ff), 0xe000 + random(0x1fff)),
  );
  // Around the block of SHA-256, and far beyond it.
  if (random(20) === 0) parts.push('x'.repeat(random(200)));
  return parts.join('');
}

const texts = () => Array.from({ length: random(4) }, text);

const hex = (bytes: number) =>
  Array.from({ length: bytes }, () => random(256).toString(16).padStart(2, '0')).join('');

const VAULT = 'v-\\x 🦀:,';

/** Rows of both forms, mixed as no server would, and each hash as the server's code makes it. */
function makeRows(): (ChainRow & { hash: string })[] {
  let previous = CHAIN_START;
  let seq = 0;
  return Array.from({ length: ROWS }, () => {
    const isSecond = random(2) === 1;
    seq += 1 + (isSecond ? 0 : random(1000));
    const row: ChainRow = {
      seq,
      entry_no: random(2 ** 31),
      version: 1 + random(2 ** 20),
      kind: random(9) === 0 ? 'summary' : 'content',
      writer_id: text(),
      author: isSecond ? text() : null,
      to: isSecond ? texts() : null,
      created_at: new Date(random(2 ** 31) * 1000).toISOString().replace('Z', `${100 + random(899)}Z`),
      tags: texts(),
      content: text(),
      salt: isSecond ? hex(16) : null,
    };
    previous = hashRow(previous, VAULT, row);
    return { ...row, hash: previous };
  });
}

/** The same in the database, and what a proof has of each text. */
const HASHES = `
  SELECT encode(vault_row_hash(decode(asked.previous, 'hex'), row), 'hex') AS hash,
    encode(salted_hash(row.salt, convert_to(netstrings(row.tags), 'UTF8')), 'hex') AS tags_hmac,
    encode(CASE WHEN row.salt IS NULL THEN sha256(convert_to(row.content, 'UTF8'))
      ELSE salted_hash(row.salt, convert_to(row.content, 'UTF8')) END, 'hex') AS content_sha256
  FROM ROWS FROM (jsonb_to_recordset($1) AS (previous TEXT, row JSONB)) WITH ORDINALITY AS asked (previous, fields, place),
    LATERAL jsonb_populate_record(NULL::vault_row, asked.fields) AS row
  ORDER BY place`;

test(`database, server, client and dashboard agree about ${ROWS} rows of hostile texts in both forms`, async () => {
  const made = makeRows();
  const asked = made.map(({ to, salt, ...row }, place) => ({
    previous: made[place - 1]?.hash ?? CHAIN_START,
    row: { ...row, vault_id: VAULT, addressees: to, salt: salt === null ? null : `\\x${salt}`, hash: null },
  }));
  const { rows } = await database.admin.query(HASHES, [JSON.stringify(asked)]);
  expect(rows.map(({ hash }) => hash)).toEqual(made.map(({ hash }) => hash));

  const proved = made.map(({ content: _, author, to, salt, ...row }, place) => {
    const { content_sha256, tags_hmac } = rows[place];
    return author === null
      ? { ...row, content_sha256 }
      : { ...row, algorithm: 'vault-relay/2', author, to, salt, tags_hmac, content_sha256 };
  }) as Proof['rows'];
  expect(findBrokenRow(VAULT, { seq: 0, hash: CHAIN_START }, proved)).toBe(-1);
  const head = { seq: made.at(-1)?.seq ?? 0, hash: made.at(-1)?.hash ?? '' };
  const pages: Proof = {
    vault_id: VAULT,
    algorithm: 'vault-relay/1',
    previous_hash: CHAIN_START,
    rows: proved,
    head,
  };
  const entries = made.map((row) => ({
    ...row,
    author: row.author ?? undefined,
    salt: row.salt ?? undefined,
  }));
  expect(await verifyProof({ pages, head, entries: entries as never, view: 'some' })).toEqual({
    rows: ROWS,
    head,
  });
});
