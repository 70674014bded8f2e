import { isOperator, type Reader } from '../../access/policy.ts';
import type { Database } from '../../db/client.ts';
import { networkOf } from '../../net/address.ts';
import type { Taker } from '../../queues/turn-queue.ts';
import type { ReadOptions } from './page.ts';

type Options = Pick<
  ReadOptions,
  'q' | 'writer' | 'author' | 'tag' | 'as_of' | 'history' | 'entry_id' | 'since' | 'limit'
>;

/**
 * Whether the cost of a read depends on the size of the vault or work session, and not on the answer. Such a read
 * searches, counts, shows every version of more than one entry, or goes back in time.
 */
export function mayScan(options: Options): boolean {
  const { q, writer, author, tag, as_of, history, entry_id, since = 0, limit } = options;
  const looksFor = [q, writer, author, tag].some((option) => option !== undefined);
  const showsEverything = history === true && entry_id === undefined && since === 0 && limit === undefined;
  return looksFor || as_of !== undefined || showsEverything;
}

/** Each work session of each address takes turns. All operators share one turn. */
const takerOf = (reader: Reader): Taker =>
  isOperator(reader)
    ? { group: 'operators', caller: 'operators' }
    : { group: networkOf(reader.origin?.address ?? ''), caller: reader.workSessionId };

/**
 * Makes the function that queries rows for a reader. Its queries take turns with those of other readers.
 * @param scans whether the statement's cost depends on more than the answer
 * @returns a function that takes a statement and its values, as `Database.rows` does
 */
export function askingFor(
  db: Pick<Database, 'read' | 'scan'>,
  reader: Reader,
  scans: boolean,
): Database['rows'] {
  const taker = takerOf(reader);
  return scans
    ? (sql, ...values) => db.scan(taker, sql, ...values)
    : (sql, ...values) => db.read(taker, sql, ...values);
}
