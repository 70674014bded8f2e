import type { Database } from '../../db/client.ts';
import { Batcher } from '../../queues/batcher.ts';
import { SharedReads } from '../../queues/shared-reads.ts';
import type { VaultListItem } from '../schema.ts';
import { IN_DETAIL } from './list-sql.ts';

/** `$1` vaults, `$2` work sessions: one of each per question. A row for each vault of its work session, with its place from 1. The SELECTs are as in `READ_HEADS`. */
export const READ_LIST_ITEMS = `
  SELECT place::int AS place, ${IN_DETAIL} AS json
  FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) WITH ORDINALITY AS asked (asked_vault, asked_work_session, place)
  CROSS JOIN LATERAL (
    SELECT * FROM vaults WHERE bucket = vault_bucket(asked_vault) AND vault_id = asked_vault OFFSET 0) AS v
  WHERE v.work_session_id = asked_work_session`;

/** Asks for a vault of a work session as the list shows it, with details. */
export interface ItemQuestion {
  vaultId: string;
  workSessionId: string;
}

async function readItems(
  db: Database,
  questions: readonly ItemQuestion[],
): Promise<(VaultListItem | undefined)[]> {
  const rows = await db.rows<{ place: number; json: string }>(
    READ_LIST_ITEMS,
    questions.map(({ vaultId }) => vaultId),
    questions.map(({ workSessionId }) => workSessionId),
  );
  const items: (VaultListItem | undefined)[] = questions.map(() => undefined);
  for (const { place, json } of rows) items[place - 1] = JSON.parse(json);
  return items;
}

/**
 * Makes the function that answers such questions, for subscriptions. Questions about many vaults share a statement, and
 * those of all subscribers about one vault are one question.
 * @throws RelayError `SERVICE_UNAVAILABLE`
 */
export function makeItemOf(db: Database): (question: ItemQuestion) => Promise<VaultListItem | undefined> {
  const batcher = new Batcher((questions: ItemQuestion[]) => readItems(db, questions));
  const shared = new SharedReads<VaultListItem | undefined>();
  return (question) =>
    shared.read(JSON.stringify([question.workSessionId, question.vaultId]), () => batcher.ask(question));
}
