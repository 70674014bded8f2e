import { isOperator, type Reader } from '../../access/policy.ts';
import type { Database } from '../../db/client.ts';
import { networkOf } from '../../net/address.ts';
import type { Taker } from '../../queues/turn-queue.ts';
import type { ListOptions, ReadOptions } from './page.ts';

type Options = Omit<ReadOptions & ListOptions, 'cursor' | 'wait' | 'signal' | 'kind'>;

/**
 * Whether the cost of a read goes by all that a vault or a work session holds, and not by what the answer shows: it
 * looks for something, counts, shows every version of more than one entry, or goes back in time.
 */
export function mayScan(options: Options): boolean {
  const { q, writer, tag, details, as_of, history, entry_id, since = 0, limit } = options;
  const looksFor = [q, writer, tag].some((option) => option !== undefined);
  const showsEverything = history === true && entry_id === undefined && since === 0 && limit === undefined;
  return looksFor || details === true || as_of !== undefined || showsEverything;
}

/** Who takes turns: each work session of each address, and all operators together. */
const takerOf = (reader: Reader): Taker =>
  isOperator(reader)
    ? { group: 'operators', caller: 'operators' }
    : { group: networkOf(reader.origin?.address ?? ''), caller: reader.workSessionId };

/**
 * How to ask for rows on behalf of a reader, who takes turns with others.
 * @param scans whether the statement's cost goes by more than what the answer shows
 * @returns a function that takes a statement and its values, as `Database.rows` does
 */
export function askingFor(db: Database, reader: Reader, scans: boolean): Database['rows'] {
  const taker = takerOf(reader);
  return scans
    ? (sql, ...values) => db.scan(taker, sql, ...values)
    : (sql, ...values) => db.read(taker, sql, ...values);
}
