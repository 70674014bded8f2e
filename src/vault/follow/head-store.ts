import type { Database } from '../../db/client.ts';
import { READ_HEADS } from '../sql.ts';

/** Whether a caller may read a vault, and where that stands. */
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
 * Asks many questions by one statement.
 * @returns an answer to each, undefined where the vault is not there or not for the caller
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
