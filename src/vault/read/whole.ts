import type { LookRow, ReadOptions } from './page.ts';
import { PORTION_BYTES } from './portion-sql.ts';
import type { PortionWanted } from './portions.ts';

/** Whether the read may scan rows that it does not show. */
export const isNarrowed = ({ q, writer, author, tag, entry_id, since = 0 }: ReadOptions) =>
  since > 0 || [q, writer, author, tag, entry_id].some((option) => option !== undefined);

/** Whether the read wants the current view from its start without options, which has its own statement. */
export function isWhole(what: ReadOptions, { at }: PortionWanted<number>): boolean {
  const { history = false, kind = 'content', details = false, as_of, cursor } = what;
  const isElsewhere = [as_of, cursor, at].some((option) => option !== undefined);
  return !history && !details && kind === 'content' && !isNarrowed(what) && !isElsewhere;
}

/** Whether a whole view fits into the answer. One that is no page has every row, and room for more than a portion. */
export function fits({ json }: LookRow, { limit }: ReadOptions, { bytes }: PortionWanted<number>): boolean {
  if (json === null) return false;
  return (limit === undefined && bytes >= PORTION_BYTES) || Buffer.byteLength(json) <= bytes;
}
