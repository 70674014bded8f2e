import type pg from 'pg';
import { makeRandom, makeTexts } from './texts.ts';

/** A word of a few rows, a common one, two Chinese characters of one row in 50, and a word of no row. */
export const WORDS = { rare: 'quixotic', common: 'decided', chinese: '瓦肯', nowhere: 'somewhere' };
/** Who wrote one row in 10,000. */
export const RARE_WRITER = 'a rare writer';
const RARE_ROWS = 20;
const PORTION = 10_000;

const INSERT_VAULTS = `
  INSERT INTO vaults (bucket, vault_id, summary, work_session_id, created_by, next_entry_no, head_seq, versions, bytes)
  SELECT vault_bucket(id), id, id, $1, 'seed', $3 + 1, $3, $3, 0
  FROM generate_series(0, $2::int - 1) AS v, LATERAL (SELECT $1 || '-' || v) AS named (id)`;

const INSERT_ROWS = `
  INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, created_at, hash)
  SELECT vault_bucket(id), id, seq, seq, 1, 'content', writer, content, '2026-01-01'::timestamptz + n * interval '1 ms', sha256('')
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS given (content, writer, place),
    LATERAL (SELECT $4::int + place - 1) AS numbered (n),
    LATERAL (SELECT $1 || '-' || n % $5::int, n / $5::int + 1) AS named (id, seq)`;

/** Makes rows in turn over some vaults. Their hashes are placeholders, because no search reads them. @returns the bytes of the texts */
export async function seed(
  admin: pg.Client,
  workSessionId: string,
  { rows, vaults }: { rows: number; vaults: number },
) {
  const random = makeRandom(rows + vaults);
  const text = makeTexts(random);
  let bytes = 0;
  await admin.query(INSERT_VAULTS, [workSessionId, vaults, rows / vaults]);
  for (let from = 0; from < rows; from += PORTION) {
    const numbers = Array.from({ length: Math.min(PORTION, rows - from) }, (_, n) => from + n);
    const texts = numbers.map((n) =>
      text([
        ...(n % Math.floor(rows / RARE_ROWS) === 17 ? [WORDS.rare] : []),
        ...(random() < 0.6 ? [WORDS.common] : []),
        ...(random() < 0.02 ? [WORDS.chinese] : []),
      ]),
    );
    const writers = numbers.map((n) => (n % 10_000 === 77 ? RARE_WRITER : `writer ${n % 7}`));
    for (const one of texts) bytes += Buffer.byteLength(one);
    await admin.query(INSERT_ROWS, [workSessionId, texts, writers, from, vaults]);
  }
  await admin.query(
    `UPDATE vaults SET bytes = (SELECT sum(octet_length(content)) FROM vault_entries AS e
       WHERE e.bucket = vaults.bucket AND e.vault_id = vaults.vault_id) WHERE work_session_id = $1`,
    [workSessionId],
  );
  return bytes;
}
