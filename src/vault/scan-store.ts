import type { Database } from '../db/client.ts';
import { isOperator, type Reader } from './policy.ts';
import type { ListOptions, ReadOptions } from './reading.ts';

type Options = Omit<ReadOptions & ListOptions, 'cursor' | 'known_head' | 'wait' | 'signal' | 'kind'>;

/**
 * Whether the cost of a read goes by all that a vault or a work session holds, and not by what the answer shows: it
 * looks for something, counts, shows every version, or goes back in time.
 */
export function mayScan({ q, writer, tag, details, as_of, history, since = 0, limit }: Options): boolean {
  const looksFor = [q, writer, tag].some((option) => option !== undefined);
  const showsEverything = history === true && since === 0 && limit === undefined;
  return looksFor || details === true || as_of !== undefined || showsEverything;
}

/** Who takes turns: each work session, and all operators together. */
const callerOf = (reader: Reader): string =>
  isOperator(reader) ? 'operators' : `work session ${reader.workSessionId}`;

/**
 * How to ask for rows: statements that scan wait for their caller's turn, so that others never wait behind them.
 * @returns a function that takes a statement and its values, as `Database.rows` does
 */
export const askingFor = (db: Database, reader: Reader, scans: boolean): Database['rows'] =>
  scans
    ? (sql, ...values) => db.scan(callerOf(reader), sql, ...values)
    : (sql, ...values) => db.rows(sql, ...values);
