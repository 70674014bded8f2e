import type { Database } from '../../db/client.ts';
import { PLAIN_ENTRY } from '../read/sql.ts';

/** A statement returns at most this many rows that a kept view lacks. A view that lacks more is read again. */
export const MAX_NEWER = 8;

/** Each of these rows has at most this many bytes of content. */
const MAX_NEWER_BYTES = 4096;

/**
 * `$1` vaults, `$2` work sessions, `$3` client ids, `$4` heads of kept views (null: none): one of each per question. The
 * result is one JSON array, because it costs the server less than rows do. Each readable vault has its place from 1, whether
 * the reader is from outside, its head and the hash. If few rows follow the kept head, it also has these rows, after the row
 * at that head. `OFFSET 0` makes each question a look into the index: for a small table PostgreSQL might read it whole. Behind a SELECT
 * the planner does not know how many questions there are. Otherwise it would plan each small batch again, which takes
 * longer than the batch.
 */
export const READ_HEADS = `
  SELECT coalesce(json_agg(json_build_array(
      asked.place, v.work_session_id <> asked.work_session_id, v.head_seq, encode(v.head_hash, 'hex'),
      CASE WHEN v.head_seq > asked.kept AND v.head_seq <= asked.kept + ${MAX_NEWER} AND NOT v.irregular THEN (
        SELECT json_agg(json_build_array(encode(hash, 'hex'), kind, entry_no,
          CASE WHEN octet_length(content) <= ${MAX_NEWER_BYTES} THEN ${PLAIN_ENTRY} END) ORDER BY seq)
        FROM vault_entries WHERE bucket = v.bucket AND vault_id = v.vault_id AND seq >= asked.kept) END)), '[]') AS heads
  FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::bigint[]))
    WITH ORDINALITY AS asked (vault_id, work_session_id, client_id, kept, place)
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(asked.vault_id) AND vault_id = asked.vault_id OFFSET 0) AS v
  WHERE v.work_session_id = asked.work_session_id OR (
    SELECT true FROM vault_writers AS w WHERE w.bucket = v.bucket AND w.vault_id = v.vault_id AND w.client_id = asked.client_id)`;

/** Asks whether a caller may read a vault, and for its current head. */
export interface HeadQuestion {
  vaultId: string;
  workSessionId: string;
  readsAs: string | null;
  /** The head of a kept view: asks also for the rows that the view lacks. */
  keptHead?: number | undefined;
}

/** A row that a kept view lacks: hash, kind, number of the entry, and its JSON; null: too large. */
export type NewerRow = readonly [hash: string, kind: string, entryNo: number, json: string | null];

export interface HeadAnswer {
  head: number;
  headHash: string;
  fromOutside: boolean;
  /** The row at the kept head, and those after it. Absent where there are none, or too many. */
  newer?: readonly NewerRow[] | undefined;
}

/**
 * Answers a batch of questions with one statement.
 * @returns an answer to each; undefined where the vault does not exist, or the caller may not read it, or no JSON number holds
 *   its head
 * @throws RelayError `SERVICE_UNAVAILABLE`
 */
export async function readHeads(
  db: Database,
  questions: readonly HeadQuestion[],
): Promise<(HeadAnswer | undefined)[]> {
  const [row] = await db.rows<{ heads: [number, boolean, number, string, NewerRow[] | null][] }>(
    READ_HEADS,
    questions.map(({ vaultId }) => vaultId),
    questions.map(({ workSessionId }) => workSessionId),
    questions.map(({ readsAs }) => readsAs),
    questions.map(({ keptHead }) => keptHead ?? null),
  );
  const answers: (HeadAnswer | undefined)[] = questions.map(() => undefined);
  for (const [place, fromOutside, head, headHash, newer] of row?.heads ?? []) {
    // An error would fail the questions about other vaults too. The read of this vault fails by itself.
    if (!Number.isSafeInteger(head)) continue;
    answers[place - 1] = { head, headHash, fromOutside, newer: newer ?? undefined };
  }
  return answers;
}
