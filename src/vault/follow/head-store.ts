import type { Database } from '../../db/client.ts';

/**
 * `$1` vaults, `$2` work sessions, `$3` client ids: one of each per question. The result is one JSON array, because it costs
 * the server less than rows do. Each readable vault has its place from 1, whether the reader is from outside, its head and
 * the hash. `OFFSET 0` makes each question a look into the index: for a small table PostgreSQL might read it whole.
 */
export const READ_HEADS = `
  SELECT coalesce(json_agg(json_build_array(
      asked.place, v.work_session_id <> asked.work_session_id, v.head_seq, encode(v.head_hash, 'hex'))), '[]') AS heads
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (vault_id, work_session_id, client_id, place)
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(asked.vault_id) AND vault_id = asked.vault_id OFFSET 0) AS v
  WHERE v.work_session_id = asked.work_session_id OR (
    SELECT true FROM vault_writers AS w WHERE w.bucket = v.bucket AND w.vault_id = v.vault_id AND w.client_id = asked.client_id)`;

/** Asks whether a caller may read a vault, and for its current head. */
export interface HeadQuestion {
  vaultId: string;
  workSessionId: string;
  readsAs: string | null;
}

export interface HeadAnswer {
  head: number;
  headHash: string;
  fromOutside: boolean;
}

/**
 * Answers a batch of questions with one statement.
 * @returns an answer to each; undefined where the vault does not exist or the caller may not read it
 * @throws RelayError `SERVICE_UNAVAILABLE`
 */
export async function readHeads(
  db: Database,
  questions: readonly HeadQuestion[],
): Promise<(HeadAnswer | undefined)[]> {
  const [row] = await db.rows<{ heads: [number, boolean, number, string][] }>(
    READ_HEADS,
    questions.map(({ vaultId }) => vaultId),
    questions.map(({ workSessionId }) => workSessionId),
    questions.map(({ readsAs }) => readsAs),
  );
  const answers: (HeadAnswer | undefined)[] = questions.map(() => undefined);
  for (const [place, fromOutside, head, headHash] of row?.heads ?? []) {
    answers[place - 1] = { head, headHash, fromOutside };
  }
  return answers;
}
